"""EROFS indexes beyond what all snapshots share: sparse and huge files, attributes, fsck.erofs as a judge."""

import errno
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures_snapshot import LayerMaker, put, told, unpacked
from sealift.archive import Entry, TarWriter, read_entries
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid
from sealift.host import mounts
from sealift.snapshot import ErofsSnapshots, erofs, headers, index, layout
from sealift.snapshot.indexes import Indexes
from sealift.snapshot.tree import layer_tree
from sealift.store import Store

pytestmark = pytest.mark.root

NewLayer = Callable[[], LayerMaker]


def written(entries: list[Entry], tar: Path, place: Path, bits: int = layout.BLOCK_BITS) -> Path:
    """The file system of these entries, whose data is in `tar`."""

    def read(_layer: int, offset: int, length: int) -> bytes:
        with tar.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    devices = [erofs.Device(b"tar", tar.stat().st_size)]
    with place.open("wb") as file:
        for piece in erofs.write(layer_tree(entries, 0), devices, b"", bytes(16), read, bits):
            file.write(piece)
    return place


@contextmanager
def mounted(entries: list[Entry], tar: Path, tmp_path: Path) -> Iterator[Path]:
    place = written(entries, tar, tmp_path / "index")
    target = tmp_path / "target"
    target.mkdir(exist_ok=True)
    uses_tar = any(entry.size for entry in entries)
    options: list[tuple[str, str | None]] = [("source", str(place)), ("ro", None)]
    mounts.attach("erofs", [*options, *([("device", str(tar))] if uses_tar else [])], target)
    try:
        yield target
    finally:
        mounts.detach(target)


def entries_of(tar: Path) -> list[Entry]:
    with tar.open("rb") as file:
        return list(read_entries(file))


def data_ranges(path: Path) -> list[tuple[int, int]]:
    """Where the kernel says that a file has data."""
    found: list[tuple[int, int]] = []
    end = 0
    with path.open("rb") as file:
        while True:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError as error:
                assert error.errno == errno.ENXIO
                return found
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            found.append((start, end))


def test_fsck_finds_no_fault_and_extracts_the_same_tree(layer: NewLayer, tmp_path: Path) -> None:
    """With blocks of 4096 bytes, the only ones that Debian 12's erofs-utils read."""
    made = layer()
    for size in (0, 1, 4096, 70_000):
        made.add(f"size{size}", data=os.urandom(size), mode=0o640)
    made.directory("d", 0o711).directory("d/many").hardlink("twice", "size4096").link("link", "../" * 100)
    for number in range(900):
        made.add(f"d/many/a-name-of-some-length-{number}", data=b"%d" % number)
    made.link("long", "x" * 4090)
    tar = made.close()
    place = written(entries_of(tar), tar, tmp_path / "index", bits=12)
    command = ["dump.erofs", "-s", f"--device={tar}", str(place)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in shown.splitlines() if "inode count" in line] == ["909"]
    out = tmp_path / "out"
    command = ["fsck.erofs", f"--extract={out}", "--preserve", f"--device={tar}", str(place)]
    subprocess.run(command, check=True, capture_output=True)
    expected = told(unpacked([tar], tmp_path / "judge"))
    extracted = told(out)
    assert {name: line.split()[5:7] for name, line in extracted.items() if "/" in name} == {
        name: line.split()[5:7] for name, line in expected.items() if "/" in name
    }
    assert extracted.keys() == expected.keys()
    for size in (0, 1, 4096, 70_000):
        assert extracted[f"size{size}"].split()[:7] == expected[f"size{size}"].split()[:7]


@pytest.mark.parametrize("form", ["posix-0.0", "posix-0.1", "posix-1.0", "gnu"])
def test_sparse_files_of_every_format(tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "holes").open("wb") as file:
        for position, length in ((1 << 20, 5000), (3 << 20, 4096), (7 << 20, 100_000)):
            file.seek(position)
            file.write(os.urandom(length))
        file.truncate(40 << 20)
    (source / "empty").touch()
    os.truncate(source / "empty", 9 << 20)
    (source / "plain").write_bytes(os.urandom(3000))
    kind, _, version = form.partition("-")
    command = ["tar", "-C", str(source), "--sparse", f"--format={kind}", "-cf", str(tmp_path / "tar")]
    subprocess.run([*command, *([f"--sparse-version={version}"] if version else []), "."], check=True)
    assert (tmp_path / "tar").stat().st_size < 1 << 20
    entries = entries_of(tmp_path / "tar")
    with mounted(entries, tmp_path / "tar", tmp_path) as tree:
        for path in source.iterdir():
            assert (tree / path.name).read_bytes() == path.read_bytes()
        assert data_ranges(tree / "empty") == []
        assert sum(end - start for start, end in data_ranges(tree / "holes")) < 200_000
    assert (tmp_path / "index").stat().st_size < 100_000


def test_parts_that_are_not_aligned_are_copied(tmp_path: Path) -> None:
    data = os.urandom(50_000)
    tar = tmp_path / "tar"
    tar.write_bytes(data)
    #        logical, length, place in the tar
    parts = (
        (0, 100, 0),
        (100, 412, 100),
        (600, 24, 1024),
        (5000, 3001, 2001),
        (8192, 2048, 8192),
        (20_000, 7, 49_993),
    )
    size = 30_000
    expected = bytearray(size)
    for logical, length, offset in parts:
        expected[logical : logical + length] = data[offset : offset + length]
    entries = [
        Entry("scattered", "file", 0o644, 0, 0, 0, size=size, segments=parts),
        Entry("ends-with-data", "file", 0o644, 0, 0, 0, size=1000, segments=((512, 488, 512),)),
        Entry("nothing", "file", 0o644, 0, 0, 0, size=0, segments=((0, 0, 0),)),
    ]
    with mounted(entries, tar, tmp_path) as tree:
        assert (tree / "scattered").read_bytes() == expected
        assert (tree / "ends-with-data").read_bytes() == bytes(512) + data[512:1000]
        assert (tree / "nothing").read_bytes() == b""


def test_a_file_too_scattered_for_its_size_is_refused(tmp_path: Path) -> None:
    tar = tmp_path / "tar"
    tar.write_bytes(bytes(1 << 20))
    parts = tuple((number * 1_000_003, 1, number) for number in range(200_000))
    with pytest.raises(Invalid, match="scattered"):
        written(
            [Entry("bomb", "file", 0o644, 0, 0, 0, size=1 << 44, segments=parts)], tar, tmp_path / "index"
        )


def test_files_beyond_four_gigabytes(tmp_path: Path) -> None:
    tar = tmp_path / "tar"
    size = (9 << 30) + 12345
    with tar.open("wb") as file:
        file.seek(1024)
        file.write(b"begin")
        file.seek(1024 + size - 3)
        file.write(b"end")
        file.truncate(1024 + size + 4096)
    far = 1024 + (6 << 30)
    huge = ((0, 5, 1024), (1 << 43, 512, 1024))
    entries = [
        Entry("huge", "file", 0o644, 0, 0, 0, size=size, offset=1024),
        Entry("far", "file", 0o644, 0, 0, 0, size=10, offset=far),
        Entry("sixteen-terabytes", "file", 0o644, 0, 0, 0, size=1 << 44, segments=huge),
    ]
    with mounted(entries, tar, tmp_path) as tree:
        with (tree / "huge").open("rb") as file:
            assert file.read(6) == b"begin\0"
            file.seek(-4, os.SEEK_END)
            assert file.read() == b"\0end"
        assert ((tree / "huge").stat().st_size, (tree / "far").read_bytes()) == (size, bytes(10))
        with (tree / "sixteen-terabytes").open("rb") as file:
            file.seek(1 << 43)
            assert file.read(600) == b"begin" + bytes(595)


def test_large_and_many_attributes(tmp_path: Path) -> None:
    tar = tmp_path / "tar"
    tar.write_bytes(os.urandom(512))
    large = {"user.large": os.urandom(65_535), "user.empty": b"", f"user.{'n' * 250}": b"long name"}
    many = {f"user.attribute{number}": b"%d" % number * 20 for number in range(500)}
    capability = {"security.capability": b"\x01\x00\x00\x02" + bytes(16)}
    ignored = {"system.posix_acl_access": b"\2\0\0\0", "btrfs.compression": b"zstd"}

    def entry(path: str, kind: str, xattrs: dict[str, bytes], size: int = 0) -> Entry:
        return Entry(path, kind, 0o755, 0, 0, 0, size=size, xattrs=tuple(xattrs.items()))

    entries = [
        entry("", "dir", {"user.root": b"r"}),
        entry("large", "file", large, 300),
        entry("many", "file", many | capability, 0),
        entry("dir", "dir", many),
        entry("ignored", "file", ignored | {"user.kept": b"k"}),
        Entry("after", "file", 0o644, 0, 0, 0, size=10),
        Entry("link", "symlink", 0o777, 0, 0, 0, target="after", xattrs=(("security.capability", b"x"),)),
    ]
    with mounted(entries, tar, tmp_path) as tree:
        for name, expected in (("large", large), ("many", many | capability), ("dir", many),
                               ("ignored", {"user.kept": b"k"}), (".", {"user.root": b"r"})):  # fmt: skip
            found = {xattr: os.getxattr(tree / name, xattr) for xattr in os.listxattr(tree / name)}
            assert found == expected
        assert (tree / "large").read_bytes() == tar.read_bytes()[:300]
        assert (tree / "link").read_bytes() == tar.read_bytes()[:10]


@pytest.mark.parametrize(
    "xattrs",
    [
        (("user.x", bytes(65_536)),),
        ((f"user.{'n' * 256}", b""),),
        tuple((f"user.{n}", bytes(60_000)) for n in range(5)),
    ],
    ids=["value", "name", "together"],
)  # fmt: skip
def test_attributes_that_do_not_fit_are_refused(
    tmp_path: Path, xattrs: tuple[tuple[str, bytes], ...]
) -> None:
    entry = Entry("file", "file", 0o644, 0, 0, 0, xattrs=xattrs)
    with pytest.raises(Invalid, match=r"file.*attribute"):
        written([entry], Path("/dev/null"), tmp_path / "index")


def test_very_large_directories_and_very_deep_ones(tmp_path: Path) -> None:
    names = sorted({f"{'n' * (number % 250)}{number}" for number in range(20_000)})
    deep = "/".join(["d"] * 2000)
    entries = [
        *(Entry(f"many/{name}", "file", 0o644, 0, 0, 0) for name in names),
        Entry(f"{deep}/f", "fifo", 0o644, 0, 0, 0),
    ]
    with mounted(entries, Path("/dev/null"), tmp_path) as tree:
        assert sorted(path.name for path in (tree / "many").iterdir()) == names
        assert all((tree / "many" / name).exists() for name in names[::97])
        assert not (tree / "many" / "n").exists()
        assert (tree / "many").stat().st_nlink == 2
        assert (tree / deep / "f").is_fifo()


def test_links_are_counted(tmp_path: Path) -> None:
    entries = [Entry("a", "file", 0o644, 1, 2, 3), Entry("d", "dir", 0o755, 0, 0, 0)]
    entries += [Entry(f"d/link{number}", "hardlink", 0o644, 0, 0, 0, target="a") for number in range(4)]
    entries += [Entry(f"d/sub{number}", "dir", 0o755, 0, 0, 0) for number in range(3)]
    with mounted(entries, Path("/dev/null"), tmp_path) as tree:
        assert {(tree / f"d/link{number}").stat().st_ino for number in range(4)} == {
            (tree / "a").stat().st_ino
        }
        assert ((tree / "a").stat().st_nlink, (tree / "d").stat().st_nlink) == (5, 5)


def test_the_same_layers_give_the_same_index(layer: NewLayer, store: Store, tmp_path: Path) -> None:
    digest = put(store, layer().add("b", data=b"1").add("a", data=b"2").close())
    other = Store.open(tmp_path / "other")
    put(other, next(tmp_path.glob("layer*.tar")))
    one, two = (Indexes(place).make([digest])[0].path.read_bytes() for place in (store, other))
    assert one == two


def test_a_damaged_index_or_sidecar_is_made_again(layer: NewLayer, store: Store) -> None:
    made = layer()
    for number in range(400):
        made.add(f"file{number}", data=b"%d" % number, pax_headers={"SCHILY.xattr.user.note": "caf\u00e9"})
    digest = put(store, made.close())
    indexes = Indexes(store)
    path = indexes.make([digest])[0].path
    whole, sidecar = path.read_bytes(), store.layers.sidecar(digest, headers.SUFFIX)
    kept = sidecar.read_bytes()
    for damaged in (
        b"",
        whole[:2000],
        whole[:-512],
        bytes(len(whole)),
    ):
        path.write_bytes(damaged)
        assert indexes.find([digest]) is None
        assert indexes.make([digest])[0].path.read_bytes() == whole
    for damaged in (b"", kept[:-10], b"x" + kept[1:]):
        sidecar.write_bytes(damaged)
        path.unlink()
        assert indexes.make([digest])[0].path.read_bytes() == whole
    assert sidecar.read_bytes() == kept


def test_merging_again_reads_no_tar(layer: NewLayer, store: Store) -> None:
    made = layer().directory("b")
    for number in range(300):
        made.add(f"b/{number}", data=b"x", pax_headers={"SCHILY.xattr.user.note": str(number)})
    digest = put(store, made.hardlink("hard", "b/2").close())
    before = Indexes(store).make([digest])[0].path.read_bytes()
    size = store.layers.size(digest)
    store.layers.path(digest).write_bytes(bytes(size))
    Indexes(store).collect([])
    assert Indexes(store).make([digest])[0].path.read_bytes() == before


class TestStacking:
    """A step of a build on a large base merges nothing large again."""

    @pytest.fixture
    def base(self, layer: NewLayer, store: Store) -> Digest:
        made = layer().directory("d", 0o711)
        for number in range(5000):
            made.add(f"d/{number}", data=b"x")
        return put(store, made.close())

    def test_small_layers_on_a_large_base_get_a_small_index(
        self, base: Digest, layer: NewLayer, store: Store
    ) -> None:
        layers = [base]
        indexes = Indexes(store)
        indexes.make(layers)
        for number in range(3):
            layers.append(put(store, layer().directory("d").add(f"d/new{number}", data=b"new").close()))
            top, below = indexes.make(layers)
            assert (top.base, top.layers, below.layers) == (1, tuple(layers), (base,))
            assert top.inodes == 3 + number
            assert top.path.stat().st_size < 5000

    def test_an_image_of_a_large_and_small_layers_is_cut_between_them(
        self, base: Digest, layer: NewLayer, store: Store
    ) -> None:
        code = [put(store, layer().add("app.py", data=b"%d" % number).close()) for number in range(2)]
        first = Indexes(store).make([base, code[0]])
        second = Indexes(store).make([base, code[1]])
        assert first[1].path == second[1].path

    def test_a_directory_that_takes_its_attributes_from_below_is_merged(
        self, base: Digest, store: Store, tmp_path: Path
    ) -> None:
        silent = put(store, LayerMaker(tmp_path / "silent.tar").add("d/inside", data=b"i").close())
        assert [found.base for found in Indexes(store).make([base, silent])] == [0]
        with ErofsSnapshots(store).view([base, silent]) as tree:
            assert ((tree / "d").stat().st_mode & 0o777, len(list((tree / "d").iterdir()))) == (0o711, 5001)

    def test_a_large_layer_on_top_is_merged(self, base: Digest, layer: NewLayer, store: Store) -> None:
        Indexes(store).make([base])
        made = layer()
        for number in range(5000):
            made.add(f"more{number}", data=b"x")
        assert [found.base for found in Indexes(store).make([base, put(store, made.close())])] == [0]


def test_a_tar_that_went_missing_is_named(layer: NewLayer, store: Store, tmp_path: Path) -> None:
    digest = put(store, layer().add("file", data=b"data").close())
    snapshots = ErofsSnapshots(store)
    snapshots.ready([digest])
    store.layers.path(digest).unlink()
    with pytest.raises(Corrupt, match=digest.hex):
        snapshots.prepare([digest], tmp_path / "box")
    snapshots.remove(tmp_path / "box")


def test_a_store_with_a_very_long_path(layer: NewLayer, tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(4):
        deep = deep / ("p" * 200)
    store = Store.open(deep)
    layers = [put(store, layer().add(f"file{number}", data=b"data").close()) for number in range(3)]
    snapshots = ErofsSnapshots(store)
    rootfs = snapshots.prepare(layers, deep / "containers/box")
    assert [(rootfs / f"file{number}").read_bytes() for number in range(3)] == [b"data"] * 3
    snapshots.remove(deep / "containers/box")


def test_index_tells_its_layers(layer: NewLayer, store: Store) -> None:
    layers = [
        put(store, layer().add(f"f{number}", data=b"x" * (number % 2)).close()) for number in range(150)
    ]
    found = Indexes(store).make(layers)[0]
    assert index.read(found.path) == found
    assert found.layers == tuple(layers)
    assert found.devices == tuple(layers[1::2])  # the others have no data
    root = index.root(found)
    assert root is not None
    assert (root.mode, root.mtime) == (0o755, 1_600_000_000)


def test_tar_writer_and_index_agree_on_where_data_is(tmp_path: Path) -> None:
    sink = io.BytesIO()
    writer = TarWriter(sink)
    for number in range(50):
        data = os.urandom(number * 100)
        writer.add(
            Entry(f"{'long/' * number}{number}", "file", 0o644, 0, 0, 0, size=len(data)), io.BytesIO(data)
        )
    writer.finish()
    tar = tmp_path / "tar"
    tar.write_bytes(sink.getvalue())
    expected = told(unpacked([tar], tmp_path / "judge"))
    with mounted(entries_of(tar), tar, tmp_path) as tree:
        shown = told(tree)
    assert {name: line.split()[5:7] for name, line in shown.items() if name[-1].isdigit()} == {
        name: line.split()[5:7] for name, line in expected.items() if name[-1].isdigit()
    }
