"""Starting a container: its network and its tree at the same time, the bundle, conmon, and the first process.

Whoever calls holds the container's lock. Killed at any point, the state says `starting`, and the next look
takes everything down again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sealift.container import resolve
from sealift.container import status as states
from sealift.container.registry import ATTENDED
from sealift.container.status import Status
from sealift.container.threads import Meanwhile
from sealift.core.errors import SealiftError
from sealift.runtime import bundle
from sealift.runtime.conmon import leave_session
from sealift.runtime.monitor import Created, Supervision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.network.values import Attachment

# conmon runs this when the container has ended. While a command attends to the container itself, it waits for
# it, and mostly finds then that the runtime's state is gone, as all is clean. Else our program cleans up.
_EXIT_SCRIPT = 'exec 9<>"$1" && flock 9; [ -e "$2" ] || exit 0; shift 2; exec 9>&-; exec "$@"'


def start(
    parts: Parts,
    record: Record,
    before: Callable[[Path], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
    *,
    again: bool = False,
) -> Created:
    """Start a container that does not run. `StartFailed` has docker's exit code.

    `meanwhile` is called while conmon is at work; `before`, with the bundle, when its streams can be attached
    and its process does not run yet. `again` keeps count of restarts.
    """
    directory = parts.registry.directory(record.id)
    old = states.read(directory)
    states.write(directory, old._replace(status=states.STARTING, boot=parts.boot, owner=parts.me))
    try:
        created, attachment = _create(parts, record, meanwhile)
        if before is not None:
            before(parts.registry.bundle(record.id))
        parts.engine.start(record.id)
    except BaseException as error:
        undo(parts, record)
        _write_failure(directory, old, error)
        raise
    leaving = Meanwhile(lambda: leave_session(created.monitor))
    states.write(directory, _running(parts, old, created, attachment, again=again))
    if needs_watcher(record):
        from sealift.container import background

        background.ensure_watched(parts, record.id, patience=0.05)
    if before is None:  # else we stay with it, and need not wait
        leaving.result()
    return created


def undo(parts: Parts, record: Record) -> None:
    """Take down what a start that did not come about has put up."""
    parts.engine.delete(record.id, force=True)
    if on_network(record):
        parts.networks.detach(record.id)
    parts.snapshots.release(parts.registry.snapshot(record.id))


def on_network(record: Record) -> bool:
    """Whether the container has an address on one of our networks."""
    network = record.spec.network
    return network not in (resolve.NETWORK_NONE, resolve.NETWORK_HOST) and not network.startswith(
        resolve.NETWORK_CONTAINER
    )


def needs_watcher(record: Record) -> bool:
    """Whether somebody has to look after it while it runs: for its health or for the size of its log."""
    return record.spec.healthcheck is not None or record.spec.log.max_size > 0


def supervision(parts: Parts, record: Record) -> Supervision:
    """How conmon watches over it."""
    spec = record.spec
    attended = str(parts.registry.directory(record.id) / ATTENDED)
    state = str(parts.engine.state_directory / record.id)
    return Supervision(
        terminal=spec.terminal,
        stdin=spec.interactive,
        keep_stdin=spec.interactive and not spec.auto_remove,
        log=spec.log.driver != "none",
        exit_command=(
            "/bin/sh", "-c", _EXIT_SCRIPT, "sealift", attended, state,
            *parts.background, "clean-up", record.id,
        ),
    )  # fmt: skip


def _create(
    parts: Parts, record: Record, meanwhile: Callable[[], None] | None
) -> tuple[Created, Attachment | None]:
    """Everything that waits for programs begins first: conmon, then the network."""
    directory = parts.registry.bundle(record.id)
    creation = parts.monitor.begin(record.id, directory, supervision(parts, record))
    try:
        joining = Meanwhile(lambda: _join(parts, record)) if on_network(record) else None
        try:
            rootfs = mount(parts, record)
        finally:
            attachment = joining.result() if joining else None
        from sealift.container import preparing

        bundle.write(directory, preparing.spec(parts, record, rootfs, attachment))
        return creation.finish(meanwhile), attachment
    finally:
        creation.abandon()


def mount(parts: Parts, record: Record) -> Path:
    """The container's tree, mounted: made when it is the first time."""
    directory, lasting = parts.registry.snapshot(record.id), not record.spec.auto_remove
    if (directory / "upper").exists():
        return parts.snapshots.mount(record.layers, directory, lasting=lasting)
    return parts.snapshots.prepare(record.layers, directory, lasting=lasting)


def _join(parts: Parts, record: Record) -> Attachment:
    from sealift.network.files import Resolver

    spec = record.spec
    return parts.networks.attach(
        spec.network,
        record.id,
        names=(record.name,),
        aliases=spec.network_aliases,
        ports=spec.ports,
        hostname=record.hostname,
        resolver=Resolver(spec.dns, spec.dns_search, spec.dns_options),
    )


def _running(
    parts: Parts, old: Status, created: Created, attachment: Attachment | None, *, again: bool
) -> Status:
    return Status(
        status=states.RUNNING,
        boot=parts.boot,
        process=created.process,
        monitor=created.monitor,
        started=time.time_ns(),
        finished=old.finished,
        restarts=old.restarts + 1 if again else 0,
        failures=old.failures + 1 if again else 0,
        network=_facts(attachment),
    )


def _facts(attachment: Attachment | None) -> dict[str, Any]:
    """What listings and `inspect` show of the network."""
    if attachment is None:
        return {}
    return {
        "network": attachment.network,
        "network_id": attachment.network_id,
        "address": attachment.address,
        "prefix": attachment.prefix,
        "gateway": attachment.gateway,
        "mac": attachment.mac,
        "netns": attachment.netns,
        "names": attachment.names,
        "ports": attachment.ports,
    }


def _write_failure(directory: Path, old: Status, error: BaseException) -> None:
    """Note why it did not start. Its first user has seen it by now: it is no longer pending."""
    code = getattr(error, "exit_code", 0) or (128 if isinstance(error, SealiftError) else old.exit_code)
    states.write(
        directory,
        old._replace(
            status=states.EXITED if old.started else states.CREATED,
            owner=None,
            pending=old.pending and not isinstance(error, SealiftError),
            exit_code=code,
            error=str(error),
        ),
    )
