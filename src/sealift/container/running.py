"""Containers in the foreground: created, attached to, started, waited for, and cleaned up by the command."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from sealift.container import background, ending, resolve, starting
from sealift.container import status as states
from sealift.container.looking import held, look
from sealift.container.status import Status
from sealift.core.errors import Conflict, NotFound
from sealift.runtime.monitor import Created, Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.registry import Lock
    from sealift.container.spec import ContainerSpec
    from sealift.container.values import Container
    from sealift.runtime.attach import Attachment
    from sealift.runtime.spec import Streams


def create(parts: Parts, spec: ContainerSpec, *, pending: bool = False) -> tuple[Record, Lock]:
    """Write a new container down, and hold its lock. `pending` while nobody is to see it yet."""
    from sealift.container import preparing

    with parts.store.lease():
        image = parts.store.images.find(spec.image)
        record = resolve.record(_joined(parts, spec), image, image.config, time.time_ns())
        preparing.check_sources(record)
        if starting.on_network(record):
            parts.networks.find(spec.network)
        with parts.registry.making(record.id) as directory:
            states.write(directory, Status(pending=pending))
            return _add(parts, record)


def _add(parts: Parts, record: Record) -> tuple[Record, Lock]:
    """Write it down. Whoever has its name may be what a killed command left: a second look removes that."""
    named, durable = bool(record.name), not record.spec.auto_remove
    try:
        return parts.registry.add(record, named=named, durable=durable)
    except Conflict:
        with suppress(NotFound), held(parts, record.name):
            raise
    return parts.registry.add(record, named=named, durable=durable)


def run(parts: Parts, spec: ContainerSpec) -> Container:
    """Create and start in the background."""
    record, lock = create(parts, spec, pending=True)
    with lock:
        _start(parts, record)
        return _view(parts, record)


def start(parts: Parts, name: str) -> Container:
    """Start in the background what does not run."""
    with held(parts, name) as (record, status):
        if status.status == states.PAUSED:
            raise Conflict(f"container {record.name} is paused", fix=f"sealift unpause {record.name}")
        if status.status != states.RUNNING:
            _start(parts, record)
        return _view(parts, record)


def run_attached(
    parts: Parts,
    spec: ContainerSpec,
    streams: Streams,
    keys: bytes,
    forward: bool,
    created: Callable[[Container], None] | None,
) -> int | None:
    """Create, start and stay with it to its end."""
    record, lock = create(parts, spec, pending=True)
    with lock:
        try:
            if created is not None:
                created(_view(parts, record))
        except BaseException:
            ending.remove(parts, record, volumes=True)
            raise
        return _attended(parts, record, lock, streams, keys, forward)


def start_attached(parts: Parts, name: str, streams: Streams, keys: bytes, forward: bool) -> int | None:
    """Start what does not run, and stay with it to its end; where it runs, only attach."""
    container = parts.registry.find(name)
    with held(parts, container) as (_, status):
        running = status.status in (states.RUNNING, states.PAUSED)
    if running:
        return attach(parts, container, streams, keys, forward)
    with parts.registry.lock(container) as lock:
        return _attended(parts, parts.registry.read(container), lock, streams, keys, forward)


def attach(parts: Parts, name: str, streams: Streams, keys: bytes, forward: bool) -> int | None:
    """Streams of a running container on ours, until it ends or the user leaves."""
    with held(parts, name) as (record, status):
        if status.process is None or status.status != states.RUNNING:
            state = "paused" if status.status == states.PAUSED else "not running"
            fix = f"sealift {'unpause' if state == 'paused' else 'start'} {record.name}"
            raise Conflict(f"cannot attach to container {record.name}: it is {state}", fix=fix)
        created = Created(status.process, status.monitor or status.process)
        from sealift.runtime.attach import Attachment

        attachment = Attachment.connect(parts.registry.bundle(record.id))
    with ExitStack() as stack:
        stack.callback(attachment.close)
        if forward:
            stack.enter_context(_forwarding(created))
        if not copy(attachment, streams, keys, terminal=record.spec.terminal):
            return None
        return wait(parts, record.id)


def wait(parts: Parts, name: str) -> int:
    """Wait for its end, whether it is started again after that or not: the exit code. At once where it does
    not run.
    """
    container = parts.registry.find(name)
    pause = 0.001
    watched: Created | None = None
    ended: Exit | None = None
    while True:
        try:
            _, status = look(parts, container)
        except NotFound:
            code = parts.monitor.recorded(container)
            if code is None:
                raise
            return code
        if status.status not in (states.RUNNING, states.PAUSED, states.RESTARTING, states.STARTING):
            return status.exit_code
        created = _created(status)
        if watched is not None and (created is None or created.process != watched.process):
            return ended.code if ended is not None else status.exit_code  # it is about to run again, or does
        if created is not None and created.process.alive:
            watched = created
            ended = parts.monitor.wait(parts.registry.bundle(container), created)
            pause = 0.001
        # From here on somebody cleans up, or is about to start it again.
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def copy(attachment: Attachment, streams: Streams, keys: bytes, *, terminal: bool) -> bool:
    """Copy the streams to the end (True), or until the user leaves it (False)."""
    if terminal and streams.stdin is not None and os.isatty(streams.stdin):
        from sealift.runtime.attach import interact

        return interact(attachment, streams, keys)
    return attachment.run(streams, keys if terminal else b"")


def _attended(
    parts: Parts, record: Record, lock: Lock, streams: Streams, keys: bytes, forward: bool
) -> int | None:
    attachments: list[Attachment] = []

    def before(bundle: Path) -> None:
        from sealift.runtime.attach import Attachment

        attachments.append(Attachment.connect(bundle))

    def meanwhile() -> None:
        import sealift.runtime.attach  # noqa: F401 - its import takes 4 ms, which are free now

    with ExitStack() as stack:
        attendance = parts.registry.attend(record.id)
        if attendance is not None:
            stack.callback(attendance.release)
        created = _start(parts, record, before, meanwhile)
        lock.release()
        stack.callback(attachments[0].close)
        if forward:
            stack.enter_context(_forwarding(created))
        if not copy(attachments[0], streams, keys, terminal=record.spec.terminal):
            return None
        ended = parts.monitor.wait(parts.registry.bundle(record.id), created)
        return _finish(parts, record.id, ended)


def _start(
    parts: Parts,
    record: Record,
    before: Callable[[Path], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Created:
    """Start; where that fails, a container that is to be removed at its end is removed."""
    try:
        return starting.start(parts, record, before, meanwhile)
    except BaseException:
        pending = states.read(parts.registry.directory(record.id)).pending  # still: it was interrupted
        if record.spec.auto_remove or pending:
            ending.remove(parts, record, volumes=True)
        raise


def _finish(parts: Parts, container: str, ended: Exit | None) -> int:
    """Clean up; the exit code, also where another was faster."""
    with suppress(NotFound), parts.registry.lock(container):
        status = ending.finish(parts, parts.registry.read(container), ended)
        if status.status == states.RESTARTING:
            background.spawn(parts, background.CLEAN_UP, container)
        return ended.code if ended else status.exit_code
    if ended is not None:
        return ended.code
    code = parts.monitor.recorded(container)
    return ending.UNKNOWN_EXIT if code is None else code


def _view(parts: Parts, record: Record) -> Container:
    from sealift.container import views

    return views.container(parts, record, states.read(parts.registry.directory(record.id)))


def _created(status: Status) -> Created | None:
    if status.process is None:
        return None
    return Created(status.process, status.monitor or status.process)


def _forwarding(created: Created) -> AbstractContextManager[None]:
    from sealift.runtime.attach import forwarding

    def deliver(number: int) -> None:
        created.process.signal(number)

    return forwarding(deliver)


def _joined(parts: Parts, spec: ContainerSpec) -> ContainerSpec:
    """The spec with another container's ID for its name, which may change, where it uses its network."""
    if not spec.network.startswith(resolve.NETWORK_CONTAINER):
        return spec
    other = parts.registry.find(spec.network.removeprefix(resolve.NETWORK_CONTAINER))
    return spec._replace(network=resolve.NETWORK_CONTAINER + other)
