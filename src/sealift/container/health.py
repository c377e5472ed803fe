"""Health by docker's rules: what a check's result means, and where results are written down (`health.json`).

moby's `daemon/health.go` is the reference.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container.values import HEALTHY, STARTING, UNHEALTHY, Health, HealthResult
from sealift.runtime.processes import Process

if TYPE_CHECKING:
    from sealift.core.config import Healthcheck

_SECOND = 1_000_000_000
DEFAULT_INTERVAL = DEFAULT_TIMEOUT = 30 * _SECOND
DEFAULT_START_INTERVAL = 5 * _SECOND
DEFAULT_RETRIES = 3
KEPT_RESULTS = 5
FILE = "health.json"


def pause(check: Healthcheck, health: Health, since_start: int) -> int:
    """Nanoseconds until the next check: shorter ones in the start period, until the first success."""
    if health.status == STARTING and since_start < check.start_period:
        return check.start_interval or DEFAULT_START_INTERVAL
    return check.interval or DEFAULT_INTERVAL


def judge(check: Healthcheck, health: Health, result: HealthResult, started: int) -> Health:
    """The health after one more result. `started` is when the container did, in ns since 1970."""
    log = (*health.log, result)[-KEPT_RESULTS:]
    if result.exit_code == 0:
        return Health(HEALTHY, 0, log)
    if health.status == STARTING and result.start - started < check.start_period:
        return health._replace(log=log)  # a failure in the start period does not count
    streak = health.failing_streak + 1
    failed = streak >= (check.retries or DEFAULT_RETRIES)
    return Health(UNHEALTHY if failed else health.status, streak, log)


def command(check: Healthcheck, shell: tuple[str, ...]) -> tuple[str, ...]:
    """The command line of a check; `shell` is the image's."""
    kind, *words = check.test
    return (*(shell or ("/bin/sh", "-c")), *words[:1]) if kind == "CMD-SHELL" else tuple(words)


def read(directory: Path, process: Process | None) -> Health:
    """The health of a container in the run that began with `process`."""
    try:
        value = json.loads((directory / FILE).read_bytes())
        if process is None or value["process"] == list(process):
            log = tuple(HealthResult(**result) for result in value["log"])
            return Health(value["status"], value["failing_streak"], log)
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return Health()


def write(directory: Path, process: Process, health: Health) -> None:
    """Replace what is known of the health in the run that began with `process`."""
    value = {
        "process": process,
        "status": health.status,
        "failing_streak": health.failing_streak,
        "log": [result._asdict() for result in health.log],
    }
    temporary = directory / f".{FILE}-{os.getpid()}"
    temporary.write_text(json.dumps(value))
    temporary.replace(directory / FILE)
