"""Resource limits of processes: docker's names, a default for open files, clamped to what may be set here."""

import resource

from sealift.core.document import JSON
from sealift.core.errors import Denied, Invalid
from sealift.runtime.spec import Rlimit

# fmt: off
NAMES = (
    "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc",
    "rss", "rtprio", "rttime", "sigpending", "stack",
)
# fmt: on
UNLIMITED = 2**64 - 1

# docker's and podman's default for open files; everything else is inherited.
DEFAULT_NOFILE = 1_048_576


def hard_limits() -> tuple[tuple[str, int], ...]:
    """This process's hard limits, -1 for unlimited: without CAP_SYS_RESOURCE nothing may go above them."""
    found = []
    for name in NAMES:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is not None:
            found.append((name, resource.getrlimit(number)[1]))
    return tuple(found)


def parse(text: str) -> Rlimit:
    """docker's `--ulimit NAME=SOFT[:HARD]`."""
    name, equals, values = text.partition("=")
    soft, colon, hard = values.partition(":")
    if not equals or name not in NAMES or not _is_number(soft) or (colon and not _is_number(hard)):
        raise Invalid(f"invalid ulimit: {text!r}", fix=f"NAME=SOFT[:HARD], NAME one of {' '.join(NAMES)}")
    limit = Rlimit(name, int(soft), int(hard) if colon else int(soft))
    if _value(limit.soft) > _value(limit.hard):
        raise Invalid(f"invalid ulimit: {text!r}: the soft limit is above the hard limit")
    return limit


def to_json(chosen: tuple[Rlimit, ...], hard: dict[str, int], may_raise: bool) -> list[JSON]:
    """The runtime's list. An explicit limit that cannot be set is `Denied`; the default is clamped."""
    limits = {limit.name: limit for limit in chosen}
    for limit in chosen:
        ceiling = hard.get(limit.name, -1)
        if not may_raise and _value(limit.hard) > _value(ceiling):
            raise Denied(
                f"ulimit {limit.name}={limit.hard} is above this process's own hard limit of {ceiling}",
                fix=f"choose at most {ceiling}, or give sealift CAP_SYS_RESOURCE",
            )
    if "nofile" not in limits:
        ceiling = DEFAULT_NOFILE if may_raise else min(DEFAULT_NOFILE, _value(hard.get("nofile", -1)))
        limits["nofile"] = Rlimit("nofile", ceiling, ceiling)
    return [
        {"type": f"RLIMIT_{name.upper()}", "soft": _value(limit.soft), "hard": _value(limit.hard)}
        for name, limit in sorted(limits.items())
    ]


def _is_number(text: str) -> bool:
    return text == "-1" or (text.isascii() and text.isdecimal() and len(text) < 19)


def _value(limit: int) -> int:
    return UNLIMITED if limit < 0 else limit
