"""The real `sealift` command over a store of the test's own, with the image `tiny` in it."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sealift import wiring
from sealift.core.settings import Settings
from sealift.store import ImageRecord, Store


class Program:
    """`sealift --root STORE`. Calling it runs it to its end and gives what it printed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {key: value for key, value in os.environ.items() if key != "SEALIFT_ROOT"}
        self._running: list[subprocess.Popen[str]] = []

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "sealift", "--root", str(self.root), *words]

    def finish(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run it to its end, whatever that is."""
        return subprocess.run(
            self.command(*words), input=stdin, env=self.environment, cwd=self.root.parent,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def __call__(self, *words: str, code: int = 0, stdin: str = "") -> str:
        """Its standard output, once it ended with `code`."""
        done = self.finish(*words, stdin=stdin)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def fails(self, *words: str, code: int = 1) -> str:
        """Its standard error, once it ended with `code`."""
        done = self.finish(*words)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr

    def start(self, *words: str, **how: object) -> "subprocess.Popen[str]":
        """Leave it running; it is ended with the test."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        process = subprocess.Popen(
            self.command(*words), env=self.environment, cwd=self.root.parent, text=True, **streams
        )  # type: ignore[call-overload]
        self._running.append(process)
        return process  # type: ignore[no-any-return]

    def state(self, name: str) -> str:
        """The status of a container, in a word."""
        return self("inspect", "-f", "{{.State.Status}}", name).strip()

    def close(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()


class Terminal:
    """`sealift` on a terminal of the test's."""

    def __init__(self, sealift: Program, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        self.resize(30, 100)
        self.process = sealift.start(
            *words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def resize(self, rows: int, columns: int) -> None:
        subprocess.run(["stty", "rows", str(rows), "columns", str(columns)], stdin=self.ours, check=True)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def read_until(self, text: str, seconds: float = 15) -> str:
        seen = b""
        deadline = time.monotonic() + seconds
        while text.encode() not in seen:
            ready, _, _ = select.select([self.ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {seen!r}"
            try:
                seen += os.read(self.ours, 4096)
            except OSError:
                break
        return seen.decode()


@pytest.fixture
def sealift(store: Store, tiny_image: ImageRecord) -> Iterator[Program]:
    """The program. At the end nothing of its store is left on the host."""
    program = Program(store.root)
    yield program
    program.close()
    settings = Settings(store.root, {})
    containers = wiring.containers(settings)
    for container in containers.all():
        containers.remove(container.id, force=True, volumes=True)
    wiring.networks(settings, store).down()
    assert eventually(lambda: not mounts_below(store.root)), mounts_below(store.root)


def mounts_below(root: Path) -> list[str]:
    """Lines of /proc/mounts about places below `root`."""
    return [line for line in Path("/proc/mounts").read_text().splitlines() if str(root) in line]


def eventually(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether the condition holds within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
