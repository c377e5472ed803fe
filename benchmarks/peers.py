"""The tools compared, behind one interface. Each keeps all its state below the directory it is given."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from benchmarks.measure import execute

SEALIFT = str(Path(sys.executable).with_name("sealift"))
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Peer(Protocol):
    """A tool that loads a docker-archive and runs images."""

    name: str

    def load(self, archive: Path) -> list[str]:
        """The command that loads an archive."""
        ...

    def run(self, image: str, network: str) -> list[str]:
        """The command that runs `true` in a fresh container on `bridge` or `none` and removes it."""
        ...

    def forget(self, image: str) -> list[str]:
        """The command that removes an image."""
        ...


class Sealift:
    name = "sealift"

    def __init__(self, directory: Path) -> None:
        self._base = [SEALIFT, "--root", str(directory / "sealift")]

    def load(self, archive: Path) -> list[str]:
        return [*self._base, "load", "-q", "-i", str(archive)]

    def run(self, image: str, network: str) -> list[str]:
        return [*self._base, "run", "--rm", "--network", network, image, "true"]

    def forget(self, image: str) -> list[str]:
        return [*self._base, "rmi", image]

    def command(self, *words: str) -> list[str]:
        return [*self._base, *words]


class Docker:
    name = "docker"

    def __init__(self, socket: str) -> None:
        self._base = ["docker", "-H", socket]

    def load(self, archive: Path) -> list[str]:
        return [*self._base, "load", "-q", "-i", str(archive)]

    def run(self, image: str, network: str) -> list[str]:
        return [*self._base, "run", "--rm", "--network", network, image, "true"]

    def forget(self, image: str) -> list[str]:
        return [*self._base, "rmi", image]


class Podman:
    name = "podman"

    def __init__(self, directory: Path) -> None:
        settings = directory / "containers.conf"
        settings.write_text('[network]\nnetwork_backend = "netavark"\n')
        os.environ["CONTAINERS_CONF"] = str(settings)
        self._base = [
            "podman", "--root", str(directory / "podman"), "--runroot", str(directory / "podman-run"),
            "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc",
        ]  # fmt: skip

    def load(self, archive: Path) -> list[str]:
        return [*self._base, "load", "-q", "-i", str(archive)]

    def run(self, image: str, network: str) -> list[str]:
        name = "podman" if network == "bridge" else network
        # By itself podman asks for more than root may have on machines without CAP_SYS_RESOURCE.
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        return [*self._base, "run", "--rm", *limits, "--network", name, image, "true"]

    def forget(self, image: str) -> list[str]:
        return [*self._base, "rmi", image]


class Runc:
    """Bare `runc run` of an unpacked bundle: the floor. It has no images and no bridge."""

    name = "runc"

    def __init__(self, directory: Path) -> None:
        self._root = directory / "runc"
        self._count = 0

    def unpack(self, archive: Path, image: str) -> None:
        """Make a bundle called `image` of the layers of a docker-archive."""
        bundle = self._root / image.partition(":")[0]
        rootfs = bundle / "rootfs"
        rootfs.mkdir(parents=True)
        with tarfile.open(archive) as outer:
            manifest = outer.extractfile("manifest.json")
            assert manifest is not None
            for layer in json.load(manifest)[0]["Layers"]:
                with subprocess.Popen(["tar", "-x", "-C", str(rootfs)], stdin=subprocess.PIPE) as tar:
                    data = outer.extractfile(layer)
                    assert data is not None and tar.stdin is not None
                    shutil.copyfileobj(data, tar.stdin)
        execute(["runc", "spec"], cwd=bundle)
        spec = json.loads((bundle / "config.json").read_text())
        spec["process"].update(terminal=False, args=["true"], rlimits=[])
        (bundle / "config.json").write_text(json.dumps(spec))

    def run(self, image: str) -> list[str]:
        self._count += 1
        bundle = self._root / image.partition(":")[0]
        identifier = f"bench-{os.getpid()}-{self._count}"
        return ["runc", "--root", str(self._root / "state"), "run", "-b", str(bundle), identifier]


def found(program: str) -> bool:
    return shutil.which(program, path=_PATH) is not None


@contextlib.contextmanager
def docker_daemon(directory: Path) -> Iterator[Docker]:
    """A docker daemon of our own, with all its data in `directory`, ended with the block."""
    socket = f"unix://{directory}/docker.sock"
    with (directory / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "-H", socket, "--data-root", str(directory / "docker"), "--exec-root",
             str(directory / "docker-exec"), "--pidfile", str(directory / "dockerd.pid")],
            stdout=log, stderr=log, env={**os.environ, "PATH": _PATH},
        )  # fmt: skip
    try:
        for _ in range(300):
            probe = subprocess.run(["docker", "-H", socket, "info"], capture_output=True, check=False)
            if probe.returncode == 0:
                break
            if daemon.poll() is not None:
                raise SystemExit(f"dockerd ended early:\n{(directory / 'dockerd.log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield Docker(socket)
    finally:
        daemon.terminate()
        daemon.wait(30)


@contextlib.contextmanager
def fresh_filesystem(gigabytes: int) -> Iterator[Path]:
    """A newly made ext4 file system in a loop file, mounted, and gone with the block."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sealift-bench-") as name:
        image, mount = Path(name) / "disk.img", Path(name) / "disk"
        mount.mkdir()
        with image.open("wb") as file:
            file.truncate(gigabytes << 30)
        execute(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)])
        execute(["mount", "-o", "loop", str(image), str(mount)])
        try:
            yield mount
        finally:
            _unmount_below(mount)


def _unmount_below(mount: Path) -> None:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted((p for p in points if f"{p}/".startswith(f"{mount}/")), reverse=True):
        subprocess.run(["umount", "-l", point], check=False)
