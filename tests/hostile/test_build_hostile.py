"""Contexts, archives and base images that mean harm: nothing outside is read or written."""

import io
import os
import socket
import tarfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures_build import Workshop
from sealift.core.errors import SealiftError, StepFailed

pytestmark = pytest.mark.root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of the host that no build may see or change."""
    file = tmp_path / "outside" / "secret"
    file.parent.mkdir()
    file.write_text("CANARY")
    return file


def nothing_leaked(workshop: Workshop, outside: Path) -> None:
    assert outside.read_text() == "CANARY"
    assert [path.name for path in outside.parent.iterdir()] == ["secret"]
    for path in (workshop.store.root / "layers").rglob("*.tar"):
        assert b"CANARY" not in path.read_bytes()


@pytest.mark.parametrize("word", ["COPY", "ADD"])
@pytest.mark.parametrize("text", ["l /x", "d/secret /x", "d/ /x/", "d /x/", "d/s* /x/", "up/secret /x"])
def test_links_out_of_the_context_lead_to_nothing(
    based: Workshop, outside: Path, word: str, text: str
) -> None:
    (based.context / "l").symlink_to(outside)
    (based.context / "d").symlink_to(outside.parent)
    (based.context / "up").symlink_to("../outside")
    try:
        based.build(f"FROM base\n{word} {text}\n")
    except SealiftError as error:
        assert "CANARY" not in error.message
    nothing_leaked(based, outside)


def test_a_directory_swapped_for_a_link_while_it_is_copied(based: Workshop, outside: Path) -> None:
    directory, kept = based.context / "d", based.context / "kept"
    directory.mkdir()
    (directory / "secret").write_text("inside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            directory.rename(kept)
            directory.symlink_to(outside.parent)
            directory.unlink()
            kept.rename(directory)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(40):
            try:
                based.build("FROM base\nCOPY d /d\n", fresh=True)
            except SealiftError:
                continue
    finally:
        stop.set()
        swapper.join()
    nothing_leaked(based, outside)


def test_links_of_the_image_never_lead_a_copy_onto_the_host(based: Workshop, outside: Path) -> None:
    (based.context / "a").write_text("a")
    made = f"RUN ln -s {outside.parent} /out && ln -s {outside} /f && ln -s ../../../../../{outside} /up\n"
    built = based.build(f"FROM base\n{made}COPY a /out/secret\nCOPY a /f\nCOPY a /up\nWORKDIR /out/w\n")
    assert f"{outside}"[1:] in based.files(built, -2)
    nothing_leaked(based, outside)


@pytest.mark.parametrize("name", ["proc", "dev", "sys", "etc", "etc/hosts", "etc/resolv.conf", "dev/null"])
def test_links_where_a_steps_mounts_go_do_not_touch_the_host(
    based: Workshop, outside: Path, name: str
) -> None:
    base = "FROM base AS l\nFROM scratch\nCOPY --from=l /bin /bin\nCOPY tree /\n"
    link = based.context / "tree" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(outside if "/" in name else outside.parent)
    with suppress(SealiftError):
        based.build(f"{base}RUN echo x; echo x > /{name}; true\n")
    nothing_leaked(based, outside)


def test_an_archive_that_climbs_writes_nowhere_else(based: Workshop, outside: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside.parent)
        archive.addfile(link)
        for name in ("l/secret", "/absolute"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    (based.context / "evil.tar").write_bytes(data.getvalue())
    found = based.files(based.build("FROM base\nADD evil.tar /x/\n"))
    assert "x/absolute" in found
    assert found["x/l"].kind == "symlink"
    nothing_leaked(based, outside)


def test_archives_that_are_refused_leave_nothing(based: Workshop, outside: Path) -> None:
    for name, target, kind in (
        ("../up", "", tarfile.REGTYPE), ("h", "../../outside/secret", tarfile.LNKTYPE),
        ("h2", str(outside), tarfile.LNKTYPE),
    ):  # fmt: skip
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            member = tarfile.TarInfo("ok")
            archive.addfile(member)
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        (based.context / "evil.tar").write_bytes(data.getvalue())
        with pytest.raises(SealiftError):
            based.build("FROM base\nADD evil.tar /x/\n")
        nothing_leaked(based, outside)


def test_a_context_with_sockets_pipes_and_devices(based: Workshop) -> None:
    (based.context / "d").mkdir()
    os.mkfifo(based.context / "d/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(based.context / "d", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{directory}/socket")
        os.close(directory)
        found = based.files(based.build("FROM base\nCOPY d /d\n"))
    assert sorted(found) == ["d", "d/pipe"]
    assert found["d/pipe"].kind == "fifo"


def test_names_that_mean_deletions_are_refused(based: Workshop) -> None:
    (based.context / "d").mkdir()
    (based.context / "d/.wh.passwd").write_text("")
    with pytest.raises(SealiftError, match=r"\.wh\."):
        based.build("FROM base\nCOPY d /etc\n")
    with pytest.raises(SealiftError, match=r"\.wh\."):
        based.build("FROM base\nRUN touch /etc/.wh.passwd\n")


def test_names_that_are_no_text_survive(based: Workshop) -> None:
    (based.context / "d").mkdir()
    (based.context / "d" / os.fsdecode(b"caf\xe9 \n\x01")).write_text("x")
    built = based.build("FROM base\nCOPY d /d\nRUN test -f /d/caf*\n")
    assert any("caf" in path for path in based.files(built))


def test_loops_and_deep_trees_end(based: Workshop) -> None:
    (based.context / "a").symlink_to("b")
    (based.context / "b").symlink_to("a")
    for text in ("COPY a /x", "COPY a/b /x"):
        with pytest.raises(SealiftError):
            based.build(f"FROM base\n{text}\n")
    deep = based.context / "deep"
    for _ in range(200):
        deep.mkdir()
        deep = deep / "d"
    assert len(based.files(based.build("FROM base\nCOPY deep /deep\n"))) == 200


def test_a_step_cannot_see_the_host(based: Workshop, outside: Path) -> None:
    built = based.build(f"FROM base\nRUN cat {outside} || echo hidden; ls /proc/1/root/..; id -u\n")
    assert "hidden" in based.told.output()
    assert "CANARY" not in based.told.output()
    assert built


def test_output_without_end_of_line_and_without_end_is_shown_in_part(based: Workshop) -> None:
    with pytest.raises(StepFailed) as caught:
        based.build("FROM base\nRUN dd if=/dev/zero bs=1M count=20 2>/dev/null | tr '\\0' x; exit 1\n")
    assert len(caught.value.message) < 20_000
