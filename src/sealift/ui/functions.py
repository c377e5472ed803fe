"""The functions a template can call: Go's own and docker's additions."""

from collections.abc import Callable, Mapping
from typing import Any

from sealift.ui.values import Missing, encoded, show, truth

MAX_PAD = 1000


def index(value: Any, *keys: Any) -> Any:
    """`index .Ports "80/tcp" 0`. What an object lacks is missing; a list's index must exist."""
    for key in keys:
        if value is None or isinstance(value, Missing):
            return Missing(str(key), final=False)
        if isinstance(value, Mapping):
            value = value[key] if key in value else _absent(value, str(key))
        elif isinstance(value, list | tuple | str):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise ValueError(f"there is no index {key}, the length is {len(value)}")
            value = value[key]
        else:
            raise TypeError("only lists, objects and texts have an index")
    return value


def _absent(value: Mapping[str, Any], key: str) -> Any:
    """Among texts only, as in labels, an absent member is an empty text: Go's zero value."""
    return "" if all(isinstance(member, str) for member in value.values()) else Missing(key, final=True)


def length(value: Any) -> int:
    return 0 if value is None or isinstance(value, Missing) else len(value)


def join(values: Any, separator: str) -> str:
    if values is None or isinstance(values, Missing):
        return ""
    if isinstance(values, str | Mapping):
        raise TypeError("it joins a list")
    return separator.join(map(show, values))


def split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def cut(value: Any, *bounds: int) -> Any:
    """`slice .ID 0 12`."""
    if any(not 0 <= bound <= len(value) for bound in bounds) or len(bounds) > 2:
        raise ValueError(f"the length is {len(value)}")
    return value[slice(*(bounds if len(bounds) != 1 else (bounds[0], None)))]


def pad(text: str, before: int, after: int) -> str:
    return " " * min(before, MAX_PAD) + text + " " * min(after, MAX_PAD) if text else text


def printf(template: str, *values: Any) -> str:
    """Go's `%s %v %d %q %x %f %t`, with width and precision."""
    import re

    left = list(values)

    def replace(match: "re.Match[str]") -> str:
        flags, verb = match[1], match[2]
        if verb == "%":
            return "%"
        if not left:
            return f"%!{verb}(MISSING)"
        value = left.pop(0)
        if verb in "sv":
            return f"%{flags}s" % show(value)
        if verb == "t":
            return show(value)
        if verb == "q":
            return f"%{flags}s" % encoded(show(value))
        return str(f"%{flags}{verb}" % value)

    return re.sub(r"%([-+ 0#]*\d{0,3}(?:\.\d{0,2})?)([a-zA-Z%])", replace, template)


def plain(*values: Any) -> str:
    """Go's `print`: a space between two neighbours when neither is a text."""
    out = ""
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            out += " "
        out += show(value)
    return out


def equal(first: Any, *others: Any) -> bool:
    """`eq a b c`: whether a is any of the others. Nothing equals nothing only."""
    if not others:
        raise ValueError("it compares two values or more")
    return any(_bare(first) == _bare(other) for other in others)


def _bare(value: Any) -> Any:
    return None if isinstance(value, Missing) else value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": lambda value: encoded(value),
    "index": index,
    "len": length,
    "join": join,
    "split": split,
    "slice": cut,
    "upper": lambda text: show(text).upper(),
    "lower": lambda text: show(text).lower(),
    "title": lambda text: show(text)[:1].upper() + show(text)[1:],
    "truncate": lambda text, limit: text[:limit],
    "pad": pad,
    "print": plain,
    "println": lambda *values: " ".join(map(show, values)) + "\n",
    "printf": printf,
    "not": lambda value: not truth(value),
    "eq": equal,
    "ne": lambda left, right: _bare(left) != _bare(right),
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
}
