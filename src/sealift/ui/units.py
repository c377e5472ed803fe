"""Sizes, durations and times as people read and write them, in docker's forms."""

import re

from sealift.core.errors import Invalid

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kmgtp])i?)?b?", re.ASCII | re.IGNORECASE)
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_SPANS = ((24 * 14, 24, "days"), (24 * 60, 168, "weeks"), (24 * 730, 720, "months"))
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def size(count: float, digits: int = 4) -> str:
    """Bytes in powers of 1000: `12.34MB`; docker's image tables show 3 digits."""
    return _scaled(count, 1000, _DECIMAL, digits)


def binary_size(count: float, digits: int = 4) -> str:
    """Bytes in powers of 1024, as `stats` shows memory: `12.34MiB`."""
    return _scaled(count, 1024, _BINARY, digits)


def parse_size(text: str) -> int:
    """Bytes from `512m`, `1.5g`, `1GiB` or `1048576`: powers of 1024, as docker reads them."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Invalid(f"invalid size {text[:50]!r}", fix="write it like 512m, 1.5g or 1048576 (bytes)")
    power = "kmgtp".index(match[2].lower()) + 1 if match[2] else 0
    return int(float(match[1]) * 1024**power) if "." in match[1] else int(match[1]) * int(1024**power)


def duration(seconds: float) -> str:
    """Roughly how long: `3 seconds`, `About a minute`, `5 weeks`."""
    minutes, hours = int(seconds / 60), int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second"
    if seconds < 60:
        return "1 second" if int(seconds) == 1 else f"{int(seconds)} seconds"
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for limit, hours_each, name in _SPANS:
        if hours < limit:
            return f"{hours // hours_each} {name}"
    return f"{int(seconds / 3600) // 24 // 365} years"


def ago(then: float, now: float) -> str:
    """How long before `now` the moment `then` was; both in seconds since the epoch."""
    return f"{duration(max(0.0, now - then))} ago"


def parse_duration(text: str) -> float:
    """Seconds from Go's form: `1h30m`, `10s`, `500ms`; a bare number is seconds."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
        return float(text)
    total, position = 0.0, 0
    while match := _DURATION_PART.match(text, position):
        total += float(match[1]) * _NANOSECONDS[match[2]]
        position = match.end()
    if not text or position != len(text):
        raise Invalid(f"invalid duration {text[:50]!r}", fix="write it like 1h30m, 10s or 500ms")
    return total / 10**9


def parse_timestamp(text: str) -> float:
    """Seconds since the epoch from RFC 3339; parts may be missing from the right, no zone is UTC."""
    from datetime import datetime, timedelta, timezone

    match = _TIMESTAMP.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        zone = match[8] or "Z"
        offset = timedelta()
        if zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))
    except ValueError:
        raise Invalid(f"invalid time {text[:50]!r}", fix="write it like 2024-05-01T12:00:00Z") from None
    return moment.timestamp() + (second - min(second, 59)) + float(f"0.{match[7] or 0}")


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the second."""
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def moment(text: str, now: float) -> float:
    """Seconds since the epoch from what `--since` and `--until` take: a duration before now (`10m`), a Unix
    time, or RFC 3339.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?", text, re.ASCII):
        return float(text)
    if _DURATION_PART.match(text) and not _TIMESTAMP.fullmatch(text):
        return now - parse_duration(text)
    return parse_timestamp(text)


def _scaled(count: float, base: int, names: tuple[str, ...], digits: int) -> str:
    value, index = float(count), 0
    while value >= base and index < len(names) - 1:
        value /= base
        index += 1
    return f"{value:.{digits}g}{names[index]}"
