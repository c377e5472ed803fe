"""Processes of the host, told apart from later ones with the same number by when they started."""

import os
import signal
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process: its number and its start time, in clock ticks since the boot (proc(5), stat field 22)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this number now, or None where there is none or it is a zombie."""
        started = start_time(pid)
        return None if started is None else cls(pid, started)

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def signal(self, number: int) -> bool:
        """Send a signal to this process and no other; False where it is gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # Checked after the descriptor holds the process: from here on it cannot become another.
            if not self.alive:
                return False
            signal.pidfd_send_signal(descriptor, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)


def start_time(pid: int) -> int | None:
    """When the process started (clock ticks since the boot), or None where it is gone or a zombie."""
    if pid <= 0:
        return None
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, and may hold anything.
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
