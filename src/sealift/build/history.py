"""The words of an image's history: `created_by` as BuildKit writes it, which scanners and `docker history`
read.
"""

from collections.abc import Iterable, Sequence

from sealift.core.config import Healthcheck

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
    """Go's `%v` of the set of ports: `EXPOSE map[80/tcp:{}]`."""
    return f"EXPOSE [{' '.join(ports)}]"


def healthcheck(check: Healthcheck) -> str:
    """Go's `%+v` of the health check."""
    test = " ".join(check.test)
    times = (check.interval, check.timeout, check.start_period, check.start_interval)
    names = ("Interval", "Timeout", "StartPeriod", "StartInterval")
    shown = " ".join(f"{name}:{duration(value)}" for name, value in zip(names, times, strict=True))
    return f"HEALTHCHECK {{Test:[{test}] {shown} Retries:{check.retries}}}"


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
