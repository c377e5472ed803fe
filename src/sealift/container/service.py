"""The life of containers, as one service: what the command line and everything else above calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealift.container.values import Container, Pruned, Sample, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealift.container.spec import ContainerSpec, ExecSpec
    from sealift.container.values import LogLine
    from sealift.container.volumes import Volumes
    from sealift.core.document import JSON
    from sealift.runtime.attach import Streams


class Containers:
    """Containers of one store. Every `name` is a container's name, its ID, or a prefix of its ID that only
    one has: `NotFound` where there is none, `Conflict` where several begin with it.

    Looking at containers (`find`, `all`, everything else) first brings what is written down in line with what
    is true: an ended process nobody cleaned up behind, a reboot, a command killed half-way.
    """

    @property
    def volumes(self) -> Volumes:
        """The named volumes of the store."""
        raise NotImplementedError

    # -- making and starting

    def create(self, spec: ContainerSpec) -> Container:
        """Make a container, ready to be started. `Conflict` where its name is taken, `NotFound` for an
        unknown image, `Invalid` for what the spec asks in vain. It is there whole or not at all.
        """
        raise NotImplementedError

    def run(self, spec: ContainerSpec) -> Container:
        """Create and start (`run -d`). `StartFailed` has docker's exit code; the container then stays, as
        created, unless it is to be removed at its end.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    def start(self, name: str) -> Container:
        """Start what is created or has ended; nothing where it runs. `StartFailed` as for `run`."""
        raise NotImplementedError

    def start_attached(
        self, name: str, streams: Streams, *, detach_keys: bytes = b"", forward_signals: bool = True
    ) -> int | None:
        """Attach, start, and wait, as `run_attached` (`start -a`; with `-i` give `streams.stdin`)."""
        raise NotImplementedError

    def attach(
        self, name: str, streams: Streams, *, detach_keys: bytes = b"", forward_signals: bool = True
    ) -> int | None:
        """Streams of a running container on ours: its exit code, or None when the user detached."""
        raise NotImplementedError

    # -- ending

    def stop(self, name: str, timeout: float | None = None, signal: str = "") -> None:
        """Ask it to end (its stop signal, or `signal`), kill it after `timeout` seconds (default: its own, or
        10; negative waits for ever), and wait until it is cleaned up. Its restart policy does not apply.
        """
        raise NotImplementedError

    def kill(self, name: str, signal: str = "KILL") -> None:
        """Send a signal (`KILL`, `SIGTERM`, `9`). `Conflict` where it does not run."""
        raise NotImplementedError

    def restart(self, name: str, timeout: float | None = None) -> Container:
        """Stop it where it runs, and start it."""
        raise NotImplementedError

    def wait(self, name: str) -> int:
        """Wait until it does not run; its exit code, at once where it has ended already."""
        raise NotImplementedError

    def remove(self, name: str, *, force: bool = False, volumes: bool = False) -> str:
        """Remove it, with its anonymous volumes where `volumes`; its ID. `Conflict` where it runs and `force`
        is not set.
        """
        raise NotImplementedError

    def prune(self, keep: Callable[[Container], bool] | None = None) -> Pruned:
        """Remove every container that does not run (created or exited) and that `keep` does not keep; IDs."""
        raise NotImplementedError

    # -- changing

    def pause(self, name: str) -> None:
        """Freeze its processes. `Conflict` where it does not run or is paused."""
        raise NotImplementedError

    def unpause(self, name: str) -> None:
        """Let them go on. `Conflict` where it is not paused."""
        raise NotImplementedError

    def rename(self, name: str, new: str) -> None:
        """Give it another name. `Conflict` where that is taken."""
        raise NotImplementedError

    # -- looking

    def find(self, name: str) -> Container:
        """The container of this name or ID prefix."""
        raise NotImplementedError

    def all(self) -> list[Container]:
        """Every container, the newest first."""
        raise NotImplementedError

    def inspect(self, name: str) -> dict[str, JSON]:
        """Everything about it, in the shape of docker's `GET /containers/{id}/json`."""
        raise NotImplementedError

    def sizes(self, name: str) -> tuple[int, int]:
        """Bytes it has written (docker's SizeRw), and those together with its image's (SizeRootFs)."""
        raise NotImplementedError

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
        raise NotImplementedError

    def stats(self, name: str) -> Sample | None:
        """What it has used until now; None where it does not run."""
        raise NotImplementedError

    def top(self, name: str, ps_arguments: tuple[str, ...] = ()) -> tuple[list[str], list[list[str]]]:
        """Its processes as `ps` shows them: column titles and rows. Default columns as docker (`-ef`)."""
        raise NotImplementedError

    # -- executing

    def exec(self, name: str, spec: ExecSpec, streams: Streams, *, detach_keys: bytes = b"") -> int | None:
        """Run a process in it, its streams on ours: the exit code, None when the user detached. `Conflict`
        where it does not run or is paused; `StartFailed` (126, 127) where the command cannot be executed.
        """
        raise NotImplementedError

    def exec_detached(self, name: str, spec: ExecSpec) -> None:
        """Run a process in it and leave it to itself (`exec -d`)."""
        raise NotImplementedError


def usage(before: Sample | None, now: Sample) -> Usage:
    """What was used between two samples; CPU is 0 where there is only one."""
    raise NotImplementedError
