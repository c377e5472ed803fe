"""The life of containers, as one service: what the command line and everything else above calls."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sealift.container import status as states
from sealift.container.looking import held, look, sweep
from sealift.container.values import Container, Pruned, Sample
from sealift.core.errors import Conflict, Corrupt, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealift.container.parts import Parts
    from sealift.container.spec import ContainerSpec, ExecSpec
    from sealift.container.values import LogLine, Usage
    from sealift.container.volumes import Volumes
    from sealift.core.digest import Digest
    from sealift.core.document import JSON
    from sealift.runtime.spec import Streams


class Containers:
    """Containers of one store. Every `name` is a container's name, its ID, or a prefix of its ID that only
    one has: `NotFound` where there is none, `Conflict` where several begin with it.

    Looking at containers (`find`, `all`, everything else) first brings what is written down in line with what
    is true: an ended process nobody cleaned up behind, a reboot, a command killed half-way.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def volumes(self) -> Volumes:
        """The named volumes of the store."""
        return self._parts.volumes

    # -- making and starting

    def create(self, spec: ContainerSpec) -> Container:
        """Make a container, ready to be started. `Conflict` where its name is taken, `NotFound` for an
        unknown image, `Invalid` for what the spec asks in vain. It is there whole or not at all.
        """
        from sealift.container import running

        record, lock = running.create(self._parts, spec)
        lock.release()
        return self._view(record.id)

    def run(self, spec: ContainerSpec) -> Container:
        """Create and start (`run -d`). `StartFailed` has docker's exit code; the container then stays, as
        created, unless it is to be removed at its end.
        """
        from sealift.container import running

        return running.run(self._parts, spec)

    def run_attached(
        self,
        spec: ContainerSpec,
        streams: Streams,
        *,
        detach_keys: bytes = b"",
        forward_signals: bool = True,
        created: Callable[[Container], None] | None = None,
    ) -> int | None:
        """Create, attach, start, copy the streams and wait: the exit code, or None when the user detached.

        `created` is called with the container before it starts (for a cidfile). Cleans up itself, faster than
        the supervisor could. With a terminal, descriptor `streams.stdin` is made raw meanwhile. Signals we
        get go to the container, where `forward_signals`; only for the main thread.
        """
        from sealift.container import running

        return running.run_attached(self._parts, spec, streams, detach_keys, forward_signals, created)

    def start(self, name: str) -> Container:
        """Start what is created or has ended; nothing where it runs. `StartFailed` as for `run`."""
        from sealift.container import running

        return running.start(self._parts, name)

    def start_attached(
        self, name: str, streams: Streams, *, detach_keys: bytes = b"", forward_signals: bool = True
    ) -> int | None:
        """Attach, start, and wait, as `run_attached` (`start -a`; with `-i` give `streams.stdin`)."""
        from sealift.container import running

        return running.start_attached(self._parts, name, streams, detach_keys, forward_signals)

    def attach(
        self, name: str, streams: Streams, *, detach_keys: bytes = b"", forward_signals: bool = True
    ) -> int | None:
        """Streams of a running container on ours: its exit code, or None when the user detached."""
        from sealift.container import running

        return running.attach(self._parts, name, streams, detach_keys, forward_signals)

    # -- ending

    def stop(self, name: str, timeout: float | None = None, signal: str = "") -> None:
        """Ask it to end (its stop signal, or `signal`), kill it after `timeout` seconds (default: its own, or
        10; negative waits for ever), and wait until it is cleaned up. Its restart policy does not apply.
        """
        from sealift.container import stopping

        stopping.stop(self._parts, name, timeout, signal)

    def kill(self, name: str, signal: str = "KILL") -> None:
        """Send a signal (`KILL`, `SIGTERM`, `9`). `Conflict` where it does not run."""
        from sealift.container import stopping

        stopping.kill(self._parts, name, signal)

    def restart(self, name: str, timeout: float | None = None) -> Container:
        """Stop it where it runs, and start it."""
        container = self._parts.registry.find(name)
        self.stop(container, timeout)
        return self.start(container)

    def wait(self, name: str) -> int:
        """Wait until it does not run; its exit code, at once where it has ended already."""
        from sealift.container import running

        return running.wait(self._parts, name)

    def remove(self, name: str, *, force: bool = False, volumes: bool = False) -> str:
        """Remove it, with its anonymous volumes where `volumes`; its ID. `Conflict` where it runs and `force`
        is not set.
        """
        from sealift.container import ending, stopping

        if force and (damaged := ending.remove_damaged(self._parts, name)):
            return damaged
        with held(self._parts, name) as (record, status):
            if status.status in (states.RUNNING, states.PAUSED, states.RESTARTING) and not force:
                raise Conflict(
                    f"container {record.name} is {status.status}",
                    fix=f"sealift stop {record.name}, or sealift rm -f {record.name}",
                )
            stopping.kill_now(self._parts, record, status)
            ending.remove(self._parts, record, volumes=volumes)
            return record.id

    def prune(self, keep: Callable[[Container], bool] | None = None) -> Pruned:
        """Remove every container that does not run (created or exited) and that `keep` does not keep; IDs."""
        removed, freed = [], 0
        for container in self.all():
            if container.state.status not in (states.CREATED, states.EXITED) or (keep and keep(container)):
                continue
            size = self._parts.snapshots.sizes(self._parts.registry.snapshot(container.id))
            with suppress(NotFound, Conflict):
                self.remove(container.id)
                removed.append(container.id)
                freed += size
        return Pruned(tuple(removed), freed)

    # -- changing

    def pause(self, name: str) -> None:
        """Freeze its processes. `Conflict` where it does not run or is paused."""
        with held(self._parts, name) as (record, status):
            if status.status != states.RUNNING or not status.alive:
                raise Conflict(f"container {record.name} is {_not_running(status.status)}")
            self._parts.engine.pause(record.id)
            states.write(self._parts.registry.directory(record.id), status._replace(status=states.PAUSED))

    def unpause(self, name: str) -> None:
        """Let them go on. `Conflict` where it is not paused."""
        with held(self._parts, name) as (record, status):
            if status.status != states.PAUSED:
                raise Conflict(f"container {record.name} is not paused")
            self._parts.engine.resume(record.id)
            states.write(self._parts.registry.directory(record.id), status._replace(status=states.RUNNING))

    def rename(self, name: str, new: str) -> None:
        """Give it another name. `Conflict` where that is taken. Its network knows it by the old one until it
        is started again.
        """
        with held(self._parts, name) as (record, _):
            self._parts.registry.rename(record, new)

    # -- looking

    def find(self, name: str) -> Container:
        """The container of this name or ID prefix."""
        return self._view(self._parts.registry.find(name))

    def all(self) -> list[Container]:
        """Every container whose record can be read, the newest first."""
        sweep(self._parts)
        found = []
        for container in self._parts.registry.ids():
            with suppress(NotFound, Corrupt):
                found.append(self._view(container))
        if any(container.state.running and container.address for container in found):
            self._parts.networks.sweep(self._parts.registry.ids)  # rules flushed, a name server killed
        return sorted(found, key=lambda container: container.created, reverse=True)

    def in_use(self) -> tuple[set[Digest], set[Digest]]:
        """The image IDs and the diff IDs of layers that containers are made from: not to be removed."""
        images: set[Digest] = set()
        layers: set[Digest] = set()
        for container in self._parts.registry.ids():
            with suppress(NotFound):
                record = self._parts.registry.read(container)
                images.add(record.image_id)
                layers.update(record.layers)
        return images, layers

    def inspect(self, name: str) -> dict[str, JSON]:
        """Everything about it, in the shape of docker's `GET /containers/{id}/json`."""
        from sealift.container.inspecting import inspect

        return inspect(self._parts, *look(self._parts, self._parts.registry.find(name)))

    def sizes(self, name: str) -> tuple[int, int]:
        """Bytes it has written (docker's SizeRw), and those together with its image's (SizeRootFs)."""
        record = self._parts.registry.read(self._parts.registry.find(name))
        written = self._parts.snapshots.sizes(self._parts.registry.snapshot(record.id))
        return written, written + sum(self._parts.store.layers.size(layer) for layer in record.layers)

    def logs(
        self,
        name: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: int = 0,
        until: int = 0,
        stdout: bool = True,
        stderr: bool = True,
    ) -> Iterator[LogLine]:
        """Its output so far, and with `follow` what comes, until it ends. `tail` counts lines from the end
        (None for all); `since` and `until` are nanoseconds since 1970, 0 for none.
        """
        from sealift.container import logs

        wanted = logs.Wanted(follow, tail, since, until, stdout, stderr)
        return logs.read(self._parts, name, wanted)

    def stats(self, name: str) -> Sample | None:
        """What it has used until now; None where it does not run."""
        from sealift.container import statistics

        return statistics.sample(self._parts, name)

    def top(self, name: str, ps_arguments: tuple[str, ...] = ()) -> tuple[list[str], list[list[str]]]:
        """Its processes as `ps` shows them: column titles and rows. Default columns as docker (`-ef`)."""
        from sealift.container import processes

        return processes.top(self._parts, name, ps_arguments)

    # -- executing

    def exec(self, name: str, spec: ExecSpec, streams: Streams, *, detach_keys: bytes = b"") -> int | None:
        """Run a process in it, its streams on ours: the exit code, None when the user detached. `Conflict`
        where it does not run or is paused; `StartFailed` (126, 127) where the command cannot be executed.
        """
        from sealift.container import executing

        return executing.run(self._parts, name, spec, streams, detach_keys)

    def exec_detached(self, name: str, spec: ExecSpec) -> None:
        """Run a process in it and leave it to itself (`exec -d`)."""
        from sealift.container import executing

        executing.run_detached(self._parts, name, spec)

    def _view(self, container: str) -> Container:
        from sealift.container import views

        return views.container(self._parts, *look(self._parts, container))


def _not_running(status: str) -> str:
    return "paused already" if status == states.PAUSED else "not running"


def usage(before: Sample | None, now: Sample) -> Usage:
    """What was used between two samples; CPU is 0 where there is only one."""
    from sealift.container import statistics

    return statistics.usage(before, now)
