"""Globs in COPY and ADD, against the table of Go's own `filepath.Match` tests."""

import pytest

from sealift.build import match
from sealift.core.errors import Invalid

GO_CASES = [
    ("abc", "abc", True), ("*", "abc", True), ("*c", "abc", True), ("a*", "a", True), ("a*", "abc", True),
    ("a*", "ab/c", False), ("a*/b", "abc/b", True), ("a*/b", "a/c/b", False),
    ("a*b*c*d*e*/f", "axbxcxdxe/f", True), ("a*b*c*d*e*/f", "axbxcxdxexxx/f", True),
    ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", False), ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", False),
    ("a*b?c*x", "abxbbxdbxebxczzx", True), ("a*b?c*x", "abxbbxdbxebxczzy", False),
    ("ab[c]", "abc", True), ("ab[b-d]", "abc", True), ("ab[e-g]", "abc", False), ("ab[^c]", "abc", False),
    ("ab[^b-d]", "abc", False), ("ab[^e-g]", "abc", True), ("a\\*b", "a*b", True), ("a\\*b", "ab", False),
    ("a?b", "a☺b", True), ("a[^a]b", "a☺b", True), ("a???b", "a☺b", False), ("a[^a][^a][^a]b", "a☺b", False),
    ("[a-ζ]*", "β", True), ("*[a-ζ]", "A", False), ("a?b", "a/b", False), ("a*b", "a/b", False),
    ("[\\]a]", "]", True), ("[\\-]", "-", True), ("[x\\-]", "x", True), ("[x\\-]", "-", True),
    ("[x\\-]", "z", False), ("[\\-x]", "x", True), ("[\\-x]", "-", True), ("[\\-x]", "a", False),
    ("*x", "xxx", True), ("arr[[]0].txt", "arr[0].txt", True),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "name", "expected"), GO_CASES)
def test_pattern_matches_as_go_does(pattern: str, name: str, expected: bool) -> None:
    assert bool(match.compile_pattern(pattern).fullmatch(name)) is expected


@pytest.mark.parametrize(
    "pattern", ["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\"]
)
def test_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid, match="syntax error in pattern"):
        match.compile_pattern(pattern)


def test_split_keeps_the_plain_directories_apart() -> None:
    assert match.split("a/b/c*/d") == ("a/b", "c*/d")
    assert match.split("a/b") == ("a/b", "")
    assert match.split("*") == ("", "*")


def test_escaped_wildcards_are_plain_characters() -> None:
    assert not match.has_wildcard("a\\*b")
    assert match.has_wildcard("a\\\\*b")
