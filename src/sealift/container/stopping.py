"""Ending containers that run: signals, patience, force, and waiting until they are cleaned up."""

from __future__ import annotations

import signal as signals_of_host
import time
from typing import TYPE_CHECKING

from sealift.container import ending, signals
from sealift.container import status as states
from sealift.container.looking import held
from sealift.container.spec import DEFAULT_STOP_TIMEOUT
from sealift.core.errors import Conflict, NotFound, Unavailable
from sealift.runtime.monitor import Created

if TYPE_CHECKING:
    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status
    from sealift.runtime.monitor import Exit

_KILL_PATIENCE = 10.0  # seconds for a killed process to be gone
_CLEANER_PATIENCE = 2.0  # seconds for whoever attends to a container to clean up behind it
_KILL = int(signals_of_host.SIGKILL)


def stop(parts: Parts, name: str, timeout: float | None, signal: str) -> None:
    """End a container that runs, so that its restart policy does not apply."""
    with held(parts, name) as (record, status):
        created = _ask(parts, record, status, signal)
        if created is None:
            return
        attendance = parts.registry.attend(record.id)
    try:
        ended = parts.monitor.wait(parts.registry.bundle(record.id), created, _patience(record, timeout))
        if ended is None and created.process.alive:
            ended = _force(parts, record, created)
        if attendance is None:
            _wait_for_cleaner(parts, record.id)
        _finish(parts, record.id, ended)
    finally:
        if attendance is not None:
            attendance.release()


def kill(parts: Parts, name: str, signal: str) -> None:
    """Send a signal. After SIGKILL, wait until everything is cleaned up."""
    number = signals.parse(signal)
    with held(parts, name) as (record, status):
        if status.process is None or status.status not in (states.RUNNING, states.PAUSED):
            raise Conflict(f"container {record.name} is not running", fix=f"sealift start {record.name}")
        created = Created(status.process, status.monitor or status.process)
        fatal = number in (_KILL, _stop_signal(record, ""))
        if fatal:
            states.write(parts.registry.directory(record.id), status._replace(stopped=True))
        status.process.signal(number)
        if fatal and status.status == states.PAUSED:
            parts.engine.cgroup(record.id).thaw()  # else it would not notice
    if number == _KILL:
        ended = _wait_until_gone(parts, record, created)
        _wait_for_cleaner(parts, record.id)
        _finish(parts, record.id, ended)


def kill_now(parts: Parts, record: Record, status: Status) -> None:
    """End a container that we hold, for good: as a part of its removal."""
    if status.process is None or status.status not in (states.RUNNING, states.PAUSED):
        return
    created = Created(status.process, status.monitor or status.process)
    status.process.signal(_KILL)
    parts.engine.cgroup(record.id).thaw()
    _wait_until_gone(parts, record, created)


def _ask(parts: Parts, record: Record, status: Status, signal: str) -> Created | None:
    """Send the stop signal to a container that we hold; None where there is nothing to end."""
    number = _stop_signal(record, signal)
    directory = parts.registry.directory(record.id)
    if status.status == states.RESTARTING:
        states.write(directory, status._replace(status=states.EXITED, owner=None, stopped=True))
        return None
    if status.process is None or status.status not in (states.RUNNING, states.PAUSED):
        return None
    states.write(directory, status._replace(stopped=True))
    status.process.signal(number)
    if status.status == states.PAUSED:
        parts.engine.cgroup(record.id).thaw()
    return Created(status.process, status.monitor or status.process)


def _stop_signal(record: Record, signal: str) -> int:
    text = signal or record.spec.stop_signal
    return signals.parse(text) if text else int(signals_of_host.SIGTERM)


def _patience(record: Record, timeout: float | None) -> float | None:
    """Seconds to wait; None for ever."""
    if timeout is None:
        timeout = DEFAULT_STOP_TIMEOUT if record.spec.stop_timeout is None else record.spec.stop_timeout
    return None if timeout < 0 else timeout


def _force(parts: Parts, record: Record, created: Created) -> Exit | None:
    created.process.signal(_KILL)
    return _wait_until_gone(parts, record, created)


def _wait_until_gone(parts: Parts, record: Record, created: Created) -> Exit | None:
    ended = parts.monitor.wait(parts.registry.bundle(record.id), created, _KILL_PATIENCE)
    if ended is None and created.process.alive:
        raise Unavailable(
            f"container {record.name} does not end: its process {created.process.pid} is stuck in the kernel",
            fix="look for what it waits for: cat /proc/PID/wchan, a network file system, a device",
        )
    return ended


def _wait_for_cleaner(parts: Parts, container: str) -> None:
    """Give whoever attends to the container the time to clean up. Then we do: it may be stuck, as when its
    output goes to a pager that nobody scrolls.
    """
    deadline = time.monotonic() + _CLEANER_PATIENCE
    directory = parts.registry.directory(container)
    pause = 0.002
    while time.monotonic() < deadline:
        if states.read(directory).status not in (states.RUNNING, states.PAUSED) or not directory.exists():
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _finish(parts: Parts, container: str, ended: Exit | None) -> None:
    try:
        with parts.registry.lock(container):
            ending.finish(parts, parts.registry.read(container), ended)
    except NotFound:
        return  # removed at its end, by another
