"""A tiny root file system (busybox) and an engine of the test's own, with nothing left behind."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.runtime import BundleSpec, Engine, ProcessSpec, Runtime, bundle

# fmt: off
APPLETS = (
    "cat", "echo", "env", "false", "hostname", "id", "kill", "ls", "mkdir", "mount", "ps", "pwd",
    "sh", "sleep", "stty", "test", "touch", "true", "tty", "head", "wc", "seq", "dd", "yes", "ip",
    "chmod",
)
# fmt: on


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    """A root file system with a shell and the usual commands."""
    program = shutil.which("busybox")
    if program is None:
        pytest.fail("these tests need the package busybox-static")
    root = tmp_path / "rootfs"
    for name in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copy(program, root / "bin" / "busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc" / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
    )
    (root / "etc" / "group").write_text("root:x:0:\nvideo:x:44:app\napp:x:1000:\n")
    return root


@pytest.fixture(autouse=True)
def no_parent_cgroup(request: pytest.FixtureRequest) -> Iterator[None]:
    """A store's own cgroup stays when its containers go: hundreds of them would slow the host down."""
    if "tmp_path" not in request.fixturenames or os.geteuid() != 0:
        yield
        return
    directory: Path = request.getfixturevalue("tmp_path")
    yield
    for layout in (*directory.glob("layout.json"), *directory.glob("*/layout.json")):
        group = Engine(Runtime("runc", "", ""), layout.parent).cgroup("x")
        type(group)(group.path.rpartition("/")[0]).remove_if_empty()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine whose containers all end with the test."""
    made = Engine.open(tmp_path / "store")
    yield made
    for container in made.containers():
        made.delete(container, force=True)
    parent = made.cgroup("x").path.rpartition("/")[0]
    assert type(made.cgroup("x"))(parent).remove(), "a cgroup was left behind"


def shell(rootfs: Path, engine: Engine, container: str, line: str, **process: object) -> BundleSpec:
    """A spec that runs a line of shell in `rootfs`."""
    spec = ProcessSpec(args=("sh", "-c", line))._replace(**process)  # type: ignore[arg-type]
    return BundleSpec(rootfs=rootfs, process=spec, cgroup=engine.cgroup(container).path)


def write(directory: Path, spec: BundleSpec) -> Path:
    """`spec` as a bundle at `directory`."""
    bundle.write(directory, spec)
    return directory
