"""Solving a graph: each needed vertex once, when its inputs are there; independent ones side by side."""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from sealift.build.graph import Vertex
from sealift.core.digest import Digest

T = TypeVar("T")
Perform = Callable[[Vertex, tuple[T, ...]], T]


class Cancelled(Exception):
    """The build has failed or was interrupted elsewhere."""


class Cancel:
    """Shared by the steps of one build: set once, looked at often. `fd` becomes readable when it is set."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __enter__(self) -> "Cancel":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def set(self) -> None:
        self._event.set()
        os.eventfd_write(self.fd, 1)

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the build is over."""
        if self._event.is_set():
            raise Cancelled


class _Schedule(Generic[T]):
    """Which vertices are ready, and what the finished ones gave. All of it under one condition."""

    def __init__(self, order: Sequence[Vertex]) -> None:
        self.condition = threading.Condition()
        self.results: dict[Digest, T] = {}
        self.failure: BaseException | None = None
        self._missing = {vertex.key: len(set(vertex.inputs)) for vertex in order}
        self._readers: dict[Digest, list[Vertex]] = {}
        for vertex in order:
            for key in set(vertex.inputs):
                self._readers.setdefault(key, []).append(vertex)
        self._ready = deque(vertex for vertex in order if not vertex.inputs)
        self._left = len(order)

    def over(self) -> bool:
        return self._left == 0 or self.failure is not None

    def take(self) -> tuple[Vertex, tuple[T, ...]] | None:
        """The next vertex with its inputs' results; None when there is nothing left to begin."""
        with self.condition:
            while not self._ready and not self.over():
                self.condition.wait()
            if self.over():
                return None
            vertex = self._ready.popleft()
            return vertex, tuple(self.results[key] for key in vertex.inputs)

    def finish(self, vertex: Vertex, result: T) -> None:
        with self.condition:
            self.results[vertex.key] = result
            self._left -= 1
            for reader in self._readers.get(vertex.key, ()):
                self._missing[reader.key] -= 1
                if not self._missing[reader.key]:
                    self._ready.append(reader)
            self.condition.notify_all()

    def fail(self, error: BaseException) -> None:
        with self.condition:
            if self.failure is None or isinstance(self.failure, Cancelled):
                self.failure = error
            self.condition.notify_all()


def solve(order: Sequence[Vertex], perform: Perform[T], *, threads: int, cancel: Cancel) -> dict[Digest, T]:
    """The result of every vertex in `order` (inputs first).

    The first failure cancels the rest and is raised when all have stopped; so is an interruption.
    """
    schedule: _Schedule[T] = _Schedule(order)

    def work() -> None:
        while (taken := schedule.take()) is not None:
            try:
                schedule.finish(taken[0], perform(*taken))
            except BaseException as error:
                schedule.fail(error)
                cancel.set()

    workers = [threading.Thread(target=work, name=f"build-{number}") for number in range(threads)]
    try:
        for worker in workers:
            worker.start()
        with schedule.condition:
            while not schedule.over():
                schedule.condition.wait()
    except BaseException as error:
        schedule.fail(error)
        cancel.set()
    _join(workers)
    if schedule.failure is not None:
        raise schedule.failure
    return schedule.results


def _join(workers: Sequence[threading.Thread]) -> None:
    """Wait for the steps to clean up. A second Ctrl-C does not cut that short: steps end at once when
    cancelled.
    """
    for worker in workers:
        while worker.ident is not None and worker.is_alive():
            with suppress(KeyboardInterrupt):
                worker.join()
