"""What holds for every layer: all read what was written, and unpacking undoes packing."""

import io
import stat
import tarfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures_archive import entries, picture, written
from sealift.archive import Entry, apply, diff, read_entries
from sealift.core.errors import SealiftError

EPOCH = 2_000_000_000
many = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

names = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40),
    st.sampled_from(["a", "b", "c", "x" * 120, "ž" * 60, "n\udce9", " ", "-", "\n"]),
).filter(lambda name: name not in (".", "..") and not name.startswith(".wh.") and len(_bytes(name)) <= 255)
paths = st.lists(names, min_size=1, max_size=5).map("/".join)
modes = st.integers(0, 0o7777)
ids = st.one_of(st.integers(0, 70_000), st.integers(0, (1 << 32) - 2))
times = st.one_of(st.integers(0, EPOCH), st.integers(0, (1 << 63) // 10**9))
xattrs = st.dictionaries(
    st.sampled_from(["user.a", "user.b.c", "user.ž"]), st.binary(max_size=30), max_size=2
)
contents = st.one_of(st.binary(max_size=100), st.sampled_from([b"", b"x" * 511, b"x" * 512, b"x" * 70_000]))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@st.composite
def members(draw: st.DrawFn) -> tuple[Entry, bytes]:
    kind = draw(st.sampled_from(["file", "file", "dir", "symlink", "hardlink", "char", "block", "fifo"]))
    path = draw(paths)
    entry = Entry(path, kind, draw(modes), draw(ids), draw(ids), draw(times), xattrs=_pairs(draw(xattrs)))
    if kind == "file":
        data = draw(contents)
        return entry._replace(size=len(data)), data
    if kind in ("char", "block"):
        return entry._replace(
            major=draw(st.integers(1, 4095)), minor=draw(st.integers(0, (1 << 20) - 1))
        ), b""
    if kind == "hardlink":
        return entry._replace(target=draw(paths.filter(lambda target: target != path))), b""
    if kind == "symlink":
        return entry._replace(
            target=draw(st.one_of(paths, paths.map("../{}".format), st.just("t" * 2000)))
        ), b""
    return entry, b""


def _pairs(attributes: dict[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    return tuple(sorted(attributes.items()))


@many
@given(st.lists(members(), max_size=8))
def test_what_is_written_is_read_again(made: list[tuple[Entry, bytes]]) -> None:
    tar = written(*made)
    assert written(*made) == tar
    for (entry, data), found in zip(made, entries(tar), strict=True):
        assert found._replace(offset=0) == entry
        assert tar[found.offset : found.offset + found.size] == data


@many
@given(st.lists(members(), max_size=8))
def test_python_reads_what_we_write(made: list[tuple[Entry, bytes]]) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(*made)), errors="surrogateescape") as archive:
        for (entry, data), info in zip(made, archive.getmembers(), strict=True):
            assert (info.name, info.linkname) == (entry.path, entry.target)
            assert (info.mode, info.uid, info.gid, info.mtime) == (
                entry.mode,
                entry.uid,
                entry.gid,
                entry.mtime,
            )
            assert (info.devmajor, info.devminor) == (entry.major, entry.minor)
            file = archive.extractfile(info) if info.isreg() else None
            assert (file.read() if file else b"") == data


@many
@given(
    st.lists(members(), max_size=8),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_we_read_what_python_writes(made: list[tuple[Entry, bytes]], format: int) -> None:
    sink = io.BytesIO()
    kept = []
    with tarfile.open(fileobj=sink, mode="w", format=format, errors="surrogateescape") as archive:
        for entry, data in made:
            try:
                archive.addfile(_info(entry), io.BytesIO(data) if entry.kind == "file" else None)
            except (ValueError, UnicodeError):  # what this format cannot hold
                continue
            kept.append(entry)
    found = entries(sink.getvalue())
    assert [entry._replace(offset=0) for entry in found] == [entry._replace(xattrs=()) for entry in kept]


_TYPES = {
    "file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE,
    "char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE,
}  # fmt: skip


def _info(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(entry.path)
    info.type, info.linkname, info.size = _TYPES[entry.kind], entry.target, entry.size
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, entry.mtime
    info.devmajor, info.devminor = entry.major, entry.minor
    return info


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_archives_never_cost_more_than_an_error(data: st.DataObject) -> None:
    made = data.draw(st.lists(members(), min_size=1, max_size=4))
    tar = bytearray(written(*made))
    for _ in range(data.draw(st.integers(1, 5))):
        tar[data.draw(st.integers(0, len(tar) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(tar[: data.draw(st.integers(0, len(tar)))])
    try:
        for entry in read_entries(io.BytesIO(whole)):
            assert ".." not in entry.path.split("/") and not entry.path.startswith("/")
            assert entry.size >= 0 and entry.offset <= len(whole)
    except SealiftError:
        pass


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2000))
def test_extended_headers_of_any_bytes_end_in_records_or_an_error(data: bytes) -> None:
    from sealift.archive import pax

    for text in (data, b"%d %b\n" % (len(data) + 4, data), b"9 a=" + data):
        with suppress(SealiftError):
            assert all(key and b"\0" not in key for key in pax.parse(text))


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[Entry, bytes]]:
    """Members that make a tree as a container leaves one: each name once, parents first."""
    kinds = st.sampled_from(["file", "file", "dir", "symlink", "fifo", "whiteout", "opaque", "hardlink"])
    made: dict[str, tuple[Entry, bytes]] = {}
    files: list[str] = []
    for path in sorted(draw(st.sets(paths, max_size=10)), key=lambda path: path.split("/")):
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if any(one in made and made[one][0].kind != "dir" for one in above):
            continue
        for one in above:
            made.setdefault(one, (_tree_entry(draw, one, "dir"), b""))
        if path in made:
            continue
        kind = draw(kinds)
        data = draw(contents) if kind == "file" else b""
        if kind == "hardlink" and files:
            first = made[draw(st.sampled_from(files))][0]
            made[path] = first._replace(path=path, kind="hardlink", target=first.path, size=0), b""
            continue
        if kind == "whiteout":
            parent = f"{'/'.join(parts[:-1])}/".lstrip("/")
            made[path] = Entry(f"{parent}.wh.{parts[-1]}", "file", 0, 0, 0, 0), b""
            if len(_bytes(parts[-1])) > 250:
                del made[path]
            continue
        plain = "dir" if kind in ("opaque", "hardlink") else kind
        made[path] = _tree_entry(draw, path, plain)._replace(size=len(data)), data
        files += [path] if plain == "file" else []
        if kind == "opaque":
            made[f"{path}/\0"] = Entry(f"{path}/.wh..wh..opq", "file", 0, 0, 0, 0), b""
    return list(made.values())


def _tree_entry(draw: st.DrawFn, path: str, kind: str) -> Entry:
    entry = Entry(path, kind, draw(modes), draw(ids), draw(ids), draw(st.integers(0, EPOCH)))
    if kind == "symlink":
        return entry._replace(mode=0o777, target=draw(paths))
    return entry if kind == "fifo" else entry._replace(xattrs=_pairs(draw(xattrs)))


@pytest.mark.root
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(trees())
def test_diff_of_an_unpacked_layer_is_the_layer(made: list[tuple[Entry, bytes]]) -> None:
    with TemporaryDirectory() as directory:
        root, again = Path(directory, "root"), Path(directory, "again")
        root.mkdir()
        again.mkdir()
        apply(io.BytesIO(written(*made)), root, owners=True)
        sink = io.BytesIO()
        assert diff(root, sink, EPOCH) == bool(made)
        found = {entry.path: entry._replace(offset=0) for entry in entries(sink.getvalue())}
        assert set(found) == {entry.path for entry, _ in made}
        for entry, data in made:
            if "hardlink" not in (entry.kind, found[entry.path].kind):
                assert found[entry.path] == entry
                assert data == b"" or (root / entry.path).read_bytes() == data
        apply(io.BytesIO(sink.getvalue()), again, owners=True)
        assert picture(again) == picture(root)
        second = io.BytesIO()
        diff(again, second, EPOCH)
        assert second.getvalue() == sink.getvalue()
        assert all(stat.S_ISDIR((again / one.path).lstat().st_mode) for one, _ in made if one.kind == "dir")
