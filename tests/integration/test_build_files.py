"""COPY, ADD and WORKDIR: what ends up in the image is what docker puts there."""

import bz2
import gzip
import io
import lzma
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fixtures_build import Workshop
from sealift.core.errors import Invalid, NotFound, SealiftError

pytestmark = pytest.mark.root
Shown = tuple[str, int, int, int, str]
EPOCH = 1_700_000_000


@pytest.fixture(autouse=True)
def context(workshop: Workshop) -> Path:
    """A context with a bit of everything."""
    root = workshop.context
    for name in ("a", "b.txt", "c.txt", ".hid", "sp ace", "[br]"):
        (root / name).write_text(name)
    (root / "a").chmod(0o600)
    (root / "d/e/f").mkdir(parents=True)
    (root / "d/1").write_text("1")
    (root / "d/e/f/3").write_text("3")
    (root / "d/e").chmod(0o700)
    (root / "x.sh").write_text("#!/bin/sh\n")
    (root / "x.sh").chmod(0o4755)
    (root / "ln").symlink_to("a")
    (root / "lnd").symlink_to("d")
    (root / "d/in").symlink_to("../a")
    (root / "broken").symlink_to("nowhere")
    os.link(root / "a", root / "hard")
    os.mknod(root / "socket", stat.S_IFSOCK | 0o644)
    return root


def shown(workshop: Workshop, text: str) -> dict[str, Shown]:
    """What the last layer of `FROM base` and `text` holds: kind, mode, owner, link target by path."""
    built = workshop.build(f"FROM base\n{text}")
    entries = workshop.files(built).items()
    return {path: (e.kind, e.mode, e.uid, e.gid, e.target) for path, e in entries}


def directory(mode: int = 0o755, uid: int = 0, gid: int = 0) -> Shown:
    return ("dir", mode, uid, gid, "")


def file(mode: int = 0o644, uid: int = 0, gid: int = 0) -> Shown:
    return ("file", mode, uid, gid, "")


def link(target: str, uid: int = 0, gid: int = 0) -> Shown:
    return ("symlink", 0o777, uid, gid, target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY a /a", {"a": file(0o600)}),
        ("COPY a /new/", {"new": directory(), "new/a": file(0o600)}),
        ("COPY a /n/m", {"n": directory(), "n/m": file(0o600)}),
        ("COPY a /tmp", {"tmp": directory(), "tmp/a": file(0o600)}),
        ("COPY d/e /x", {"x": directory(), "x/f": directory(), "x/f/3": file()}),
        ("COPY *.txt /g/", {"g": directory(), "g/b.txt": file(), "g/c.txt": file()}),
        ("COPY .hid* /", {".hid": file()}),
        ("COPY a b.txt /g/", {"g": directory(), "g/a": file(0o600), "g/b.txt": file()}),
        ("COPY ln /s", {"s": file(0o600)}),
        ("COPY lnd/e /s", {"s": directory(), "s/f": directory(), "s/f/3": file()}),
        ("COPY d/in* /s/", {"s": directory(), "s/in": file(0o600)}),
        ("COPY [\"sp ace\", \"/s p\"]", {"s p": file()}),
        ("COPY [[]br] /x", {"x": file()}),
        ("COPY nope* /x", {}),
        ("COPY ../../a /x", {"x": file(0o600)}),
        ("COPY x.sh /x", {"x": file(0o4755)}),
        ("COPY a hard /h/", {"h": directory(), "h/a": file(0o600), "h/hard": file(0o600)}),
        ("COPY --chown=app a /x", {"x": file(0o600, 1000, 1001)}),
        ("COPY --chown=app:extra a /n/", {"n": directory(0o755, 1000, 44), "n/a": file(0o600, 1000, 44)}),
        ("COPY --chown=55 a /x", {"x": file(0o600, 55, 55)}),
        ("COPY --chmod=640 d/e /x", {"x": directory(), "x/f": directory(0o640), "x/f/3": file(0o640)}),
        ("COPY --chmod=u+x,o= a /x", {"x": file(0o700)}),
        ("COPY --exclude=*.txt --exclude=d *.txt a /x/", {"x": directory(), "x/a": file(0o600)}),
        ("COPY <<one <<two /n/\n1\none\n2\ntwo", {"n": directory(), "n/one": file(), "n/two": file()}),
        ("WORKDIR /w/x", {"w": directory(), "w/x": directory()}),
        ("USER app\nWORKDIR /w", {"w": directory(0o755, 1000, 1001)}),
    ],
)  # fmt: skip
def test_files_are_placed(based: Workshop, text: str, expected: dict[str, Shown]) -> None:
    found = shown(based, text)
    if not expected:
        assert "etc/passwd" in found  # no layer of its own: this is the base image's
        return
    assert found == expected


def test_links_of_the_image_are_followed_inside_it(based: Workshop) -> None:
    links = "ln -s /real /abs && ln -s ../../../real up && ln -s /real/in/f /lf"
    base = f"FROM base\nRUN mkdir -p /real/in && {links}\n"
    for text, path in (
        ("COPY a /abs/", "real/a"), ("COPY a /abs/in/z", "real/in/z"), ("COPY a /up/in", "real/in/a"),
        ("COPY a /lf", "real/in/f"), ("WORKDIR /abs/w", "real/w"), ("COPY d/e /abs", "real/f/3"),
    ):  # fmt: skip
        assert path in based.files(based.build(base + text)), text


def test_a_whole_directory_keeps_links_and_modes(based: Workshop) -> None:
    found = shown(based, "COPY . /all")
    assert found["all/ln"] == link("a")
    assert found["all/broken"] == link("nowhere")
    assert found["all/d/in"] == link("../a")
    assert found["all/d/e"] == directory(0o700)
    assert len(found) == 18


def test_times_are_the_base_images(based: Workshop) -> None:
    built = based.build("FROM base\nCOPY . /all\n")
    assert {entry.mtime for entry in based.files(built).values()} == {EPOCH}


def test_a_file_that_stays_a_file_replaces_one_and_a_directory_does_not(based: Workshop) -> None:
    assert list(based.files(based.build("FROM base\nCOPY a /etc/passwd"))) == ["etc", "etc/passwd"]
    for text, message in (
        ("COPY d /etc/passwd", "non-directory"), ("COPY d/1 /etc/passwd/x", "non-directory"),
        ("COPY a b.txt /g", "several files"), ("COPY *.txt /g", "several files"),
        ("WORKDIR /etc/passwd", "is not a directory|non-directory"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=message):
            based.build(f"FROM base\n{text}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COPY nope /x", "'nope' is not in the build context"),
        ("COPY broken /x", "'broken' is not in the build context: it leads to 'nowhere' there"),
        ("COPY [b]ro* /x/", "'broken', which '[b]ro*' means, is not in the build context: it leads to"),
        ("COPY ../nope /x", "'../nope' is not in the build context\n"),
        ("COPY socket /x", "'socket' is not in the build context"),
        ("COPY --from=base /nope /x", "'/nope' is not in"),
        ("FROM scratch AS e\nFROM base\nCOPY --from=e /nope /x", "'/nope' is not in an empty image"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_its_line(based: Workshop, text: str, message: str) -> None:
    with pytest.raises(NotFound) as caught:
        based.build(f"FROM base\n{text}")
    assert message in caught.value.message
    assert caught.value.message.startswith("Dockerfile:")


def test_owners_that_the_image_does_not_know_are_refused(based: Workshop) -> None:
    for owner in ("ghost", "app:ghosts", "4294967295", "0:2147483648"):
        with pytest.raises(Invalid, match=r"Dockerfile:2: "):
            based.build(f"FROM base\nCOPY --chown={owner} a /x")


def test_copy_between_stages_keeps_owner_mode_links_and_hard_links(based: Workshop) -> None:
    built = based.build(
        "FROM base AS one\n"
        "RUN mkdir /q && echo x > /q/f && ln /q/f /q/g && ln -s f /q/l && chown 5:6 /q/f && chmod 4711 /q/f\n"
        "RUN chown app /q && mknod /q/p p\n"
        "FROM scratch\nCOPY --from=one /q /r\n"
    )
    found = based.files(built)
    assert (found["r/f"].mode, found["r/f"].uid, found["r/f"].gid) == (0o4711, 5, 6)
    assert (found["r/g"].kind, found["r/g"].target) == ("hardlink", "r/f")
    assert found["r/l"].target == "f"
    assert found["r/p"].kind == "fifo"


def test_copy_from_an_image_follows_its_links_inside_it(based: Workshop, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("host")
    based.build(f"FROM base\nRUN ln -s {tmp_path} /out && ln -s /etc/passwd /p\n", "linked")
    built = based.build("FROM scratch\nCOPY --from=linked /p /p\n")
    assert based.read(built, "p").startswith(b"root:")
    with pytest.raises(NotFound):
        based.build("FROM scratch\nCOPY --from=linked /out/secret /s\n")


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_add_knows_archives_by_their_content(based: Workshop, pack: Callable[[bytes], bytes]) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("f")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    (based.context / "x").write_bytes(pack(data.getvalue()))
    built = based.build("FROM base\nADD x /y/\n")
    assert sorted(based.files(built)) == ["y", "y/f"]
    assert based.read(built, "y/f") == b"abc"


def test_add_fills_the_holes_of_sparse_files(based: Workshop) -> None:
    sparse = based.context / "s"
    with sparse.open("wb") as file:
        for position in (0, 1 << 20, 3 << 20):
            file.seek(position)
            file.write(b"x" * 5000)
        file.truncate(4 << 20)
    for form in ("gnu", "posix"):
        command = ["tar", "--sparse", f"--format={form}", "-cf", "s.tar", "s"]
        subprocess.run(command, cwd=based.context, check=True)
        assert (based.context / "s.tar").stat().st_size < 1 << 20
        built = based.build(f"FROM base\nADD s.tar /{form}/\n")
        assert based.read(built, f"{form}/s") == sparse.read_bytes()


def test_add_unpacks_archives_and_copies_what_is_none(based: Workshop) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, kind in (("t", tarfile.DIRTYPE), ("t/f", tarfile.REGTYPE), ("t/h", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid, member.mtime = kind, 0o750, 7, 8, 10**10
            member.linkname = "t/f" if kind == tarfile.LNKTYPE else ""
            archive.addfile(member)
    (based.context / "t.tgz").write_bytes(data.getvalue())
    (based.context / "cut.tgz").write_bytes(data.getvalue()[:30])
    found = shown(based, "ADD t.tgz cut.tgz a /x/")
    assert found == {
        "x": directory(), "x/a": file(0o600), "x/cut.tgz": file(), "x/t": directory(0o750, 7, 8),
        "x/t/f": file(0o750, 7, 8), "x/t/h": ("hardlink", 0o750, 7, 8, "x/t/f"),
    }  # fmt: skip
    assert shown(based, "ADD --chown=app t.tgz /x")["x/t/f"] == file(0o750, 1000, 1001)
    assert list(shown(based, "COPY t.tgz /x/")) == ["x", "x/t.tgz"]
    assert list(shown(based, "ADD --unpack=false t.tgz /x/")) == ["x", "x/t.tgz"]


def test_dockerignore_hides_files_and_gives_parts_back(based: Workshop) -> None:
    (based.context / ".dockerignore").write_text("*\n!d\nd/e\n!d/e/f/3\n")
    assert sorted(shown(based, "COPY . /x")) == [
        "x",
        "x/d",
        "x/d/1",
        "x/d/e",
        "x/d/e/f",
        "x/d/e/f/3",
        "x/d/in",
    ]
    with pytest.raises(NotFound, match="'a' is not in the build context"):
        based.build("FROM base\nCOPY a /x")


def test_an_ignore_file_of_the_dockerfiles_own_comes_first(based: Workshop) -> None:
    (based.context / "Dockerfile").write_text("FROM base\nCOPY . /x\n")
    (based.context / ".dockerignore").write_text("a\n")
    (based.context / "Dockerfile.dockerignore").write_text("**\n!b.txt\n")
    assert sorted(based.files(based.build_context())) == ["x", "x/b.txt"]


def test_a_context_of_a_hundred_copies_mounts_nothing_and_has_a_layer_each(based: Workshop) -> None:
    lines = "".join(f"COPY a /n{number}\n" for number in range(90))
    built = based.build(f"FROM base\n{lines}")
    assert len(built.image.layers) == 91
    assert based.read(based.build(f"FROM base\n{lines}RUN cat /n0 /n89 > /o"), "o") == b"aa"


def test_a_full_disk_is_told_with_the_step(based: Workshop) -> None:
    small = based.store.root / "tmp"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", small], check=True)
    try:
        (based.context / "big").write_bytes(b"x" * (4 << 20))
        with pytest.raises(SealiftError, match=r"Dockerfile:2: No space left on device"):
            based.build("FROM base\nCOPY big /big\n")
    finally:
        subprocess.run(["umount", small], check=True)
    assert based.build("FROM base\nCOPY big /big\n")


def test_the_same_layer_twice_in_an_image(based: Workshop) -> None:
    built = based.build("FROM base\nCOPY a /x\nRUN rm /x\nCOPY a /x\nRUN cat /x > /y\n")
    assert built.image.layers[1] == built.image.layers[3]
    assert based.read(built, "y") == b"a"
