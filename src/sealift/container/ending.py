"""The end of a container: what it left is taken down, how it ended is written down, and what comes then.

Whoever calls holds the container's lock. Everything here can be done twice, as whoever does it may be killed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sealift.container import spec as specs
from sealift.container import status as states
from sealift.container.starting import on_network
from sealift.container.threads import Meanwhile
from sealift.core.errors import Conflict, Corrupt, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status
    from sealift.runtime.monitor import Exit

UNKNOWN_EXIT = 255
"""The exit code of a container whose end nobody saw, as docker has it."""

_KILLED = 137
_REMEMBERED = 3600  # seconds for which the exit code of a removed container can be asked for
SHORT_RUN = 10 * 1_000_000_000  # ns: a run of this length counts as success, and the back-off begins anew


def finish(parts: Parts, record: Record, ended: Exit | None = None) -> Status:
    """Clean up behind a container whose process has ended; its state. Nothing where that is done already."""
    directory = parts.registry.directory(record.id)
    status = states.read(directory)
    if status.status not in (states.RUNNING, states.PAUSED):
        return status
    ended = ended or (parts.monitor.exit(parts.registry.bundle(record.id)) if status.here else None)
    after = _ended(status, ended)
    # conmon misses it where the process is gone before it watches; the kernel's own count is still there.
    if after.exit_code == _KILLED and not after.out_of_memory:
        after = after._replace(out_of_memory=parts.engine.cgroup(record.id).out_of_memory())
    if record.spec.auto_remove:
        remove(parts, record, volumes=True)
        if record.id.startswith("00"):  # now and then
            parts.monitor.sweep_records(_REMEMBERED)
        return after
    _clear(parts, record, parts.snapshots.release)
    if _restarts(record, after):
        ran = after.finished - after.started
        after = after._replace(status=states.RESTARTING, failures=0 if ran >= SHORT_RUN else after.failures)
    states.write(directory, after)
    return after


def remove(parts: Parts, record: Record, *, volumes: bool) -> None:
    """Everything that there is of a container, with its anonymous volumes where asked for."""
    _clear(parts, record, parts.snapshots.remove)
    parts.registry.remove(record)
    if volumes:
        _remove_volumes(parts, record)


def _clear(parts: Parts, record: Record, unmount: Callable[[Path], None]) -> None:
    """Everything that a container has only while it runs. Once no process is left, all at the same time."""
    network = Meanwhile(lambda: parts.networks.detach(record.id)) if on_network(record) else None
    directory = parts.registry.snapshot(record.id)
    alive = parts.engine.process(record.id) is not None
    tree = None if alive else Meanwhile(lambda: unmount(directory))
    try:
        parts.engine.delete(record.id, force=True)
        if alive:
            unmount(directory)
    finally:
        for one in (tree, network):
            if one is not None:
                one.result()


def remove_damaged(parts: Parts, container: str) -> str:
    """Remove a container by its ID whose record cannot be read; empty where that is not so."""
    if container not in parts.registry.ids():
        return ""
    with parts.registry.lock(container):
        try:
            parts.registry.read(container)
            return ""
        except Corrupt:
            parts.engine.delete(container, force=True)
            parts.networks.detach(container)
            parts.snapshots.remove(parts.registry.snapshot(container))
            parts.registry.forget(container)
            return container


def _remove_volumes(parts: Parts, record: Record) -> None:
    for name in record.anonymous_volumes:
        with suppress(NotFound, Conflict):
            parts.volumes.remove(name)


def _ended(status: Status, ended: Exit | None) -> Status:
    after = status._replace(
        status=states.EXITED,
        process=None,
        monitor=None,
        owner=None,
        exit_code=ended.code if ended else UNKNOWN_EXIT,
        out_of_memory=ended.out_of_memory if ended else False,
        finished=ended.finished if ended else time.time_ns(),
    )
    if ended:
        return after
    why = "its supervisor was killed" if status.here else "the host was restarted"
    return after._replace(error=f"{why} while it ran: its exit code is not known")


def _restarts(record: Record, status: Status) -> bool:
    policy = record.spec.restart
    if status.stopped or policy.name == specs.NO:
        return False
    if policy.name == specs.ON_FAILURE:
        return status.exit_code != 0 and (not policy.retries or status.restarts < policy.retries)
    return True
