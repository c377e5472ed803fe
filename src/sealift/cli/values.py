"""Values of flags, for argparse's `type=`: what these refuse is reported with the flag's name (exit 125)."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

from sealift.core.errors import Invalid, NotFound

Value = TypeVar("Value")
_MAX = 2**63 - 1
_MAX_DIGITS = 18


def checked(parse: Callable[[str], Value], text: str) -> Value:
    """`parse(text)`; what it finds wrong becomes argparse's error."""
    try:
        return parse(text)
    except (Invalid, NotFound) as error:
        hint = f" ({error.fix})" if error.fix else ""
        raise ArgumentTypeError(f"{error.message}{hint}") from error


def size(text: str) -> int:
    """Bytes, from docker's `512`, `64k`, `1.5g`, `1GiB`; powers of 1024."""
    from sealift.ui import units

    if len(text) > 30:
        raise ArgumentTypeError(f"invalid size: {text[:40]!r}")
    value = checked(units.parse_size, text)
    if value > _MAX:
        raise ArgumentTypeError(f"size out of range: {text}")
    return value


def swap(text: str) -> int:
    """`size`, or -1 for unlimited."""
    return -1 if text.strip() == "-1" else size(text)


def nano_cpus(text: str) -> int:
    """10^-9 CPUs, from a decimal number like `1.5`."""
    match = re.fullmatch(r"(\d{1,6})?(?:\.(\d{1,9}))?", text.strip(), re.ASCII)
    if match is None or not (match[1] or match[2]):
        raise ArgumentTypeError(f"invalid number of CPUs: {text[:40]!r} (like 0.5 or 2)")
    return int(match[1] or 0) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def whole(text: str) -> int:
    """A whole number that may be negative."""
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MAX_DIGITS:
        raise ArgumentTypeError(f"not a whole number: {text[:40]!r}")
    return int(text)


def count(text: str) -> int:
    """A whole number from 0 on."""
    value = whole(text)
    if value < 0:
        raise ArgumentTypeError(f"must not be negative: {text}")
    return value


def duration(text: str) -> int:
    """Nanoseconds of a health check's `30s`, `1m30s`; 0 for the default, else at least a millisecond."""
    from sealift.ui import units

    if len(text) > 60:
        raise ArgumentTypeError(f"invalid duration: {text[:40]!r}")
    value = round(checked(units.parse_duration, text) * 1_000_000_000)
    if 0 < value < 1_000_000:
        raise ArgumentTypeError(f"must be at least 1ms: {text}")
    if value > _MAX:
        raise ArgumentTypeError(f"duration out of range: {text}")
    return value


def boolean(text: str) -> bool:
    """What docker takes for yes and no."""
    from sealift.cli.words import parse_boolean

    return parse_boolean(text)


def pair(text: str) -> tuple[str, str]:
    """`NAME=value`, as for --sysctl and --annotation."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError(f"not NAME=value: {text[:80]!r}")
    return name, value
