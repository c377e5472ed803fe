"""conmon's log format, read forwards, from the end, and across rotations."""

from pathlib import Path

import pytest

from sealift.runtime import logs


def entry(second: int, text: str, *, stream: str = "stdout", whole: bool = True) -> bytes:
    return f"2026-01-02T03:04:{second:02}.000000007+00:00 {stream} {'F' if whole else 'P'} {text}\n".encode()


def write(path: Path, *entries: bytes) -> None:
    path.write_bytes(b"".join(entries))


def texts(lines: list[logs.Line]) -> list[bytes]:
    return [line.data for line in lines]


def test_parse_gives_time_stream_and_data() -> None:
    line = logs.parse(b"1970-01-01T01:00:01.000000005+01:00 stderr F a b  c")
    assert line == logs.Line(1_000_000_005, 2, b"a b  c\n")


def test_parse_time_knows_zones_and_short_fractions() -> None:
    assert logs.parse_time(b"1970-01-01T00:00:00Z") == 0
    assert logs.parse_time(b"1970-01-01T00:00:00.5Z") == 500_000_000
    assert logs.parse_time(b"1969-12-31T19:00:00.000000000-05:00") == 0


@pytest.mark.parametrize(
    "text", [b"", b"x", b"stdout F a", b"2026-01-02T03:04:05Z stdout X a", b"\xff\xff F P"]
)
def test_parse_passes_over_what_is_no_line(text: bytes) -> None:
    assert logs.parse(text) is None


def test_partial_pieces_have_no_newline(tmp_path: Path) -> None:
    write(tmp_path / "ctr.log", entry(1, "ab", whole=False), entry(1, "cd"), entry(2, ""))
    assert texts(list(logs.read(tmp_path))) == [b"ab", b"cd\n", b"\n"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 9])
def test_tail_counts_whole_lines_over_rotated_files(tmp_path: Path, count: int) -> None:
    write(tmp_path / "ctr.log.2", entry(1, "one"), entry(2, "two"))
    write(tmp_path / "ctr.log.1", entry(3, "three"))
    write(tmp_path / "ctr.log", entry(4, "fo", whole=False), entry(4, "ur"), entry(5, "five"))
    got = b"".join(texts(list(logs.read(tmp_path, count)))).split(b"\n")[:-1]
    assert got == [b"one", b"two", b"three", b"four", b"five"][max(0, 5 - count) :]


def test_tail_counts_a_line_that_is_not_whole_yet(tmp_path: Path) -> None:
    write(tmp_path / "ctr.log", entry(1, "a"), entry(2, "b"), entry(3, "c", whole=False))
    assert texts(list(logs.read(tmp_path, 2))) == [b"b\n", b"c"]


def test_tail_of_lines_longer_than_a_block(tmp_path: Path) -> None:
    write(tmp_path / "ctr.log", *(entry(n, chr(97 + n) * 40_000) for n in range(5)))
    assert [line.data[:2] for line in logs.read(tmp_path, 3)] == [b"cc", b"dd", b"ee"]


def test_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "ctr.log"
    reader = logs.Reader(tmp_path)
    reader.seek(None)
    assert list(reader.pending()) == []
    whole, cut = entry(1, "one"), entry(2, "two")
    log.write_bytes(whole + cut[:20])
    assert texts(list(reader.pending())) == [b"one\n"]
    with log.open("ab") as file:
        file.write(cut[20:])
    assert texts(list(reader.pending())) == [b"two\n"]
    reader.close()


def test_reader_loses_nothing_over_two_rotations_between_looks(tmp_path: Path) -> None:
    log = tmp_path / "ctr.log"
    write(log, entry(1, "one"))
    reader = logs.Reader(tmp_path)
    reader.seek(None)
    assert texts(list(reader.pending())) == [b"one\n"]
    log.rename(tmp_path / "ctr.log.2")
    with (tmp_path / "ctr.log.2").open("ab") as file:
        file.write(entry(2, "two"))
    write(tmp_path / "ctr.log.1", entry(3, "three"))
    write(log, entry(4, "four"))
    assert texts(list(reader.pending())) == [b"two\n", b"three\n", b"four\n"]
    reader.close()


def test_reader_waits_for_the_new_file(tmp_path: Path) -> None:
    log = tmp_path / "ctr.log"
    write(log, entry(1, "one"))
    reader = logs.Reader(tmp_path)
    reader.seek(None)
    assert len(list(reader.pending())) == 1
    log.rename(tmp_path / "ctr.log.1")
    assert list(reader.pending()) == []
    with (tmp_path / "ctr.log.1").open("ab") as file:
        file.write(entry(2, "late"))
    assert texts(list(reader.pending())) == [b"late\n"]
    reader.close()
