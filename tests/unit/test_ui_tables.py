"""Tables and units."""

import pytest

from sealift.core.errors import Invalid
from sealift.ui import tables, units


def test_header_is_bold_only_where_asked() -> None:
    assert tables.table([("1", "2")], ("A", "B"), bold=True) == "\x1b[1mA         B\x1b[0m\n1         2\n"
    assert tables.table([], ("A", "B")) == "A         B\n"


def test_wide_signs_keep_the_columns_aligned() -> None:
    lines = tables.aligned([("名前", "x"), ("abc", "y"), ("e\u0301", "z")])
    assert [tables.width(line[: line.index(sign)]) for line, sign in zip(lines, "xyz", strict=True)] == [
        10
    ] * 3


def test_strangers_text_cannot_move_the_cursor() -> None:
    shown = tables.table([("a\x1b[2Jb\nc", "\x9b1m")], ("X", "Y"))
    assert not set(shown) & {"\x1b", "\x9b"}
    assert shown.count("\n") == 2


def test_ellipsis_marks_what_is_cut() -> None:
    assert tables.ellipsis("abcdef", 4) == "abc…"
    assert tables.ellipsis("abcd", 4) == "abcd"


# What github.com/docker/go-units gives.
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"), (1, "1 second"), (45, "45 seconds"), (60, "About a minute"),
        (179, "2 minutes"), (3600, "About an hour"), (47 * 3600, "47 hours"), (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"), (60 * 86400, "2 months"), (729 * 86400, "24 months"),
        (731 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_duration_reads_as_docker_s(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


def test_ago_never_lies_in_the_future() -> None:
    assert units.ago(100, 220) == "2 minutes ago"
    assert units.ago(220, 100) == "Less than a second ago"


def test_sizes_read_as_docker_s() -> None:
    assert [units.size(n) for n in (0, 999, 1000, 1_234_567, 10**9)] == [
        "0B",
        "999B",
        "1kB",
        "1.235MB",
        "1GB",
    ]
    assert units.size(248_123_456, 3) == "248MB"
    assert units.binary_size(536_870_912) == "512MiB"


@pytest.mark.parametrize(
    ("text", "count"), [("512m", 512 << 20), ("1.5g", 3 << 29), ("1GiB", 1 << 30), ("10", 10), ("2KB", 2048)]
)
def test_parse_size_reads_docker_s_units(text: str, count: int) -> None:
    assert units.parse_size(text) == count


@pytest.mark.parametrize("text", ["", "x", "-1m", "1q", "1.m", "m"])
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(Invalid):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10), ("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("0s", 0), ("100us", 0.0001)],
)
def test_parse_duration_reads_go_s_form(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1x", "-1s", "1h 2m", "1s1"])
def test_parse_duration_refuses(text: str) -> None:
    with pytest.raises(Invalid):
        units.parse_duration(text)


def test_timestamps_keep_zone_and_fraction() -> None:
    assert units.parse_timestamp("1970-01-01T00:00:10.25Z") == 10.25
    assert units.parse_timestamp("1970-01-01T02:00:00+02:00") == 0
    assert units.parse_timestamp("1970-01-02") == 86400
    assert units.timestamp(86400) == "1970-01-02T00:00:00Z"
    for bad in ("1970", "1970-13-01", "yesterday", ""):
        with pytest.raises(Invalid):
            units.parse_timestamp(bad)


def test_moment_takes_durations_unix_times_and_dates() -> None:
    assert units.moment("10m", 1000) == 400
    assert units.moment("12.5", 1000) == 12.5
    assert units.moment("1970-01-01T00:01:00Z", 1000) == 60
