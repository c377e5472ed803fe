"""Variable expansion: every modifier, quotes and escapes, and what is refused."""

import pytest

from sealift.core.errors import Invalid
from sealift.dockerfile.expand import Mode, expand

VARIABLES = {"A": "hello", "E": "", "P": "/usr/local/lib/x.tar.gz", "STAR": "a*b", "N": "no"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"), ("$A", "hello"), ("${A}", "hello"), ("x$A.y", "xhello.y"), ("$A$A", "hellohello"),
        ("$UNSET", ""), ("${UNSET}", ""), ("$", "$"), ("a$", "a$"), ("$ x", "$ x"), ("$1x", "x"), ("$@", ""),
        ("\\$A", "$A"), ("'$A'", "$A"), ('"$A"', "hello"), ('"\\$A"', "$A"), ('"a\\b"', "a\\b"),
        ('"\\\\"', "\\"), ("a\\b", "ab"), ("it\\'s", "it's"), ("'a'\"b\"c", "abc"), ("x\\", "x"),
        ("${A:-d}", "hello"), ("${E:-d}", "d"), ("${UNSET:-d}", "d"), ("${E-d}", ""), ("${UNSET-d}", "d"),
        ("${A:+d}", "d"), ("${E:+d}", ""), ("${UNSET:+d}", ""), ("${E+d}", "d"), ("${UNSET+d}", ""),
        ("${A:?no}", "hello"), ("${E?no}", ""), ("${UNSET:-${A}}", "hello"), ("${UNSET:-'$A'}", "$A"),
        ("${UNSET:-a b}", "a b"), ('${UNSET:-"x}y"}', "x}y"), ("${UNSET:-\\}}", "}"),
        ("${P#/*/}", "local/lib/x.tar.gz"), ("${P##*/}", "x.tar.gz"), ("${P%.*}", "/usr/local/lib/x.tar"),
        ("${P%%.*}", "/usr/local/lib/x"), ("${A#h?}", "llo"), ("${A%l?}", "hel"), ("${A#zzz}", "hello"),
        ("${STAR#a\\*}", "b"), ("${STAR%\\*b}", "a"), ("${A/l/L}", "heLlo"), ("${A//l/L}", "heLLo"),
        ("${A/l*/}", "he"), ("${P//\\//_}", "_usr_local_lib_x.tar.gz"), ("${A//?/x}", "xxxxx"),
        ("${UNSET//a/b}", ""), ("${A/l/$N}", "henolo"), ("äö$A☺", "äöhello☺"),
    ],
)  # fmt: skip
def test_a_word_is_expanded(text: str, result: str) -> None:
    assert expand(text, VARIABLES).text == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${", "bad substitution"), ("${}", "bad substitution"), ("${:x}", "bad substitution"),
        ("${A", "missing '}'"), ("${A:-x", "missing '}'"), ("${A/x", "missing '/'"),
        ("${A/x/y", "missing '}'"),
        ("${A:#x}", "unsupported modifier (:#)"), ("${A^}", "unsupported modifier (^)"),
        ("'open", "single quote"), ('"open', "double quote"), ("${E:?must be set}", "E: must be set"),
        ("${UNSET?}", "UNSET: is not allowed"), ("${A#\\q}", "invalid escape"),
        ("${A:", "unsupported modifier"),
        ("${A:-" * 200, "nested"),
    ],
)  # fmt: skip
def test_a_bad_word_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        expand(text, VARIABLES)
    assert message in caught.value.message


def test_the_other_escape_character_leaves_backslashes_alone() -> None:
    mode = Mode(escape="`")
    assert expand("C:\\x`$A", VARIABLES, mode).text == "C:\\x$A"


def test_words_part_at_spaces_outside_quotes_and_inside_values() -> None:
    assert expand("80 $PORTS 'a b' c\\ d ''", {"PORTS": "81 82"}).words == ("80", "81", "82", "a b", "c d")
    assert expand("x${A:-y}z", {}).words == ("xyz",)


def test_modes_for_heredocs() -> None:
    assert expand("say \"$A\" and 'x'", VARIABLES, Mode(quotes=False)).text == "say \"hello\" and 'x'"
    assert (
        expand("$UNSET ${UNSET:-x} $A", VARIABLES, Mode(keep_unset=True)).text == "$UNSET ${UNSET:-x} hello"
    )
    assert expand("'a' \"b\"", {}, Mode(keep_quotes=True)).text == "'a' \"b\""


def test_names_without_a_value_are_told() -> None:
    assert expand("$A$B${C:-x}", VARIABLES).unset == {"B", "C"}


def test_a_pattern_of_many_stars_ends() -> None:
    assert expand("${V#" + "*a" * 25 + "}", {"V": "a" * 24 + "b" * 2000}).text == "a" * 24 + "b" * 2000
