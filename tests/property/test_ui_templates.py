"""Templates and tables take any text: they show something, or say what is wrong with it."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sealift.core.errors import Invalid
from sealift.ui import formats, tables

PIECES = st.sampled_from(
    ["{{", "}}", ".Name", ".State", ".Missing", "range", "end", "if", "else", "with", "$x", ":=", "|", "json",
     "index", '"a"', "`b`", "1", "-1", "2.5", "(", ")", " ", "len", "join", "printf", '"%s%d%x"', "eq", "and",
     "slice", "pad", "split", "not", "$", ".", "-", "/*", "*/", ",", "=", "nil", "true", "\n", "title"]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "State", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(PIECES, max_size=14).map("".join), VALUES, VALUES)
def test_template_gives_text_or_says_what_is_wrong(template: str, name: Any, state: Any) -> None:
    with suppress(Invalid):
        assert isinstance(formats.render(template, [{"Name": name, "State": state}]), str)


@given(st.lists(PIECES, max_size=8).map(" ".join), VALUES)
def test_action_gives_text_or_says_what_is_wrong(action: str, name: Any) -> None:
    with suppress(Invalid):
        formats.inspect(f"{{{{{action}}}}}", [{"Name": name, "State": {"a": [1, "x"]}}])


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), max_size=5))
def test_tables_have_one_printable_line_a_row(rows: list[list[str]]) -> None:
    lines = tables.table(rows, ["A", "B", "C", "D"]).encode().decode().splitlines()
    assert len([line for line in lines if line]) <= len(rows) + 1
    assert all(tables.clean(line) == line for line in lines)


@given(VALUES)
def test_json_row_is_json(value: Any) -> None:
    import json

    assert json.loads(formats.render("json", [{"Value": value}])) == {"Value": value}
