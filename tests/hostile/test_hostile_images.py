"""Images that would fill the disk, keep the machine busy, or speak to the terminal."""

import json
import os
import time
from pathlib import Path

import pytest

from fixtures_archive import END, entries, header, member, pax
from fixtures_container import Box
from fixtures_images import image_of
from sealift.build.noise import normalise
from sealift.cli.app import printable
from sealift.container import ExecSpec, MountSpec
from sealift.core.config import Healthcheck
from sealift.core.errors import Corrupt, Invalid, StartFailed
from sealift.dockerfile.expand import expand
from sealift.host.files import remove_tree
from sealift.runtime import inside
from sealift.runtime.spec import Streams
from sealift.snapshot.tree import layer_tree

TERABYTES = 1 << 43


def image(box: Box, layer: bytes, **config: object) -> str:
    """`box:latest` with this layer on top."""
    with box.store.layers.writer() as writer:
        writer.write(layer + END)
        added = writer.commit()
    below = box.store.images.find("box:latest").layers
    image_of(box.store, (*below, added), "evil:latest", **config)
    return "evil:latest"


@pytest.mark.root
def test_new_volume_takes_no_more_room_than_the_layer(box: Box) -> None:
    sparse = pax(
        (b"GNU.sparse.name", b"pool/big"),
        (b"GNU.sparse.size", b"%d" % TERABYTES),
        (b"GNU.sparse.map", b"0,4,1000000,3"),
    )
    links = b"".join(header(b"pool/link%d" % number, b"1", link=b"pool/file") for number in range(500))
    layer = (
        header(b"pool/", b"5") + sparse + member(b"x", b"abcdefg") + member(b"pool/file", b"z" * 1_000_000)
    )
    evil = image(box, layer + links, volumes=("/pool",))
    volume = MountSpec("volume", "/pool", "vol")
    line = "stat -c '%s %h' /pool/big /pool/file; head -c 4 /pool/big; ls -a /pool | wc -l"
    begun = time.monotonic()
    out = box.output(box.sh(line, image=evil, mounts=(volume,)))
    assert out == f"{TERABYTES} 1\n1000000 501\nabcd504\n"
    assert time.monotonic() - begun < 20
    files = {path.stat().st_ino: path.stat().st_blocks * 512 for path in volume_of(box).iterdir()}
    assert sum(files.values()) < 16 << 20


def volume_of(box: Box) -> Path:
    return box.parts.volumes.find("vol").path


@pytest.mark.root
@pytest.mark.parametrize("path", ["/dev/fd/7", "/dev/stdin", "/dev/fd", "/dev/shm/../fd/3"])
def test_working_directory_over_links_of_the_runtime_is_refused(box: Box, path: str) -> None:
    with pytest.raises(Invalid, match="below /proc"):
        box.foreground(box.spec("ls", working_dir=path, auto_remove=True))


@pytest.mark.root
def test_working_directory_over_links_in_volumes_is_refused(box: Box) -> None:
    volume = (MountSpec("volume", "/data", "vol"),)
    box.parts.volumes.create("vol")
    (volume_of(box) / "a").mkdir()
    (volume_of(box) / "a/link").symlink_to("/proc/self/fd/7")
    for path in ("/data/a/link", "/data/../data/a/link"):
        with pytest.raises(Invalid, match="below /proc"):
            box.foreground(box.spec("ls", working_dir=path, mounts=volume, auto_remove=True))
    box.containers.run(box.spec("sleep", "1000", name="one", mounts=volume))
    with pytest.raises(Invalid, match="below /proc"):
        box.containers.exec("one", ExecSpec(("ls",), working_dir="/data/a/link"), Streams())


@pytest.mark.root
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"cmd": ("x" * 3_000_000,)}, "too long"),
        ({"env": tuple(f"A{number}={'x' * 120_000}" for number in range(60))}, "too long"),
        ({"env": tuple(f"A{number}=x" for number in range(200_000))}, "variables"),
        ({"cmd": ("echo", "a\0b")}, "zero byte"),
    ],
)
def test_words_that_no_kernel_takes_are_refused_at_once(
    box: Box, config: dict[str, object], message: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(StartFailed, match=message):
        box.foreground(box.spec(image=image(box, b"", **config), auto_remove=True))
    assert time.monotonic() - begun < 10
    assert box.containers.all() == []


@pytest.mark.root
@pytest.mark.parametrize(
    "check",
    [
        Healthcheck(("CMD", "true"), interval=1),
        Healthcheck(("CMD", "true"), interval=-5),
        Healthcheck(("CMD", "true"), timeout=10**400),
        Healthcheck(("CMD", "true"), retries=-1),
        Healthcheck(("CMD",)),
        Healthcheck(("CMD-SHELL", "")),
        Healthcheck(("\x1b[2J", "true")),
    ],
)
def test_absurd_health_checks_are_refused(box: Box, check: Healthcheck) -> None:
    with pytest.raises(Invalid, match="invalid health check"):
        box.containers.run(box.spec("true", image=image(box, b"", healthcheck=check)))


def test_links_cannot_make_a_layer_slow() -> None:
    """Without a limit: each member leads through 64,000 names of links, 25 ms, and there may be millions."""
    layer = pax((b"path", b"a/" * 1000)) + header(b"x", b"5")
    for number in range(39):
        before = b"l%d" % (number - 1) if number else b"a"
        layer += pax((b"linkpath", b"a/" * 800 + b"../" * 800 + before)) + header(b"l%d" % number, b"2")
    layer += b"".join(member(b"l38/f%d" % number) for number in range(3000))
    begun = time.monotonic()
    with pytest.raises(Invalid, match="symbolic links"):
        layer_tree(entries(layer + END), 0)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "layer",
    [
        member(b"f\x1b[2J") + member(b"f\x1b[2J/g"),
        header(b"a\x1b[2J", b"1", link=b"\x1b]0;x\x07"),
        header(b"\x1b[2J", b"2", link=b"\x1b[2J") + member(b"\x1b[2J/f"),
        header(b"d\x1b", b"2", link=b"nowhere") + member(b"d\x1b/.wh.x"),
    ],
)
def test_names_in_messages_do_not_speak_to_the_terminal(layer: bytes) -> None:
    with pytest.raises((Invalid, Corrupt)) as caught:
        layer_tree(entries(layer + END), 0)
    assert caught.value.message.isprintable()


def test_messages_are_printable_whatever_they_quote() -> None:
    assert printable("fine: naïve 日本\n") == "fine: naïve 日本\n"
    assert printable("a\x1b[31mb\x07\r\x9b\udcff\u202e") == "a\\x1b[31mb\\x07\\r\\x9b\\udcff\\u202e"


def test_looking_for_a_loader_stays_inside(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    for path in (outside, tree):
        path.mkdir()
    (outside / "ld-linux.so.2").touch()
    (tree / "lib").symlink_to(outside)
    assert not inside.has_foreign_programs(tree, "/bin/true")
    (tree / "lib").unlink()
    (tree / "lib").mkdir()
    (tree / "lib/ld-linux.so.2").symlink_to("anywhere")
    assert inside.has_foreign_programs(tree, "/bin/true")


@pytest.mark.root
@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000, b'{"labels": []}', b"\xff", b'{"created": []}'])
def test_volume_whose_file_is_damaged_keeps_its_content(box: Box, data: bytes) -> None:
    box.output(box.sh("echo kept > /data/f", mounts=(MountSpec("volume", "/data", "vol"),)))
    (volume_of(box).parent / "volume.json").write_bytes(data)
    assert [volume.name for volume in box.parts.volumes.all()] == ["vol"]
    assert box.parts.volumes.inspect("vol")["Name"] == "vol"
    out = box.output(box.sh("cat /data/f", mounts=(MountSpec("volume", "/data", "vol"),)))
    assert out == "kept\n"
    box.parts.volumes.remove("vol")


@pytest.mark.root
@pytest.mark.parametrize("name", ["container.json", "state.json"])
def test_files_nested_without_end_are_damaged_files(box: Box, name: str) -> None:
    made = box.containers.create(box.spec("true", name="one"))
    (box.parts.registry.directory(made.id) / name).write_bytes(b"[" * 100_000)
    box.containers.all()
    assert box.containers.remove(made.id, force=True) == made.id


@pytest.mark.root
def test_step_that_nests_directories_without_end_is_built(tmp_path: Path) -> None:
    """Deeper than a path can be long, so that only open directories lead there."""
    top = tmp_path / "upper"
    top.mkdir()
    (top / "root").mkdir()
    (top / "root/.wget-hsts").touch()
    here = os.open(top, os.O_RDONLY)
    try:
        for _ in range(5000):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        normalise(top, 0, 0)
        assert not (top / "root/.wget-hsts").exists()
        os.stat("f", dir_fd=here)
    finally:
        os.close(here)
        remove_tree(top)


def test_variables_made_of_variables_have_an_end() -> None:
    value, begun = "x" * 10, time.monotonic()
    with pytest.raises(Invalid, match="characters"):
        for _ in range(40):
            value = expand("$A$A${A}'$A'\"$A\"", {"A": value}).text
    assert len(value) < 1 << 21
    assert time.monotonic() - begun < 20


@pytest.mark.root
@pytest.mark.parametrize(
    "member", [{"working_dir": {}}, {"labels": [1]}, {"labels": 7}, {"env": [None]}, {"resources": 3}]
)
def test_record_with_members_of_other_kinds_is_damaged(box: Box, member: dict[str, object]) -> None:
    made = box.containers.create(box.spec("true", name="one"))
    path = box.parts.registry.directory(made.id) / "container.json"
    value = json.loads(path.read_bytes())
    value["spec"].update(member)
    path.write_text(json.dumps(value))
    with pytest.raises(Corrupt, match="damaged"):
        box.containers.find(made.id)
    assert box.containers.all() == []
    assert box.containers.remove(made.id, force=True) == made.id
