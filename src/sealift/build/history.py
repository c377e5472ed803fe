"""The words of an image's history: `created_by` as BuildKit writes it, which scanners and `docker history`
read.
"""

import re
import time
from collections.abc import Iterable, Sequence

from sealift.core.config import Healthcheck

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
COMMENT = "buildkit.dockerfile.v0"
"""What tells the tools that read histories how to read ours."""


def run(args: Sequence[str], build_args: Iterable[tuple[str, str]]) -> str:
    """`RUN |1 VERSION=2 /bin/sh -c …`: the arguments in use, then the command."""
    used = [f"{name}={value}" for name, value in dict(build_args).items()]
    count = [f"|{len(used)}"] if used else []
    return " ".join(["RUN", *count, *used, *args]) + " # buildkit"


def copy(word: str, flags: Sequence[str], sources: Sequence[str], destination: str) -> str:
    return " ".join([word, *flags, *sources, destination]) + " # buildkit"


def pairs(word: str, values: Iterable[tuple[str, str | None]]) -> str:
    """`ENV A=1 B=2`, `LABEL …`, `ARG …`."""
    return " ".join([word, *(name if value is None else f"{name}={value}" for name, value in values)])


def listed(word: str, values: Iterable[str]) -> str:
    """Go's `%v` of a list: `VOLUME [/data /cache]`."""
    return f"{word} [{' '.join(values)}]"


def quoted(word: str, values: Iterable[str]) -> str:
    """Go's `%q` of a list: `CMD ["python3" "app.py"]`."""
    return f"{word} [{' '.join(_quote(value) for value in values)}]"


def exposed(ports: Iterable[str]) -> str:
    """Go's `%v` of the list of ports: `EXPOSE [80/tcp]`."""
    return f"EXPOSE [{' '.join(ports)}]"


def healthcheck(check: Healthcheck) -> str:
    """Go's `%+v` of the health check."""
    test = " ".join(check.test)
    times = (check.interval, check.timeout, check.start_period, check.start_interval)
    names = ("Interval", "Timeout", "StartPeriod", "StartInterval")
    shown = " ".join(f"{name}:{duration(value)}" for name, value in zip(names, times, strict=True))
    return f"HEALTHCHECK {{Test:[{test}] {shown} Retries:{check.retries}}}"


def timestamp(epoch: int) -> str:
    """Unix seconds as RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def parse_timestamp(text: str) -> int:
    """Unix seconds of an RFC 3339 time, rounded down; 0 for what is none, and for times before 1970."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return 0
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return 0
    seconds = _days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    zone = match[7]
    if zone not in "Zz":
        seconds -= (-1 if zone[0] == "-" else 1) * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)
    return max(0, seconds)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the proleptic Gregorian calendar. (`calendar` would cost every build 5 ms.)"""
    year -= month <= 2
    month += 12 if month <= 2 else 0
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719_469


def duration(nanoseconds: int) -> str:
    """Go's `time.Duration.String()`: `1m30s`, `500ms`, `0s`."""
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < size * 1000 and nanoseconds < 1_000_000_000:
            return f"{_trim(nanoseconds, size)}{unit}" if nanoseconds else "0s"
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{_trim(seconds * 1_000_000_000 + fraction, 1_000_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _trim(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _quote(text: str) -> str:
    """Go's `strconv.Quote`, for what appears in commands."""
    special = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x07": "\\a", "\x08": "\\b",
               "\x0c": "\\f", "\x0b": "\\v"}  # fmt: skip
    return '"' + "".join(special.get(c, c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
