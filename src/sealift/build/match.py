"""Globs in COPY and ADD sources: Go's `filepath.Match`, which Dockerfiles are written for.

`*` and `?` never match `/`; `[a-z]` and `[^a-z]` are classes; a backslash takes the next character as it is.
"""

import re
from functools import lru_cache

from sealift.core.errors import Invalid


def has_wildcard(text: str) -> bool:
    """Whether `text` is a pattern rather than a plain path."""
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in "*?[":
            return True
    return False


def split(path: str) -> tuple[str, str]:
    """The plain directory before the first component with a wildcard, and the pattern from there on."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if has_wildcard(part):
            return "/".join(parts[:index]), "/".join(parts[index:])
    return path, ""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression that matches whole relative paths as `filepath.Match` does."""
    result = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            result.append("[^/]*")
        elif character == "?":
            result.append("[^/]")
        elif character == "[":
            text, position = _class(pattern, position)
            result.append(text)
        elif character == "\\":
            if position == len(pattern):
                raise _bad(pattern)
            result.append(re.escape(pattern[position]))
            position += 1
        else:
            result.append(re.escape(character))
    return re.compile("".join(result), re.DOTALL)


def _class(pattern: str, position: int) -> tuple[str, int]:
    """The class that begins after `[` at `position`, and the position after its `]`."""
    negated = pattern.startswith("^", position)
    position += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", position)):
        low, position = _member(pattern, position)
        high = low
        if pattern.startswith("-", position):
            high, position = _member(pattern, position + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            ranges.append("")
    inside = "".join(ranges)
    if not inside:  # Go: a range whose ends are swapped matches nothing
        return ("[^/]" if negated else "(?!)"), position + 1
    return (f"[^/{inside}]" if negated else f"(?!/)[{inside}]"), position + 1


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
