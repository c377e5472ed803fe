"""Durations as Go writes them: `30s`, `1m30s`, `1.5h`, `500ms`."""

import re

from sealift.core.errors import Invalid

_PART = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
    "h": 3600 * 10**9,
}  # fmt: skip
MAX_NANOSECONDS = 2**63 - 1


def parse_duration(text: str) -> int:
    """Nanoseconds. `Invalid` for a negative one, one without a unit, and one beyond 292 years."""
    total = 0
    position = 0
    while position < len(text) and text != "0":
        match = _PART.match(text, position)
        if match is None or not (match[1] or match[2]) or len(match[0]) > 40:
            raise _invalid(text)
        size = _UNITS[match[3]]
        fraction = match[2] or ""
        total += int(match[1] or 0) * size + int(fraction or 0) * size // 10 ** len(fraction)
        position = match.end()
    if not text or total > MAX_NANOSECONDS:
        raise _invalid(text)
    return total


def _invalid(text: str) -> Invalid:
    return Invalid(f"invalid duration {text[:40]!r}", fix="a number with a unit: 500ms, 30s, 1m30s, 2h")
