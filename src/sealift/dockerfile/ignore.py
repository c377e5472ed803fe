"""`.dockerignore`: which paths of the context do not exist for a build.

The rules are those of moby/patternmatcher as BuildKit uses it: patterns in order, the last that matches
decides, `!` brings back, `**` is any number of directories, and what holds for a directory holds for all
below it. Patterns are relative to the context; a leading slash changes nothing.
"""

import posixpath
import re
from typing import NamedTuple, Self

from sealift.core.errors import Invalid


class Pattern(NamedTuple):
    """One line: what it matches, and whether it brings back (`!`)."""

    text: str
    brings_back: bool
    expression: re.Pattern[str]


class Patterns:
    """All lines of a `.dockerignore`."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self._patterns = patterns
        self._directories: dict[str, tuple[bool, ...]] = {}
        self.exceptions = any(pattern.brings_back for pattern in patterns)

    @classmethod
    def parse(cls, text: str, name: str = ".dockerignore") -> Self:
        """The patterns in `text`. `Invalid` names the line that is no pattern."""
        patterns = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            try:
                pattern = None if line.startswith("#") else _parse_line(line.strip())
            except Invalid as error:
                raise Invalid(f"{name}:{number}: {error.message}", fix=error.fix) from None
            if pattern is not None:
                patterns.append(pattern)
        return cls(tuple(patterns))

    def ignores(self, path: str, is_dir: bool) -> bool:
        """Whether `path` (relative, '/' between names) is ignored. The context itself never is."""
        if not path or not self._patterns:
            return False
        return self._match(path, keep=is_dir)[0]

    def reaches_into(self, directory: str) -> bool:
        """Whether an exception (`!x`) may bring back something below a directory that is ignored."""
        names = directory.split("/")
        return any(pattern.brings_back and _leads_below(pattern.text, names) for pattern in self._patterns)

    def _match(self, path: str, *, keep: bool) -> tuple[bool, tuple[bool, ...]]:
        """Whether the path is ignored, and which patterns matched it or a directory above it."""
        above = self._above(path.rpartition("/")[0])
        ignored = False
        matches: list[bool] = []
        for pattern, matched_above in zip(self._patterns, above, strict=True):
            # A pattern that could change nothing is not asked, and then does not count for what is below.
            relevant = pattern.brings_back == ignored
            matched = matched_above or (relevant and pattern.expression.fullmatch(path) is not None)
            matches.append(matched)
            if matched:
                ignored = not pattern.brings_back
        if keep:
            self._directories[path] = tuple(matches)
        return ignored, tuple(matches)

    def _above(self, directory: str) -> tuple[bool, ...]:
        if not directory:
            return (False,) * len(self._patterns)
        known = self._directories.get(directory)
        return known if known is not None else self._match(directory, keep=True)[1]


def _parse_line(text: str) -> Pattern | None:
    if not text:
        return None
    brings_back = text.startswith("!")
    if brings_back:
        text = text[1:].strip()
        if not text:
            raise Invalid('illegal exclusion pattern: "!"', fix="write what is to be kept: !path")
    cleaned = posixpath.normpath(text)
    if cleaned.startswith("//"):  # (POSIX lets two slashes mean something; Go does not)
        cleaned = cleaned[1:]
    if len(cleaned) > 1:
        cleaned = cleaned.removeprefix("/")
    return Pattern(cleaned, brings_back, re.compile(_translate(cleaned), re.DOTALL))


def _leads_below(pattern: str, names: list[str]) -> bool:
    """Whether the pattern may match something below the directory of these names. When in doubt, yes."""
    parts = pattern.split("/")
    if "[" in pattern:  # a class may hold a slash
        return True
    for part, name in zip(parts, names, strict=False):
        if "**" in part:
            return True
        if re.fullmatch(_translate(part), name, re.DOTALL) is None:
            return False
    return len(parts) > len(names)


def _translate(pattern: str) -> str:
    """The regular expression for a whole path."""
    result: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if pattern.startswith("**", position - 1):
            text, position = _any_directories(pattern, position + 1)
        elif character in "*?":
            text = "[^/]*" if character == "*" else "[^/]"
        elif character == "[":
            text, position = _class(pattern, position)
        elif character == "\\":
            if position == len(pattern):
                raise _bad(pattern)
            text = re.escape(pattern[position])
            position += 1
        else:
            text = re.escape(character)
        result.append(text)
    return "".join(result)


def _any_directories(pattern: str, position: int) -> tuple[str, int]:
    """What `**` before `position` means there, and the position after it and its slash."""
    leading = position == 2
    slash = pattern.startswith("/", position)
    position += slash
    rest = pattern[position:]
    if not rest:
        return ".*", position
    # At the beginning, `**name` is every path that ends so; with a pattern behind it only whole names count.
    ends_so = leading and not slash and not set(rest) & set("*?[]\\")
    return ".*" if ends_so else "(?:.*/)?", position


def _class(pattern: str, position: int) -> tuple[str, int]:
    """The class that begins after `[` at `position`, and the position after its `]`."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges = ""
    first = True
    while first or not pattern.startswith("]", position):
        first = False
        low, position = _member(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _member(pattern, position + 1)
        if low > high:
            raise _bad(pattern)
        ranges += f"{re.escape(low)}-{re.escape(high)}"
    return f"[{'^' if negated else ''}{ranges}]", position + 1


def _member(pattern: str, position: int) -> tuple[str, int]:
    if position < len(pattern) and pattern[position] == "\\":
        position += 1
    elif position < len(pattern) and pattern[position] in "-]":
        raise _bad(pattern)
    if position >= len(pattern):
        raise _bad(pattern)
    return pattern[position], position + 1


def _bad(pattern: str) -> Invalid:
    return Invalid(f"syntax error in pattern {pattern!r}", fix="close every '[' and escape with a backslash")
