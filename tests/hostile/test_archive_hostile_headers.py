"""Archives made to mislead: each is refused by an error that names the member, or read as docker does."""

import io
import time
from collections.abc import Callable

import pytest

from fixtures_archive import END, entries, header, member, padded, pax, record, stream
from sealift.archive import decompress, read_entries
from sealift.core.errors import Corrupt, Invalid


@pytest.mark.parametrize("name", [b"../x", b"a/../../x", b"a/..", b"/../x", b"..", b"a/b/../c"])
def test_names_that_climb_are_refused(name: bytes) -> None:
    with pytest.raises(Invalid, match="climbs out") as caught:
        entries(member(name) + END)
    assert name.decode() in caught.value.message


@pytest.mark.parametrize("target", [b"../../etc/passwd", b"a/../../x"])
def test_hard_links_that_climb_are_refused(target: bytes) -> None:
    with pytest.raises(Invalid, match="link target that climbs out"):
        entries(member(b"x", kind=b"1", link=target) + END)


def test_hard_link_to_an_absolute_name_stays_inside() -> None:
    assert entries(member(b"x", kind=b"1", link=b"/etc/passwd") + END)[0].target == "etc/passwd"


@pytest.mark.parametrize("link", [b"x", b"./x", b"/", b""])
def test_hard_links_to_themselves_or_the_root_are_refused(link: bytes) -> None:
    with pytest.raises(Invalid, match=r"to itself or to the root"):
        entries(member(b"x", kind=b"1", link=link) + END)


@pytest.mark.parametrize("key", [b"path", b"linkpath", b"GNU.sparse.name"])
def test_zero_bytes_in_names_are_refused(key: bytes) -> None:
    kind = b"2" if key == b"linkpath" else b"0"
    with pytest.raises(Invalid, match=r"zero byte|no system takes"):
        entries(pax((key, b"good\0evil")) + member(b"x", kind=kind, link=b"y") + END)


@pytest.mark.parametrize("name", [b".wh.", b"a/.wh.", b".wh..", b".wh...", b"d/.wh..."])
def test_whiteouts_of_no_name_are_refused(name: bytes) -> None:
    with pytest.raises(Invalid, match="whiteout of no name"):
        entries(member(name) + END)


def test_members_inside_a_whiteout_are_refused() -> None:
    with pytest.raises(Invalid, match="inside a whiteout"):
        entries(member(b".wh.dir/file") + END)


@pytest.mark.parametrize(
    "name", [b"trusted.overlay.redirect", b"user.overlay.opaque", b"trusted.overlay.opaque"]
)
def test_attributes_that_steer_overlayfs_are_refused(name: bytes) -> None:
    with pytest.raises(Invalid, match="not allowed in a layer"):
        entries(pax((b"SCHILY.xattr." + name, b"/etc")) + member(b"x") + END)


def test_device_that_means_a_deletion_is_refused() -> None:
    with pytest.raises(Invalid, match="0:0"):
        entries(member(b"x", kind=b"3") + END)


def test_two_sizes_for_one_member_are_refused() -> None:
    """CVE-2025-62518: the data of one reader is the next header of another."""
    inner = member(b"smuggled", b"evil")
    with pytest.raises(Invalid, match=r"two sizes, 4 and"):
        entries(pax((b"size", b"%d" % len(inner))) + header(b"x", size=b"4") + inner + END)
    visible = entries(pax((b"size", b"%d" % len(inner))) + header(b"x") + inner + member(b"next") + END)
    assert [entry.path for entry in visible] == ["x", "next"]


@pytest.mark.parametrize(
    "size", [b"\xff" * 12, b"\x80" + b"\xff" * 11, b"-1", b"0x10", b"1_0", b"+7", b"9", b"\x31\x00\x37"]
)
def test_wrong_sizes_are_refused(size: bytes) -> None:
    tar = header(b"x", size=size) + END
    if size == b"\x31\x00\x37":  # what follows a zero byte does not count, as in Go
        tar = header(b"x", size=size) + padded(b"!") + END
        assert entries(tar)[0].size == 1
        return
    for file in (io.BytesIO(tar), stream(tar)):
        with pytest.raises((Invalid, Corrupt)):
            list(read_entries(file))


@pytest.mark.parametrize("value", [b"-1", b"1e9", b"0x10", b"1_000", b"9" * 30, "٣".encode()])
def test_wrong_numbers_in_records_are_refused(value: bytes) -> None:
    for key in (b"size", b"uid", b"gid"):
        with pytest.raises(Invalid, match="not a number"):
            entries(pax((key, value)) + member(b"x") + END)


@pytest.mark.parametrize("value", [b"1.x", b"nan", b"--1", b"inf", b"1e3", b"1_0", b"9" * 40])
def test_wrong_times_are_refused(value: bytes) -> None:
    with pytest.raises(Invalid, match="not a time"):
        entries(pax((b"mtime", value)) + member(b"x") + END)


def test_owner_that_chown_takes_for_nobody_is_refused() -> None:
    with pytest.raises(Invalid, match="out of range"):
        entries(pax((b"uid", b"4294967295")) + member(b"x") + END)


@pytest.mark.parametrize(
    "data",
    [
        b"no length", b"5 a=b\n", b"99999 a=b\n", b"0 \n", b"6 a=b\nx", b"6 a=b", b"4 ab\n", b"5 =b\n",
        b" 6 a=b\n", b"-6 a=b\n", b"3 =\n", b"1" * 30 + b" a=b\n", b"6 a=bx",
        b"10 a\0b=cde\n", b"06a=b\n",
    ],
)  # fmt: skip
def test_malformed_extended_headers_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="malformed extended header"):
        entries(member(b"pax", data, b"x") + member(b"x") + END)


def test_extended_headers_without_end_are_refused() -> None:
    for one in (pax((b"comment", b"x")), member(b"l", b"name", b"L"), pax(kind=b"g")):
        with pytest.raises(Invalid, match="without end"):
            entries(one * 1000 + member(b"x") + END)


def test_giant_extended_headers_are_refused_before_they_are_read() -> None:
    for kind in (b"x", b"g", b"L", b"K"):
        with pytest.raises(Invalid, match="extended header of 8589934591 bytes"):
            entries(header(b"big", kind, size=b"7" * 11))


def test_archive_that_ends_with_an_extended_header_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="after an extended header"):
        entries(pax((b"path", b"x")))


def test_names_too_long_for_any_system_are_refused() -> None:
    for name in (b"n" * 256, b"d/" * 2048 + b"f"):
        with pytest.raises(Invalid, match="too long") as caught:
            entries(pax((b"path", name)) + member(b"x") + END)
        assert len(caught.value.message) < 300
    assert entries(pax((b"path", b"n" * 255)) + member(b"x") + END)
    with pytest.raises(Invalid, match="no system takes"):
        entries(pax((b"linkpath", b"l" * 4096)) + member(b"x", kind=b"2") + END)


def test_control_characters_never_reach_the_terminal() -> None:
    with pytest.raises(Invalid) as caught:
        entries(member(b"\x1b[2J\n/../\x07") + END)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("kind", [b"D", b"V", b"M", b"N", b"A", b"z", b"9", b" ", b"X"])
def test_members_of_unknown_kinds_are_refused(kind: bytes) -> None:
    with pytest.raises(Invalid, match="unsupported kind"):
        entries(member(b"x", kind=kind) + END)


def test_old_directory_with_data_is_refused() -> None:
    with pytest.raises(Invalid, match="a directory with data"):
        entries(member(b"dir/", b"smuggled", kind=b"\0", magic=b"") + END)


def test_files_without_a_name_are_refused() -> None:
    for name in (b"", b"/", b"./."):
        with pytest.raises(Invalid, match="an empty name"):
            entries(member(name) + END)


SPARSE_10 = ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"s"))


def test_sparse_file_of_a_huge_size_is_refused() -> None:
    """CVE-2025-58183 and its like."""
    for size in (b"9223372036854775807", b"%d" % (1 << 45)):
        tar = pax((b"GNU.sparse.size", size), (b"GNU.sparse.map", b"0,1")) + member(b"s", b"x") + END
        with pytest.raises(Invalid, match="sparse file of"):
            entries(tar)


def test_sparse_map_of_a_huge_count_is_refused_at_once() -> None:
    began = time.monotonic()
    tar = pax(*SPARSE_10, (b"GNU.sparse.realsize", b"9")) + member(b"s", b"99999999\n" + b"0\n" * 200) + END
    with pytest.raises(Invalid, match="too many parts"):
        entries(tar)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "text",
    [b"", b"x\n", b"1\n5\n", b"1\n-5\n1\n", b"1\n0\n9\n", b"2\n0\n2\n1\n2\n", b"1\n99\n4\n", b"1" * 600],
)
def test_malformed_sparse_maps_are_refused(text: bytes) -> None:
    data = padded(text)[:512] if len(text) <= 512 else padded(text)
    tar = pax(*SPARSE_10, (b"GNU.sparse.realsize", b"10")) + member(b"s", data + b"data") + END
    with pytest.raises(Invalid, match="sparse map"):
        entries(tar)


@pytest.mark.parametrize("text", [b"0", b"0,1,2", b"0,x", b"5,2,0,2", b"0,20", b"0,1"])
def test_malformed_sparse_records_are_refused(text: bytes) -> None:
    tar = pax((b"GNU.sparse.size", b"10"), (b"GNU.sparse.map", text)) + member(b"s", b"data") + END
    with pytest.raises(Invalid, match="sparse map"):
        entries(tar)


def test_sparse_file_without_size_or_of_unknown_format_is_refused() -> None:
    with pytest.raises(Invalid, match="without a size"):
        entries(pax((b"GNU.sparse.map", b"0,4")) + member(b"s", b"data") + END)
    with pytest.raises(Invalid, match="unknown sparse format"):
        entries(pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")) + member(b"s", b"data") + END)


def test_old_sparse_header_whose_extensions_never_end_is_refused() -> None:
    block = bytearray(header(b"s", b"S", size=b"0", magic=b"ustar  \0"))
    block[482] = 1
    block[483:495] = b"00000001000\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    extension = b"".join(b"%011o\0%011o\0" % (n, 0) for n in range(21)).ljust(504, b"\0") + b"\1" + bytes(7)
    with pytest.raises(Invalid, match=r"too many parts|malformed sparse map"):
        entries(bytes(block) + extension * 10000 + END)
    with pytest.raises(Corrupt):
        entries(bytes(block) + extension)


def test_repeated_sparse_records_must_alternate() -> None:
    one = record(b"GNU.sparse.offset", b"0")
    with pytest.raises(Invalid, match="malformed sparse map"):
        entries(member(b"p", one + one, b"x") + member(b"s") + END)


def test_cost_of_reading_grows_with_the_size_alone() -> None:
    """GHSA-rp3h-jf77-q9p4 and CVE-2024-6232: headers whose parsing explodes."""
    began = time.process_time()
    many = b"".join(record(b"SCHILY.xattr.user.%d" % n, b"v") for n in range(20000))
    for data in (many, b"1" * (1 << 20), b"9 a=bcde\n" * (1 << 16)):
        try:
            entries(member(b"p", data, b"x") + member(b"x") + END)
        except Invalid:
            continue
    assert time.process_time() - began < 2


@pytest.mark.parametrize("format", ["gzip", "bzip2", "xz", "zstd"])
def test_bombs_end_at_the_limit(format: str) -> None:
    import bz2
    import gzip
    import lzma

    import zstandard

    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress,
    }  # fmt: skip
    bomb = io.BytesIO(packers[format](bytes(64 << 20)))
    taken = 0
    data = decompress(bomb, limit=8 << 20)
    with pytest.raises(Invalid, match=f"{format} data grows"):
        while piece := data.read(1 << 16):
            taken += len(piece)
    assert taken <= 8 << 20


def test_data_that_grows_as_only_bombs_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    from sealift.archive import compression

    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 20)
    with pytest.raises(Invalid, match="grows to more than"):
        decompress(io.BytesIO(gzip.compress(bytes(16 << 20)))).read()
    useful = bytes(range(256)) * 4096
    assert decompress(io.BytesIO(gzip.compress(useful, 1))).read() == useful
