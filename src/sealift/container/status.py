"""What became of a container: `state.json`, replaced at each step of its life."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from sealift.host import boot_id
from sealift.runtime.processes import Process

CREATED, STARTING, RUNNING, PAUSED, RESTARTING, EXITED = (
    "created", "starting", "running", "paused", "restarting", "exited",
)  # fmt: skip
FILE = "state.json"


class Status(NamedTuple):
    """The state as stored. Times in ns since 1970.

    `boot` is the boot of the host in which the processes lived. `owner` is who is about to change the state:
    the command that starts it, or the one that waits to restart it. `pending` says that nobody has seen the
    container yet, as it is part of a `run` that has not started it. `stopped` says that a user ended it, so
    that its restart policy does not apply. `restarts` counts those of the policy since a user started it,
    `failures` those without a run of some length in between. `network` is what the network gave it.
    """

    status: str = CREATED
    boot: str = ""
    process: Process | None = None
    monitor: Process | None = None
    owner: Process | None = None
    pending: bool = False
    stopped: bool = False
    exit_code: int = 0
    error: str = ""
    out_of_memory: bool = False
    started: int = 0
    finished: int = 0
    restarts: int = 0
    failures: int = 0
    network: dict[str, Any] = {}  # noqa: RUF012 - a member's default, never changed

    @property
    def here(self) -> bool:
        """Whether it was written in this boot of the host: else no process it names exists any more."""
        return self.boot == boot_id()

    @property
    def alive(self) -> bool:
        """Whether the container's first process is there."""
        return self.here and self.process is not None and self.process.alive

    @property
    def supervised(self) -> bool:
        """Whether its conmon is there, which will clean up behind it."""
        return self.here and self.monitor is not None and self.monitor.alive

    @property
    def owned(self) -> bool:
        """Whether somebody is at work on it."""
        return self.here and self.owner is not None and self.owner.alive


def read(directory: Path) -> Status:
    """The state in a container's directory; as created where the file was lost with the power."""
    try:
        value = json.loads((directory / FILE).read_bytes())
        for key in ("process", "monitor", "owner"):
            if value.get(key):
                value[key] = Process(*value[key])
        return Status(**value)
    except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):
        return Status()


def write(directory: Path, status: Status) -> None:
    """Replace the state. Not made durable: after a power cut no process is left that it could tell of."""
    temporary = directory / f".{FILE}-{os.getpid()}"
    temporary.write_text(json.dumps(status._asdict(), separators=(",", ":")))
    temporary.replace(directory / FILE)
