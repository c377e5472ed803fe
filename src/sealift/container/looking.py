"""Looking at a container, so that what is written down is true: repaired first where a process was killed,
the host restarted, or a command died half-way.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sealift.container import spec as specs
from sealift.container import status as states
from sealift.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status


def look(parts: Parts, container: str) -> tuple[Record, Status]:
    """A container's record and state. Does not wait for whoever is at work on it. `NotFound`."""
    directory = parts.registry.directory(container)
    record, status = parts.registry.read(container), states.read(directory)
    if not _settled(record, status):
        lock = parts.registry.try_lock(container)
        if lock is not None:
            with lock:
                record = parts.registry.read(container)
                status = repair(parts, record)
        elif status.pending:
            raise _gone(record)  # a part of a `run` that goes on, or that is being cleared away
    if status.status == states.RUNNING:
        _watched(parts, record)
    return record, status


@contextmanager
def held(parts: Parts, name: str) -> Iterator[tuple[Record, Status]]:
    """The container of a name, locked, to be changed. `NotFound`."""
    container = parts.registry.find(name)
    with parts.registry.lock(container):
        record = parts.registry.read(container)
        yield record, repair(parts, record)


def repair(parts: Parts, record: Record) -> Status:
    """Bring the state of a container that we hold in line with what is true. `NotFound` where that means
    that it is to be gone.
    """
    from sealift.container import ending, starting

    directory = parts.registry.directory(record.id)
    status = states.read(directory)
    if _settled(record, status):
        return status
    if status.status == states.STARTING and status.here:
        parts.monitor.forget(record.id, parts.registry.bundle(record.id))
    if status.pending or (status.status == states.EXITED and record.spec.auto_remove):
        ending.remove(parts, record, volumes=True)
        raise _gone(record)
    if status.status == states.STARTING:
        starting.undo(parts, record)
        status = status._replace(status=states.EXITED if status.started else states.CREATED, owner=None)
        states.write(directory, status)
    elif status.status in (states.RUNNING, states.PAUSED):
        status = ending.finish(parts, record)
        if record.spec.auto_remove:
            raise _gone(record)
    elif status.status == states.EXITED:  # "always", and the host was restarted
        status = status._replace(status=states.RESTARTING, owner=None, failures=0, boot=parts.boot)
        states.write(directory, status)
    if status.status == states.RESTARTING:
        from sealift.container import background

        background.spawn(parts, background.CLEAN_UP, record.id)
    return status


def sweep(parts: Parts) -> None:
    """Remove what is left of containers that were never whole, or are not any more."""
    parts.networks.sweep(parts.registry.ids)
    for path in parts.registry.leftovers():
        with suppress(OSError):
            parts.snapshots.remove(path / "snapshot")
        from sealift.host.files import remove_tree

        remove_tree(path)


def _gone(record: Record) -> NotFound:
    return NotFound(f"no such container: {record.name}", fix="sealift ps -a")


def _settled(record: Record, status: Status) -> bool:
    """Whether the state can be true. One that somebody is at work on is not, yet they hold the lock."""
    if status.pending or status.status == states.STARTING:
        return False
    if status.status in (states.RUNNING, states.PAUSED):
        # A conmon that lives will see to the end of a process that does not.
        return status.alive or status.supervised
    if status.status == states.RESTARTING:
        return status.owned
    if status.status == states.EXITED:
        again = record.spec.restart.name == specs.ALWAYS and not status.here
        return not (record.spec.auto_remove or again)
    return True


def _watched(parts: Parts, record: Record) -> None:
    """See that whoever looks after its health and log lives."""
    from sealift.container.starting import needs_watcher

    if needs_watcher(record):
        from sealift.container import background

        background.ensure_watched(parts, record.id)
