"""Signals as people write them: `TERM`, `SIGTERM`, `15`, `RTMIN+3`."""

import signal

from sealift.core.errors import Invalid


def parse(text: str) -> int:
    """The number of a signal; `Invalid` where there is no such signal."""
    name = text.strip().upper().removeprefix("SIG")
    if name.isascii() and name.isdecimal() and len(name) < 4:
        if 0 < int(name) <= signal.SIGRTMAX:
            return int(name)
    elif name.startswith(("RTMIN", "RTMAX")):
        number = _real_time(name)
        if number:
            return number
    else:
        try:
            return signal.Signals[f"SIG{name}"].value
        except KeyError:
            pass
    raise Invalid(f"invalid signal: {text[:40]!r}", fix="a name like TERM or SIGKILL, or a number")


def _real_time(name: str) -> int:
    base, sign, offset = name[:5], name[5:6], name[6:]
    number = int(signal.SIGRTMIN if base == "RTMIN" else signal.SIGRTMAX)
    if sign:
        if sign not in "+-" or not offset.isdecimal() or len(offset) > 2:
            return 0
        number += int(sign + offset)
    return number if signal.SIGRTMIN <= number <= signal.SIGRTMAX else 0
