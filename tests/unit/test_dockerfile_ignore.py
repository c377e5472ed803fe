"""`.dockerignore` patterns decide as moby's do."""

import pytest

from sealift.core.errors import Invalid
from sealift.dockerfile.ignore import Patterns


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("**", "file", True), ("**", "dir/file", True), ("**/", "dir/file", True), ("**/**", "d/f", True),
        ("dir/**", "dir/dir2/file", True), ("abc/**", "abc", False), ("**/dir", "dir/file", True),
        ("**/dir2/*", "dir/dir2/file", True), ("**/dir2/**", "dir/dir2/dir3/file", True),
        ("**file", "dir/dir/file", True), ("**file", "xfile", True), ("**/file", "xfile", False),
        ("**file*", "xfile", False), ("**/file*", "dir/dir/file.txt", True),
        ("**/**/*.txt", "file.txt", True), ("**/**/*.txt2", "dir/dir/file.txt", False),
        ("a**/*.txt", "a/dir/file.txt", True), ("a/*.txt", "a/dir/file.txt", False),
        ("a/*.txt**", "a/file.txt", True), ("a[b-d]e", "ace", True), ("a[b-d]e", "aae", False),
        ("a[^b-d]e", "aze", True), (".*", ".foo", True), (".*", "foo", False), ("abc.def", "abcZdef", False),
        ("abc?def", "abcZdef", True), ("a?b", "a/b", False), ("a*b", "a/b", False), ("a\\*b", "a*b", True),
        ("a\\*b", "aab", False), ("a\\\\", "a\\", True), ("a(b)c/def", "a(b)c/def", True),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", True), ("dist/*.whl", "dist/p-2.4+g0-any.whl", True),
        ("/abs/x", "abs/x", True), ("./a/../b", "b", True), ("b/", "b/c", True), ("  b  ", "b", True),
        ("# b\n", "# b", False), ("\ufeffb", "b", True), ("b\r", "b", True), ("[a-é]*", "z", True),
        ("[[a]", "[", True), ("..", "a", False), (".", "a", False), ("/", "a", False),
        ("*.go\n!x.go", "x.go", False), ("!x.go\n*.go", "x.go", True),
        ("docs\n!docs/R.md", "docs/R.md", False),
        ("docs/*\n!docs/R.md", "docs/R.md", False), ("docs\n!docs/R.md", "docs/x", True),
        ("**\n!util/web", "util/web/foo", False), ("**\n!util/web\nutil/web/foo", "util/web/foo", True),
        ("**\n! util/web", "util/web", False), ("**\n!/dist/*.whl", "dist/p+1.whl", False),
        # a later pattern that could not change the directory's fate does not reach below it
        ("a\n!a/b\na", "a/b", False),
    ],
)  # fmt: skip
def test_patterns(patterns: str, path: str, ignored: bool) -> None:
    parsed = Patterns.parse(patterns)
    assert parsed.ignores(path, False) is ignored
    assert parsed.ignores(path, False) is ignored  # (what is remembered of directories changes nothing)


def test_the_context_itself_is_never_ignored() -> None:
    assert Patterns.parse("**").ignores("", True) is False


@pytest.mark.parametrize(
    ("pattern", "directory", "reaches"),
    [
        ("!a/b", "a", True), ("!a/b", "b", False), ("!a", "a", False), ("!a/b", "a/b", False),
        ("!a/b/c", "a/b", True), ("!*/b", "x", True), ("!a*/b", "xa", False), ("!**/b", "x/y", True),
        ("!a/**", "a/x", True), ("!a/**", "b", False), ("![ab]/x", "c", True), ("a/b", "a", False),
    ],
)  # fmt: skip
def test_where_exceptions_may_reach(pattern: str, directory: str, reaches: bool) -> None:
    assert Patterns.parse(pattern).reaches_into(directory) is reaches


def test_exceptions_are_told() -> None:
    assert Patterns.parse("a\n!b").exceptions
    assert not Patterns.parse("a\nb").exceptions


@pytest.mark.parametrize(("text", "line"), [("a\n!", 2), ("[", 1), ("\n\n[a-]", 3), ("x\\", 1), ("[]a]", 1)])
def test_a_bad_pattern_is_named_with_its_line(text: str, line: int) -> None:
    with pytest.raises(Invalid, match=rf"^\.dockerignore:{line}: "):
        Patterns.parse(text)
