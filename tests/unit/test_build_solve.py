"""Graphs and their solution."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from sealift.build.graph import ContextSource, Copy, Graph, ImageSource, MakeDirectory, Vertex
from sealift.build.solve import Cancel, Cancelled, solve
from sealift.core.digest import Digest
from sealift.dockerfile import Place

HERE = Place("Dockerfile", 1, 1, "FROM x")


@pytest.fixture
def cancel() -> Iterator[Cancel]:
    with Cancel() as made:
        yield made


def _directory(graph: Graph, path: str, *inputs: Digest) -> Digest:
    return graph.add(MakeDirectory(path, "", 0), inputs, path, HERE)


def test_the_same_step_is_one_vertex_whatever_its_title() -> None:
    graph = Graph()
    base = graph.add(ImageSource("x", ()), (), "one", HERE)
    again = graph.add(ImageSource("other name", ()), (), "two", HERE._replace(first=9))
    assert base == again
    assert _directory(graph, "/a", base) == _directory(graph, "/a", again)
    assert _directory(graph, "/a", base) != _directory(graph, "/b", base)


def test_every_member_of_a_copy_counts_for_its_key() -> None:
    graph = Graph()
    copy = Copy("COPY", ("a",), (), "/x", "", "", (), False, 0)
    changed = [
        copy._replace(sources=("b",)), copy._replace(destination="/x/"), copy._replace(chown="1"),
        copy._replace(chmod="644"), copy._replace(exclude=("c",)), copy._replace(unpack=True),
        copy._replace(epoch=1), copy._replace(word="ADD"),
    ]  # fmt: skip
    assert len({graph.add(operation, (), "", HERE) for operation in (copy, *changed)}) == len(changed) + 1


def test_only_what_the_target_needs_is_in_the_order() -> None:
    graph = Graph()
    base = graph.add(ImageSource("x", ()), (), "", HERE)
    needed = _directory(graph, "/needed", base)
    _directory(graph, "/unneeded", base)
    target = _directory(graph, "/target", needed)
    assert [vertex.key for vertex in graph.needed((target,))] == [base, needed, target]


def test_a_diamond_runs_each_vertex_once_with_its_inputs_results(cancel: Cancel) -> None:
    graph = Graph()
    base = graph.add(ContextSource("context"), (), "base", HERE)
    left, right = _directory(graph, "/l", base), _directory(graph, "/r", base)
    target = _directory(graph, "/t", left, right)
    ran: list[str] = []

    def perform(vertex: Vertex, inputs: tuple[str, ...]) -> str:
        ran.append(vertex.title)
        return f"{vertex.title}({','.join(inputs)})"

    results = solve(graph.needed((target,)), perform, threads=3, cancel=cancel)
    assert results[target] == "/t(/l(base()),/r(base()))"
    assert sorted(ran) == ["/l", "/r", "/t", "base"]


def test_independent_vertices_run_side_by_side(cancel: Cancel) -> None:
    graph = Graph()
    roots = [_directory(graph, f"/{name}") for name in "ab"]
    meeting = threading.Barrier(2, timeout=10)

    def perform(_vertex: Vertex, _inputs: tuple[int, ...]) -> int:
        return meeting.wait()

    assert len(solve(graph.needed(tuple(roots)), perform, threads=2, cancel=cancel)) == 2


def test_the_first_failure_stops_the_rest_and_is_raised(cancel: Cancel) -> None:
    graph = Graph()
    slow, bad = _directory(graph, "/slow"), _directory(graph, "/bad")
    after = _directory(graph, "/after", slow)
    ran = []

    def perform(vertex: Vertex, _inputs: tuple[None, ...]) -> None:
        ran.append(vertex.title)
        if vertex.key == bad:
            raise ValueError("bad")
        for _ in range(1000):
            cancel.check()
            time.sleep(0.01)

    with pytest.raises(ValueError, match="bad"):
        solve(graph.needed((after, bad)), perform, threads=2, cancel=cancel)
    assert cancel.is_set()
    assert "/after" not in ran


def test_an_interruption_reaches_the_steps_and_the_caller(cancel: Cancel) -> None:
    graph = Graph()
    target = _directory(graph, "/forever")
    stopped = threading.Event()

    def perform(_vertex: Vertex, _inputs: tuple[None, ...]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            while True:
                cancel.check()
                time.sleep(0.01)
        except Cancelled:
            stopped.set()
            raise

    with pytest.raises(KeyboardInterrupt):
        solve(graph.needed((target,)), perform, threads=1, cancel=cancel)
    assert stopped.is_set()
