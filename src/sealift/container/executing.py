"""Other processes in running containers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from sealift.container import preparing
from sealift.container import status as states
from sealift.container.looking import look
from sealift.container.running import copy
from sealift.core.errors import Conflict, Invalid
from sealift.runtime import execs, terminal
from sealift.runtime.attach import forwarding
from sealift.runtime.inside import check_workdir
from sealift.runtime.spec import ProcessSpec, Streams

if TYPE_CHECKING:
    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.spec import ExecSpec
    from sealift.container.values import MountPoint
    from sealift.runtime.processes import Process


def run(parts: Parts, name: str, spec: ExecSpec, streams: Streams, keys: bytes) -> int | None:
    """Run a process, its streams on ours; its exit code, or None when the user left it."""
    record = _running(parts, name)
    size = terminal.size(streams.stdin) if spec.terminal and streams.stdin is not None else None
    process = _process(parts, record, spec)._replace(size=size)
    execution, attachment = execs.start(
        parts.monitor,
        record.id,
        parts.registry.bundle(record.id),
        process,
        stdin=spec.interactive,
        privileged=spec.privileged,
    )
    with ExitStack() as stack:
        stack.callback(attachment.close)
        stack.callback(execution.close)
        if execution.process is not None:
            running = execution.process
            stack.enter_context(forwarding(lambda number: _deliver(running, number)))
        return execution.wait() if copy(attachment, streams, keys, terminal=spec.terminal) else None


def run_detached(parts: Parts, name: str, spec: ExecSpec) -> None:
    """Run a process and leave it to itself."""
    record = _running(parts, name)
    execs.start_detached(
        parts.monitor,
        record.id,
        parts.registry.bundle(record.id),
        _process(parts, record, spec),
        privileged=spec.privileged,
    )


def _running(parts: Parts, name: str) -> Record:
    record, status = look(parts, parts.registry.find(name))
    if status.status == states.PAUSED:
        raise Conflict(
            f"container {record.name} is paused: nothing can run in it", fix=f"sealift unpause {record.name}"
        )
    if status.status != states.RUNNING or not status.alive:
        raise Conflict(f"container {record.name} is not running", fix=f"sealift start {record.name}")
    return record


def _process(parts: Parts, record: Record, spec: ExecSpec) -> ProcessSpec:
    if not spec.command or not spec.command[0]:
        raise Invalid("no command given", fix=f"sealift exec {record.name} COMMAND")
    rootfs = parts.registry.snapshot(record.id) / "rootfs"
    user = preparing.find_user(rootfs, spec.user or record.spec.user, record.spec.group_add)
    known = dict(
        variable.split("=", 1)
        for variable in preparing.environment(record, user, preparing.hostname(parts, record))
        if spec.terminal or not variable.startswith("TERM=") or record.spec.terminal
    )
    if spec.terminal:
        known.setdefault("TERM", "xterm")
    for variable in spec.env:
        variable_name, equals, value = variable.partition("=")
        if not variable_name or not equals:
            raise Invalid(f"invalid environment variable: {variable[:100]!r}", fix="NAME=value")
        known[variable_name] = value
    cwd = spec.working_dir or record.spec.working_dir
    volumes = {mount.target: _source(parts, mount) for mount in record.mounts if mount.kind != "tmpfs"}
    check_workdir(rootfs, cwd, volumes)
    return ProcessSpec(
        args=spec.command,
        env=tuple(f"{key}={value}" for key, value in known.items()),
        cwd=cwd,
        user=user,
        terminal=spec.terminal,
    )


def _source(parts: Parts, mount: MountPoint) -> str:
    return mount.source or str(parts.volumes.find(mount.name).path)


def _deliver(process: Process, number: int) -> None:
    process.signal(number)
