"""Snapshots of every kind over a store of the test's own, layers made by GNU tar, and trees told as text."""

import hashlib
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealift.core.digest import Digest
from sealift.host import in_user_namespace
from sealift.snapshot import DirectorySnapshots, ErofsSnapshots, Snapshots
from sealift.snapshot.erofs_mounts import mount_loops
from sealift.snapshot.indexes import Indexes
from sealift.store import Store


class Kind(NamedTuple):
    """A kind of snapshots: how it is made, and whether owners and devices are as the layers have them."""

    make: Callable[[Store], Snapshots]
    faithful: bool = True


KINDS = {
    "files": Kind(ErofsSnapshots),
    "loops": Kind(lambda store: ErofsSnapshots(store, mount_loops)),
    # Without limits, what is above the first layer gets an index of its own wherever that is possible.
    "stacked": Kind(lambda store: ErofsSnapshots(store, indexes=Indexes(store, large=0, share=0))),
    "directories": Kind(DirectorySnapshots),
    "unprivileged": Kind(lambda store: DirectorySnapshots(store, unprivileged=True), faithful=False),
}


@pytest.fixture(params=["unprivileged"] if in_user_namespace() else list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def snapshots(kind: Kind, store: Store) -> Iterator[Snapshots]:
    """Snapshots of each kind. What a test leaves mounted is a failure."""
    yield kind.make(store)
    assert mounts_below(store.root.parent) == []


def mounts_below(directory: Path) -> list[str]:
    """Where something is mounted below `directory`."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [where for where in (line.split()[4] for line in lines) if where.startswith(f"{directory}/")]


def put(store: Store, tar: Path) -> Digest:
    """A tar as a layer of the store."""
    with store.layers.writer() as writer:
        writer.write(tar.read_bytes())
        return writer.commit()


class LayerMaker:
    """A layer being written with Python's tarfile, which knows nothing of our code."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed in `close`

    def add(self, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: Any) -> "LayerMaker":
        info = tarfile.TarInfo(name)
        info.type, info.size, info.mtime, info.mode = kind, len(data), 1_600_000_000, 0o644
        for field, value in fields.items():
            setattr(info, field, value)
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def directory(self, name: str, mode: int = 0o755, **fields: Any) -> "LayerMaker":
        return self.add(name, tarfile.DIRTYPE, mode=mode, **fields)

    def link(self, name: str, target: str) -> "LayerMaker":
        return self.add(name, tarfile.SYMTYPE, linkname=target, mode=0o777)

    def hardlink(self, name: str, target: str) -> "LayerMaker":
        return self.add(name, tarfile.LNKTYPE, linkname=target)

    def close(self) -> Path:
        self._tar.close()
        return self.path


@pytest.fixture
def layer(tmp_path: Path) -> Callable[[], LayerMaker]:
    """Makes layers, each with the root directory in it."""
    count = iter(range(1000))
    return lambda: LayerMaker(tmp_path / f"layer{next(count)}.tar").directory(".")


def unpacked(tars: Sequence[Path], root: Path) -> Path:
    """The tree that the layers make, by GNU tar and the words of the OCI image spec: our judge."""
    root.mkdir()
    for path in tars:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        for member in members:
            parent, name = os.path.split(member.name)
            if name == ".wh..wh..opq":
                for inner in (root / parent).iterdir():
                    _remove(inner)
            elif name.startswith(".wh."):
                _remove(root / parent / name.removeprefix(".wh."))
        for member in members:
            place = root / member.name
            if not member.isdir() or place.is_symlink() or not place.is_dir():
                _remove(place)
        command = ["tar", "--extract", "--file", str(path), "--directory", str(root), "--exclude", ".wh.*",
                   "--xattrs", "--xattrs-include=*", "--numeric-owner", "--preserve-permissions"]  # fmt: skip
        if in_user_namespace():  # where nobody can make devices or give files away
            devices = [member.name for member in members if member.isdev() and not member.isfifo()]
            command += ["--no-same-owner", *(f"--exclude={name}" for name in devices)]
        subprocess.run(command, check=True)
    return root


def _remove(path: Path) -> None:
    subprocess.run(["rm", "-rf", str(path)], check=True)


def told(root: Path, *, faithful: bool = True) -> dict[str, str]:
    """Every path below `root` with all that can be said of it, and which names are one file."""
    lines: dict[str, str] = {}
    names: dict[int, str] = {}
    kept = {"user.note", "user.other", *(["security.capability"] if faithful else [])}
    below = (Path(top, name) for top, dirs, files in os.walk(root) for name in (*dirs, *files))
    for path in [root, *sorted(below)]:
        info = path.lstat()
        if not faithful and stat.S_IFMT(info.st_mode) in (stat.S_IFCHR, stat.S_IFBLK):
            continue
        name = str(path.relative_to(root))
        words: list[object] = [stat.filemode(info.st_mode), int(info.st_mtime)]
        if faithful:
            words += [info.st_uid, info.st_gid, info.st_rdev]
        if stat.S_ISREG(info.st_mode):
            words += [info.st_size, hashlib.sha256(path.read_bytes()).hexdigest()[:16]]
        if stat.S_ISLNK(info.st_mode):
            words.append(str(path.readlink()))
        if not stat.S_ISDIR(info.st_mode):
            words.append(names.setdefault(info.st_ino, name))  # overlays do not count links anew
        for xattr in sorted(os.listxattr(path, follow_symlinks=False)):
            if xattr in kept:
                words.append(f"{xattr}={os.getxattr(path, xattr, follow_symlinks=False)!r}")
        lines[name] = " ".join(map(str, words))
    return lines


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def lower_and_changes(layer: Callable[[], LayerMaker]) -> list[Path]:
    """Three layers that replace, hide and delete in every way."""
    bottom = layer()
    for name in (
        "kept",
        "replaced",
        "deleted",
        "emptied",
        "hidden",
        "reborn",
        "refilled",
        "to-file",
        "later",
    ):
        bottom.directory(name).add(f"{name}/old", data=name.encode()).directory(f"{name}/sub")
        bottom.add(f"{name}/sub/deep", data=b"deep").hardlink(f"{name}/linked", f"{name}/old")
    bottom.add("file-to-dir", data=b"f").link("link-to-dir", "kept").add("plain", data=b"1")
    middle = layer()
    middle.directory("kept", 0o711, uid=5).add("kept/new", data=b"new").add("plain", data=b"2", mode=0o600)
    middle.directory("replaced").add("replaced/old", data=b"replaced").directory("emptied")
    middle.add(".wh.deleted").add("emptied/.wh.old").add("emptied/.wh.sub")
    middle.directory("hidden").add("hidden/.wh..wh..opq").add("hidden/own", data=b"own")
    middle.add(".wh.reborn").directory("reborn").add("reborn/own", data=b"reborn")
    middle.add("to-file", data=b"no directory any more").add(".wh.later").add(".wh.never-was")
    middle.directory("file-to-dir").add("file-to-dir/inside", data=b"i")
    middle.directory("link-to-dir").add("link-to-dir/inside", data=b"j")
    middle.directory("refilled").add("refilled/sub", data=b"was a directory")
    top = layer()
    top.directory("later").add("later/again", data=b"again").directory("to-file").add("to-file/x", data=b"x")
    top.directory("emptied").add("emptied/old", data=b"back").directory("refilled").directory("refilled/sub")
    top.add("refilled/sub/fresh", data=b"fresh").directory("hidden").directory("hidden/sub")
    top.add("hidden/sub/seen", data=b"seen").add(".wh.plain")
    return [bottom.close(), middle.close(), top.close()]
