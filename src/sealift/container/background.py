"""What goes on without a daemon: programs of ours that are started when there is something to do.

`clean-up ID` is what conmon runs when a container has ended; it also restarts it, where its policy says so.
`watch ID` looks after a running container's health and the size of its log; it ends with the container.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from sealift.container import ending, looking, starting
from sealift.container import status as states
from sealift.core.errors import NotFound, SealiftError

if TYPE_CHECKING:
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.status import Status

CLEAN_UP, WATCH = "clean-up", "watch"
WATCHED, LOCK = "watched", 3
_WATCH_PAUSE = 0.005  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 60.0  # seconds before a restart: docker's


def run(parts: Parts, action: str, container: str) -> None:
    """Do what such a program is for. Quietly nothing where the container is gone."""
    try:
        if action == WATCH:
            from sealift.container.watching import watch

            watch(parts, container)
        else:
            clean_up(parts, container)
    except NotFound:
        return


def spawn(parts: Parts, action: str, container: str, lock: int | None = None) -> None:
    """Start one, which lives on without us. `lock` is a descriptor that it gets, as its own number 3."""
    from sealift.runtime.programs import environment

    words = (*parts.background, action, container)
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        # By way of a shell that ends at once: the program becomes nobody's child, and nobody's zombie.
        pid = os.posix_spawn(
            "/bin/sh",
            ("/bin/sh", "-c", '"$@" &', "sealift", *words),
            environment(),
            file_actions=[
                *((os.POSIX_SPAWN_DUP2, nothing, number) for number in range(3)),
                *([] if lock is None else [(os.POSIX_SPAWN_DUP2, lock, LOCK)]),
            ],
            setsid=True,
        )
        os.waitpid(pid, 0)
    finally:
        os.close(nothing)


def ensure_watched(parts: Parts, container: str, patience: float = 0) -> None:
    """Start `watch` where it does not run. It holds its lock from the beginning, as it gets ours: however
    many look at once, there is one. `patience`: seconds to wait for the watcher of the run before this.
    """
    deadline = time.monotonic() + patience
    while True:
        descriptor = watch_lock(parts.registry.directory(container))
        if descriptor is not None:
            try:
                spawn(parts, WATCH, container, descriptor)
            finally:
                os.close(descriptor)
        if descriptor is not None or time.monotonic() >= deadline:
            return
        time.sleep(_WATCH_PAUSE)


def watch_lock(directory: Path) -> int | None:
    """The lock that the one watcher of a container holds, or None where another has it."""
    try:
        descriptor = os.open(directory / WATCHED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def clean_up(parts: Parts, container: str) -> None:
    """Finish a container that has ended, unless a command that attends to it does so, and restart it."""
    attendance = parts.registry.attend(container, wait=True)
    if attendance is None:
        return
    with attendance, parts.registry.lock(container):
        record = parts.registry.read(container)
        status = states.read(parts.registry.directory(container))
        if status.status in (states.RUNNING, states.PAUSED) and not status.alive:
            status = ending.finish(parts, record)
        elif status.status == states.STARTING:  # and yet the lock was free: who started it was killed
            status = looking.repair(parts, record)
    if status.status == states.RESTARTING:
        _restart(parts, container)


def _restart(parts: Parts, container: str) -> None:
    directory = parts.registry.directory(container)
    with parts.registry.lock(container):
        status = states.read(directory)
        if status.status != states.RESTARTING or status.owned:
            return
        status = status._replace(owner=parts.me, boot=parts.boot)
        states.write(directory, status)
    _pause(directory, status)
    with parts.registry.lock(container):
        if _is_ours(states.read(directory), parts):
            try:
                starting.start(parts, parts.registry.read(container), again=True)
            except SealiftError:
                return  # written down with the state


def _pause(directory: Path, status: Status) -> None:
    """Wait longer each time, and no longer when the user changed his mind."""
    from sealift.runtime.watch import Watch

    deadline = time.monotonic() + min(_FIRST_PAUSE * 2 ** min(status.failures, 16), _LONGEST_PAUSE)
    with Watch(directory) as watch:
        while (left := deadline - time.monotonic()) > 0:
            if states.read(directory).status != states.RESTARTING:
                return
            watch.wait(left)


def _is_ours(status: Status, parts: Parts) -> bool:
    return status.status == states.RESTARTING and status.owner == parts.me
