"""Images and input that try to get out of their container: refused, and the host unchanged."""

import io
import os
from pathlib import Path

import pytest

from fixtures_container import Box
from sealift.archive import Entry, TarWriter
from sealift.container import ExecSpec, MountSpec
from sealift.core.errors import Corrupt, Invalid, SealiftError
from sealift.runtime.spec import Streams

pytestmark = pytest.mark.root


def image(box: Box, name: str, *entries: tuple[Entry, bytes], **config: object) -> str:
    """`box:latest` with a layer of these entries on top."""
    from fixtures_images import image_of

    sink = io.BytesIO()
    tar = TarWriter(sink)
    for entry, data in entries:
        tar.add(entry, io.BytesIO(data) if entry.kind == "file" else None)
    tar.finish()
    with box.store.layers.writer() as writer:
        writer.write(sink.getvalue())
        layer = writer.commit()
    below = box.store.images.find("box:latest").layers
    image_of(box.store, (*below, layer), f"{name}:latest", **config)
    return f"{name}:latest"


def link(path: str, target: str) -> tuple[Entry, bytes]:
    return Entry(path, "symlink", 0o777, 0, 0, 0, target=target), b""


def directory(path: str) -> tuple[Entry, bytes]:
    return Entry(path, "dir", 0o755, 0, 0, 0), b""


def file(path: str, data: bytes) -> tuple[Entry, bytes]:
    return Entry(path, "file", 0o644, 0, 0, 0, len(data)), data


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    """A directory of the host that must stay as it is."""
    path = tmp_path / "sentinel"
    path.mkdir()
    (path / "file").write_text("untouched")
    return path


def assert_untouched(sentinel: Path) -> None:
    assert os.listdir(sentinel) == ["file"]  # noqa: PTH208
    assert (sentinel / "file").read_text() == "untouched"


@pytest.mark.parametrize("path", ["dev", "proc", "sys", "dev/null", "dev/console", "dev/pts", "dev/shm"])
def test_mount_points_that_are_symlinks_are_refused(box: Box, sentinel: Path, path: str) -> None:
    parents = [directory("dev")] if "/" in path else []
    evil = image(box, "evil", *parents, link(path, str(sentinel)))
    with pytest.raises(Invalid, match=f"/{path} is a symlink"):
        box.foreground(box.spec("true", image=evil, auto_remove=True))
    assert_untouched(sentinel)
    assert box.containers.all() == []
    assert box.mounts() == []


@pytest.mark.parametrize("path", ["/proc/self/fd/7", "/proc/1/cwd", "/work", "/../proc/self/fd/3"])
def test_working_directory_below_proc_is_refused(box: Box, path: str) -> None:
    evil = image(box, "evil", link("work", "/proc/self/fd/8"), working_dir=path)
    with pytest.raises(Invalid, match="below /proc"):
        box.foreground(box.spec("ls", image=evil, auto_remove=True))


def test_files_of_ours_do_not_follow_the_images_symlinks(box: Box, sentinel: Path) -> None:
    target = str(sentinel / "file")
    evil = image(
        box, "evil", link("etc/hosts", target), link("etc/resolv.conf", target), link("etc/hostname", target)
    )
    run = box.foreground(box.sh("echo changed > /etc/hosts; true", image=evil, auto_remove=True))
    assert run.code == 0
    assert_untouched(sentinel)


def test_mounts_stay_inside_whatever_the_image_links_to(box: Box, sentinel: Path, tmp_path: Path) -> None:
    evil = image(box, "evil", link("mnt", str(sentinel)), link("up", "../../../../../.." + str(sentinel)))
    (tmp_path / "given").mkdir()
    mounts = (
        MountSpec("bind", "/mnt/a", str(tmp_path / "given")),
        MountSpec("tmpfs", "/up/b"),
        MountSpec("volume", "/mnt/c/d", "vol"),
    )
    box.foreground(box.sh("touch /mnt/a/x /up/b/x /mnt/c/d/x", image=evil, auto_remove=True, mounts=mounts))
    assert_untouched(sentinel)


def test_accounts_are_not_read_through_links_or_pipes(box: Box, sentinel: Path) -> None:
    (sentinel / "file").write_text("untouched")
    outside = image(box, "outside", link("etc/passwd", str(sentinel / "file")))
    with pytest.raises(Invalid, match="unable to find user untouched"):
        box.containers.run(box.spec("true", image=outside, user="untouched"))
    pipe = image(box, "pipe", (Entry("etc/passwd", "fifo", 0o644, 0, 0, 0), b""))
    with pytest.raises(Invalid, match="not a regular file"):
        box.containers.run(box.spec("true", image=pipe, user="app"))
    huge = image(box, "huge", file("etc/passwd", b"\n" * (17 << 20)))
    with pytest.raises(Invalid, match="more than"):
        box.containers.run(box.spec("true", image=huge, user="app"))


@pytest.mark.parametrize("user", ["2147483648", "4294967296", "0:4294967295", "99999999999"])
def test_ids_that_wrap_around_are_refused(box: Box, user: str) -> None:
    with pytest.raises(Invalid, match="range"):
        box.containers.run(box.spec("true", user=user, auto_remove=True))


@pytest.mark.parametrize("volume", ["../../outside", "/../..", "relative", "/proc/self"])
def test_image_volumes_that_lead_out_are_refused(box: Box, volume: str) -> None:
    evil = image(box, "evil", volumes=(volume,))
    with pytest.raises(SealiftError):
        box.foreground(box.spec("true", image=evil, auto_remove=True))
    assert box.containers.all() == []


def test_container_cannot_reach_the_runtime_or_our_files(box: Box) -> None:
    line = "ls -l /proc/1/exe /proc/self/exe; cat /proc/1/mountinfo; env"
    out = box.output(box.sh(line, image=image(box, "plain")))
    assert "runc" not in out
    assert "_OCI" not in out
    assert "CONMON" not in out.upper()


def test_exec_takes_nothing_from_what_the_container_changed(box: Box, sentinel: Path) -> None:
    box.containers.run(box.sh("rm -f /etc/passwd; ln -s / /etc/passwd; echo up; sleep 1000", name="one"))
    box.until(lambda: box.log("one") == b"up\n", "changed")
    with pytest.raises(Invalid, match="not a regular file"):
        box.containers.exec("one", ExecSpec(("true",), user="app"), Streams())
    box.containers.run(box.spec("sleep", "1000", name="two"))
    for path in ("/proc/self/fd/5", "/tmp/../proc/1/cwd", "relative"):
        with pytest.raises(Invalid, match="working directory"):
            box.containers.exec("two", ExecSpec(("ls",), working_dir=path), Streams())


def test_damaged_record_is_named_and_can_be_removed(box: Box) -> None:
    box.containers.create(box.spec("true", name="good"))
    made = box.containers.create(box.spec("true", name="bad"))
    record = box.parts.registry.directory(made.id) / "container.json"
    for data in (b"{", b'{"format": 7}', b"\0" * 100):
        record.write_bytes(data)
        with pytest.raises(Corrupt):
            box.containers.find(made.id)
        assert [one.name for one in box.containers.all()] == ["good"]
    assert box.containers.remove(made.id, force=True) == made.id
    assert box.parts.registry.ids() == [box.containers.find("good").id]
    box.containers.create(box.spec("true", name="bad"))


def test_record_lost_with_the_power_is_cleared_away(box: Box) -> None:
    made = box.containers.create(box.spec("true", name="one", auto_remove=True))
    (box.parts.registry.directory(made.id) / "container.json").write_bytes(b"")
    box.containers.prune()
    assert box.parts.registry.ids() == []
    box.containers.create(box.spec("true", name="one"))


def test_text_of_users_is_data(box: Box) -> None:
    evil = "$(touch /tmp/x)`id`;&|\n\"'\\ \x01\x1b[31m"
    spec = box.sh('printf %s "$EVIL"', env=(f"EVIL={evil}",), labels=((evil, evil),), auto_remove=True)
    assert box.foreground(spec).out.decode() == evil
