"""Archives between Sealift and the programs people have: docker, podman, skopeo, buildah, umoci."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures_images import image_of
from sealift.core.digest import Digest
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store
from sealift.transfer import Loading, Saving, choose, load, save

pytestmark = pytest.mark.root

FORMS = [("oci", "none"), ("oci", "gzip"), ("docker", "none"), ("docker", "gzip")]
NAME = "docker.io/library/tiny:latest"


def run(*words: str) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def archive(store: Store, tiny_image: ImageRecord, tmp_path: Path, form: tuple[str, str]) -> Path:
    return saved(store, tmp_path / "ours.tar", "tiny", form=form)


def saved(store: Store, path: Path, *names: str, form: tuple[str, str] = ("oci", "none")) -> Path:
    with path.open("wb") as sink:
        save(choose(store, names), sink, Saving(store, *form))
    return path


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "other")


def assert_same(store: Store, other: Store, source: Path, *names: str) -> None:
    """`source` loads under these names, with the layers and settings of `tiny`."""
    load(source, Loading(other, lambda _: None))
    wanted = store.images.find("tiny")
    for name in names:
        found = other.images.find(name)
        assert found.layers == wanted.layers
        assert found.config.cmd == wanted.config.cmd
        assert found.config.env == wanted.config.env
    assert other.check() == []


@pytest.mark.parametrize("form", FORMS)
def test_skopeo_reads_ours(archive: Path, form: tuple[str, str], tiny_image: ImageRecord) -> None:
    kinds = ["docker-archive", "oci-archive"] if form[0] == "oci" else ["docker-archive"]
    for kind in kinds:
        found = json.loads(run("skopeo", "inspect", "--config", f"{kind}:{archive}:{NAME}"))
        assert tuple(found["rootfs"]["diff_ids"]) == tiny_image.layers
        run("skopeo", "copy", f"{kind}:{archive}:{NAME}", f"dir:{archive.parent / kind}")


@pytest.mark.parametrize("form", [("oci", "none"), ("oci", "gzip")])
def test_umoci_unpacks_ours(archive: Path) -> None:
    layout = archive.parent / "layout"
    layout.mkdir()
    run("tar", "-C", str(layout), "-xf", str(archive))
    assert run("umoci", "ls", "--layout", str(layout)).split() == [NAME]
    run("umoci", "unpack", "--image", f"{layout}:{NAME}", str(archive.parent / "bundle"))
    assert (archive.parent / "bundle/rootfs/etc/motd").read_text() == "hello\n"


def test_skopeo_reads_zstd(store: Store, tiny_image: ImageRecord, tmp_path: Path) -> None:
    path = saved(store, tmp_path / "ours.tar", "tiny", form=("oci", "zstd"))
    run("skopeo", "copy", f"oci-archive:{path}:{NAME}", f"dir:{tmp_path / 'copy'}")


SKOPEO = [
    ("docker-archive:{}/a.tar:a/b:v1", "a.tar", "a/b:v1"),
    ("oci-archive:{}/a.tar:a/b:v1", "a.tar", "a/b:v1"),
    ("oci:{}/layout:a/b:v1", "layout", "a/b:v1"),
]


@pytest.mark.parametrize("form", [("oci", "none")])
@pytest.mark.parametrize(("target", "path", "name"), SKOPEO)
@pytest.mark.parametrize("flags", [(), ("--dest-compress-format", "zstd")])
def test_skopeo_s_load(
    archive: Path, store: Store, other: Store, target: str, path: str, name: str, flags: tuple[str, ...]
) -> None:
    place = archive.parent / "theirs"
    place.mkdir()
    run("skopeo", "copy", *flags, f"docker-archive:{archive}:tiny", target.format(place))
    assert_same(store, other, place / path, name)


def test_umoci_s_load(other: Store, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    run("umoci", "init", "--layout", str(layout))
    run("umoci", "new", "--image", f"{layout}:app/x:1")
    run("umoci", "unpack", "--image", f"{layout}:app/x:1", str(tmp_path / "bundle"))
    (tmp_path / "bundle/rootfs/file").write_text("x")
    run("umoci", "repack", "--image", f"{layout}:app/x:1", str(tmp_path / "bundle"))
    [found] = load(layout, Loading(other, lambda _: None))
    assert found.references == (Reference.parse("app/x:1"),)
    assert len(found.record.layers) == 1


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[list[str]]:
    """podman with a storage of its own. It wants a short path for what it runs."""
    with tempfile.TemporaryDirectory() as short:
        words = ["podman", "--root", str(tmp_path / "p"), "--runroot", short]
        run(*words, "info")
        yield words
        run(*words, "rmi", "-af")
        subprocess.run(["umount", str(tmp_path / "p/overlay")], check=False, capture_output=True)


@pytest.mark.parametrize("form", [*FORMS, ("oci", "zstd")])
def test_podman_loads_ours(podman: list[str], archive: Path, tiny_image: ImageRecord) -> None:
    assert f"Loaded image: {NAME}" in run(*podman, "load", "-i", str(archive))
    layers = json.loads(run(*podman, "image", "inspect", NAME))[0]["RootFS"]["Layers"]
    assert tuple(layers) == tiny_image.layers


def test_podman_loads_several(
    podman: list[str], store: Store, tiny_image: ImageRecord, tmp_path: Path
) -> None:
    image_of(store, tiny_image.layers[:1], "example.com/second:v1")
    path = saved(store, tmp_path / "ours.tar", "tiny", "example.com/second:v1")
    told = run(*podman, "load", "-i", str(path))
    assert NAME in told
    assert "example.com/second:v1" in told


@pytest.mark.parametrize("form", [("oci", "none")])
@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci-dir"])
def test_podman_s_load(podman: list[str], archive: Path, store: Store, other: Store, kind: str) -> None:
    run(*podman, "load", "-i", str(archive))
    theirs = archive.parent / "theirs"
    run(*podman, "save", "--format", kind, "-o", str(theirs), NAME)
    assert_same(store, other, theirs, "tiny")


@pytest.mark.parametrize("form", [("oci", "none")])
@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_buildah_both_ways(archive: Path, store: Store, other: Store, kind: str, tmp_path: Path) -> None:
    buildah = ["buildah", "--root", str(tmp_path / "b/root"), "--runroot", str(tmp_path / "b/run")]
    buildah += ["--storage-driver", "vfs"]
    image = run(*buildah, "pull", f"{kind}:{archive}").split()[-1]
    run(*buildah, "push", image, f"{kind}:{tmp_path / 'theirs.tar'}:built:1")
    assert_same(store, other, tmp_path / "theirs.tar", "built:1")


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[list[str]]:
    """A docker daemon of the test's own, without any network. Its sockets need a short path."""
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed")
    with tempfile.TemporaryDirectory(prefix="d", dir="/run", ignore_cleanup_errors=True) as sockets:
        yield from docker_daemon(tmp_path, Path(sockets))


def docker_daemon(tmp_path: Path, sockets: Path) -> Iterator[list[str]]:
    socket = f"unix://{tmp_path / 'd.sock'}"
    place = ["--data-root", str(tmp_path / "d/data"), "--exec-root", str(sockets)]
    words = [*place, "--pidfile", str(tmp_path / "d.pid"), "--iptables=false", "--bridge=none"]
    with (tmp_path / "d.log").open("w") as log:
        daemon = subprocess.Popen(["dockerd", "--host", socket, *words], stdout=log, stderr=log)
    client = ["docker", "-H", socket]
    try:
        deadline = time.monotonic() + 30
        while subprocess.run([*client, "version"], capture_output=True, check=False).returncode:
            assert daemon.poll() is None and time.monotonic() < deadline, (tmp_path / "d.log").read_text()
            time.sleep(0.1)
        yield client
    finally:
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.wait(30)


def test_docker_both_ways(
    docker: list[str], store: Store, other: Store, tiny_image: ImageRecord, tmp_path: Path
) -> None:
    """One daemon for all forms: it takes seconds to start."""
    image_of(store, tiny_image.layers[:1], "second:v1")
    for form in FORMS:
        path = saved(store, tmp_path / "ours.tar", "tiny", "second:v1", form=form)
        told = run(*docker, "load", "-i", str(path))
        assert told.splitlines() == ["Loaded image: tiny:latest", "Loaded image: second:v1"]
        found = json.loads(run(*docker, "image", "inspect", "tiny"))[0]
        assert found["Id"] == tiny_image.image_id
        assert tuple(found["RootFS"]["Layers"]) == tiny_image.layers
        run(*docker, "save", "-o", str(tmp_path / "theirs.tar"), "tiny", "second:v1")
        run(*docker, "rmi", "tiny", "second:v1")
    assert_same(store, other, tmp_path / "theirs.tar", "tiny")
    assert other.images.find("tiny").image_id == tiny_image.image_id
    assert Digest.parse(other.images.find("second:v1").image_id) == store.images.find("second:v1").image_id
