"""What `--format` says: `json`, `table TEMPLATE`, or a Go template, for lists and for single objects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sealift.ui import tables

if TYPE_CHECKING:
    from sealift.ui.template import Node, Pipeline

Row = Mapping[str, Any]
"""What one line of a list says: texts by field name; callables are methods (`{{.Label "key"}}`)."""


def listing(
    text: str, rows: Iterable[Row], columns: Mapping[str, str], shown: Sequence[str], *, bold: bool = False
) -> str:
    """A list command's whole output. `columns` gives the header of each field, `shown` the fields that a
    table has when `text` (the value of `--format`) asks for none: empty or `table`.
    """
    if text in ("", "table"):
        cells = [[str(row[field]) for field in shown] for row in rows]
        return tables.table(cells, [columns[field] for field in shown], bold=bold)
    return render(text, rows, columns, bold=bold)


def render(
    text: str, rows: Iterable[Row], columns: Mapping[str, str] | None = None, *, bold: bool = False
) -> str:
    """One line for each row: as JSON, from a template, or, after the word `table`, aligned under a header.

    As in docker, `\\t` and `\\n` spelled out mean a tab and a line's end.
    """
    from sealift.ui.evaluate import execute
    from sealift.ui.template import parse
    from sealift.ui.values import encoded

    if text == "json":
        return "".join(f"{encoded(row)}\n" for row in rows)
    in_table = text.startswith("table ")
    source = text.removeprefix("table ").strip() if in_table else text
    nodes = parse(source.replace("\\t", "\t").replace("\\n", "\n"))
    lines = [execute(nodes, row) for row in rows]
    if not in_table:
        return "".join(f"{line}\n" for line in lines)
    header = _header(nodes, columns or {}).split("\t")
    return tables.table([line.split("\t") for line in lines], header, bold=bold)


def inspect(text: str, values: Sequence[object]) -> str:
    """What `inspect` prints: an indented JSON list, one JSON value a line, or a template's text for each."""
    if text in ("", "json"):
        import json

        from sealift.ui.values import encoded

        if text == "json":
            return "".join(f"{encoded(value)}\n" for value in values)
        return json.dumps(list(values), indent=4, ensure_ascii=False) + "\n"
    from sealift.ui.evaluate import execute
    from sealift.ui.template import parse

    nodes = parse(text)
    return "".join(f"{execute(nodes, value)}\n" for value in values)


def check(text: str) -> None:
    """`Invalid` where `text` is no format: to be called before work whose result it would show."""
    if text not in ("", "json", "table"):
        from sealift.ui.template import parse

        parse(text.removeprefix("table "))


def _header(nodes: "Sequence[Node]", columns: Mapping[str, str]) -> str:
    """The header line: the template with each field replaced by its header."""
    from sealift.ui.template import Block, Pipeline

    out = ""
    for node in nodes:
        match node:
            case str():
                out += node
            case Pipeline():
                out += " ".join(columns.get(field, field.upper()) for field in _fields(node))
            case Block():
                out += _header(node.body, columns)
    return out


def _fields(pipeline: "Pipeline") -> list[str]:
    """The first names of the paths that a pipeline shows."""
    from sealift.ui.template import Path, Pipeline

    found: list[str] = []
    for command in pipeline.commands:
        for operand in command:
            if isinstance(operand, Path):
                if isinstance(operand.base, Pipeline):
                    found += _fields(operand.base)
                elif operand.fields:
                    found.append(operand.fields[0])
    return found
