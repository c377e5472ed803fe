"""The watcher of one running container: checks its health when it is due, and rotates its log.

It sleeps in poll(2) until the next check, until the log grows, or until the container ends, and holds a lock
(`watched`) as long as it lives, by which a look at the container sees whether it has to be started anew.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from sealift.container import health, probing
from sealift.container import status as states
from sealift.container.background import LOCK, WATCHED

if TYPE_CHECKING:
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status
    from sealift.runtime.processes import Process

_LOG_PAUSE = 0.2  # seconds between looks at a log that grows


def watch(parts: Parts, container: str) -> None:
    """Look after a container until it ends. Our caller's caller has given us the lock, as descriptor LOCK."""
    directory = parts.registry.directory(container)
    if not _is_lock(LOCK, directory / WATCHED):
        return
    seen: Process | None = None
    while True:
        record, status = parts.registry.read(container), states.read(directory)
        # (it may have been started again meanwhile, by someone who found the lock taken)
        if status.process is None or status.process == seen or not status.alive:
            return
        seen = status.process
        try:
            ended = os.pidfd_open(seen.pid)
        except ProcessLookupError:
            continue
        try:
            if seen.alive:
                _Watcher(parts, record, status, seen, ended).run()
        finally:
            os.close(ended)


def _is_lock(descriptor: int, path: Path) -> bool:
    try:
        ours, theirs = os.fstat(descriptor), path.stat()
    except OSError:
        return False
    os.set_inheritable(descriptor, False)
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


class _Watcher:
    def __init__(self, parts: Parts, record: Record, status: Status, process: Process, ended: int) -> None:
        self._parts = parts
        self._record = record
        self._directory = parts.registry.directory(record.id)
        self._process = process
        self._started = status.started
        self._monitor = status.monitor
        self._ended = ended
        self._health = health.read(self._directory, process)

    def run(self) -> None:
        from sealift.runtime.watch import Watch

        due = self._due()
        log = self._record.spec.log
        with Watch(self._bundle) if log.max_size else _Nothing() as changes:
            while not self._has_ended():
                left = None if due is None else due - time.monotonic()
                if left is not None and left <= 0:
                    self._check()
                    due = self._due()
                elif log.max_size:
                    changes.wait(left, self._ended)
                    self._rotate()
                else:
                    changes.wait(left, self._ended)

    @property
    def _bundle(self) -> Path:
        return self._parts.registry.bundle(self._record.id)

    def _has_ended(self, timeout: float = 0) -> bool:
        return bool(select.select([self._ended], [], [], timeout)[0])

    def _due(self) -> float | None:
        """When the next check is, by the monotonic clock."""
        check = self._record.spec.healthcheck
        if check is None:
            return None
        return time.monotonic() + health.pause(check, self._health, time.time_ns() - self._started) / 1e9

    def _check(self) -> None:
        check = self._record.spec.healthcheck
        if check is None or states.read(self._directory).status != states.RUNNING:
            return  # a paused container cannot answer
        result = probing.probe(self._parts, self._record)
        if not self._has_ended():
            self._health = health.judge(check, self._health, result, self._started)
            health.write(self._directory, self._process, self._health)

    def _rotate(self) -> None:
        from sealift.runtime import logs, monitor

        options = self._record.spec.log
        path = self._bundle / monitor.LOG
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        if size > options.max_size and self._monitor is not None:
            logs.rotate(self._bundle, self._monitor, options.max_files)
        self._has_ended(_LOG_PAUSE)


class _Nothing:
    """In place of a `Watch`, where only time and the container's end matter."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def wait(self, timeout: float | None, *others: int) -> None:
        select.select(others, [], [], timeout)
