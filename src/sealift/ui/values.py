"""Values in templates: how Go prints them, and which of them are true."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sealift.core.errors import Invalid


class Missing(NamedTuple):
    """What a member that is not there gives: false, and printed as Go does. `final` where it was the last
    of its path; something asked of a missing value cannot be printed.
    """

    name: str
    final: bool


def truth(value: object) -> bool:
    """Whether `if` takes the branch: not for zero, an empty text, list or object, nor for nothing."""
    return bool(value) and not isinstance(value, Missing)


def show(value: Any) -> str:
    """`value` as Go's `print` has it: `true`, `[a b]`, `map[a:1 b:2]`, `<no value>`."""
    match value:
        case Missing():
            if not value.final:
                raise Invalid(f"format: there is no {value.name} in this object")
            return "<no value>"
        case None:
            return "<no value>"
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Mapping():
            members = (f"{key}:{_inner(value[key])}" for key in sorted(value) if not callable(value[key]))
            return f"map[{' '.join(members)}]"
        case list() | tuple():
            return f"[{' '.join(map(_inner, value))}]"
    return str(value)


def _inner(value: object) -> str:
    return "<nil>" if value is None else show(value)


def encoded(value: object) -> str:
    """`value` as JSON on one line; methods are left out."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case Missing():
            return None
        case Mapping():
            return {key: _plain(member) for key, member in value.items() if not callable(member)}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
