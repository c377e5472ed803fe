"""Flags of instructions (`--chown=app`): which there are, and what is said of all others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sealift.core.errors import Invalid


class Allowed(NamedTuple):
    """The flags an instruction takes. `later` are docker's that Sealift does not support yet."""

    single: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    boolean: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class Flags:
    """The flags given to one instruction."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """The value, '' where the flag is not given."""
        return self._values.get(name, ("",))[0]

    def texts(self, name: str) -> tuple[str, ...]:
        return self._values.get(name, ())

    def boolean(self, name: str) -> bool | None:
        """None where the flag is not given."""
        return self._values[name][0] == "true" if name in self._values else None


def read(words: Sequence[str], keyword: str, allowed: Allowed) -> Flags:
    """The flags in `words`; `Invalid` for one that is unknown, repeated, or without its value."""
    values: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        _check_known(name, keyword, allowed)
        if name in values and name not in allowed.several:
            raise Invalid(f"duplicate flag: --{name}", fix="give it once")
        if name in allowed.boolean:
            value = _boolean(name, value if equals else "true")
        elif not equals:
            raise Invalid(f"missing a value on flag: --{name}", fix=f"{keyword} --{name}=VALUE")
        values[name] = (*values.get(name, ()), value)
    return Flags(values)


def _check_known(name: str, keyword: str, allowed: Allowed) -> None:
    known = (*allowed.single, *allowed.several, *allowed.boolean)
    if name in known:
        return
    if name in allowed.later:
        raise Invalid(
            f"{keyword} --{name} is not supported yet",
            fix=f"leave --{name} out, or write it as steps without it",
        )
    if not known:
        raise Invalid(
            f"unknown flag: --{name}", fix=f"{keyword} takes no flags; put -- before words that begin so"
        )
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    fix = (
        f"did you mean --{close[0]}?"
        if close
        else f"{keyword} takes {', '.join(f'--{one}' for one in known)}"
    )
    raise Invalid(f"unknown flag: --{name}", fix=fix)


def _boolean(name: str, value: str) -> str:
    if value.lower() not in ("true", "false"):
        raise Invalid(f"--{name} is true or false, not {value!r}", fix=f"--{name}, or --{name}=false")
    return value.lower()
