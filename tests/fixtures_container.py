"""Containers of a store of the test's own, from a tiny image, with nothing left behind on the host."""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sealift import wiring
from sealift.archive import Entry, TarWriter
from sealift.container import Containers, ContainerSpec
from sealift.container.parts import Parts
from sealift.core.digest import Digest
from sealift.core.errors import NotFound
from sealift.core.settings import Settings
from sealift.runtime.spec import Streams
from sealift.store import Store

# fmt: off
COMMANDS = (
    "cat", "chmod", "date", "dd", "echo", "env", "false", "head", "hostname", "id", "ip", "kill", "ls",
    "mkdir", "mount", "mv", "nc", "nslookup", "printf", "ps", "pwd", "readlink", "rm", "seq", "sh", "sleep",
    "stat", "stty", "tail", "test", "touch", "true", "tty", "wc", "yes",
)
# fmt: on
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nvideo:x:44:app\napp:x:1000:\n"


class Run(NamedTuple):
    """How a container in the foreground went."""

    code: int | None
    out: bytes
    err: bytes


class Box:
    """The containers of a test, with short ways to use them. `box:latest` has a shell and usual commands."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.containers = Containers(parts)
        self.store = parts.store

    def spec(self, *command: str, **members: object) -> ContainerSpec:
        """A container of `box:latest` without a network, unless it is told otherwise."""
        spec = ContainerSpec("box:latest", command or None, network="none")
        return spec._replace(**members)  # type: ignore[arg-type]

    def sh(self, line: str, **members: object) -> ContainerSpec:
        return self.spec("sh", "-c", line, **members)

    def foreground(self, spec: ContainerSpec, given: bytes | None = None, **how: object) -> Run:
        """Run it attached, with `given` as its standard input."""
        return self.streamed(
            lambda streams: self.containers.run_attached(spec, streams, **how), given  # type: ignore[arg-type]
        )  # fmt: skip

    def output(self, spec: ContainerSpec) -> str:
        """What it prints; it must succeed."""
        run = self.foreground(spec._replace(auto_remove=True))
        assert run.code == 0, run
        return run.out.decode()

    def streamed(self, call: Callable[[Streams], int | None], given: bytes | None = None) -> Run:
        """Call something with streams of files, and read those."""
        descriptors = [os.memfd_create(name) for name in ("in", "out", "err")]
        try:
            os.write(descriptors[0], given or b"")
            os.lseek(descriptors[0], 0, os.SEEK_SET)
            # poll(2) knows nothing of files: a pipe in between makes stdin what it is on a command line
            stdin = None if given is None else _pipe(given)
            code = call(Streams(stdin, descriptors[1], descriptors[2]))
            if stdin is not None:
                os.close(stdin)
            return Run(code, *(os.pread(one, 1 << 24, 0) for one in descriptors[1:]))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(0.02)

    def status(self, name: str) -> str:
        try:
            return self.containers.find(name).state.status
        except NotFound:
            return "gone"

    def log(self, name: str, **wanted: object) -> bytes:
        lines = self.containers.logs(name, **wanted)  # type: ignore[arg-type]
        return b"".join(line.data for line in lines)

    def mounts(self) -> list[str]:
        """What is mounted below the store."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line.split()[4] for line in lines if str(self.store.root) in line.split()[4]]


@pytest.fixture
def box(store: Store) -> Iterator[Box]:
    """Containers, and the image `box:latest`."""
    from fixtures_images import image_of, layer_of  # later than pytest loads that plugin

    program = shutil.which("busybox")
    if program is None:
        pytest.fail("these tests need the package busybox-static")
    programs = {"bin": None, "bin/busybox": Path(program).read_bytes(), "root": None, "tmp": None}
    base = layer_of(store, programs, {f"bin/{name}": "busybox" for name in COMMANDS})
    image_of(store, (base, data_layer(store)), "box:latest")
    made = Box(wiring.container_parts(Settings(store.root, {})))
    yield made
    for container in made.containers.all():
        made.containers.remove(container.id, force=True, volumes=True)
    made.parts.networks.down()
    made.parts.snapshots.collect(())
    assert made.mounts() == [], "mounts were left behind"
    parent = made.parts.engine.cgroup("x")
    assert type(parent)(parent.path.rpartition("/")[0]).remove(), "a cgroup was left behind"


def data_layer(store: Store) -> Digest:
    """Accounts, and a directory of files with owners and modes of their own."""
    sink = io.BytesIO()
    tar = TarWriter(sink)
    for entry, data in (
        (Entry("data", "dir", 0o750, 1000, 44, 1000), b""),
        (Entry("data/link", "symlink", 0o777, 0, 0, 0, target="seed"), b""),
        (Entry("data/seed", "file", 0o640, 1000, 1000, 2000, 5), b"seed\n"),
        (Entry("etc", "dir", 0o755, 0, 0, 0), b""),
        (Entry("etc/group", "file", 0o644, 0, 0, 0, len(GROUP)), GROUP),
        (Entry("etc/passwd", "file", 0o644, 0, 0, 0, len(PASSWD)), PASSWD),
    ):
        tar.add(entry, io.BytesIO(data) if entry.kind == "file" else None)
    tar.finish()
    with store.layers.writer() as writer:
        writer.write(sink.getvalue())
        return writer.commit()


def _pipe(given: bytes) -> int:
    reader, writer = os.pipe()
    os.write(writer, given)
    os.close(writer)
    return reader
