"""From the tar that mmdebstrap writes to a layer that depends on the packages alone."""

import io
from collections.abc import Sequence

import pytest

from sealift.archive import Entry, TarWriter, read_entries
from sealift.bootstrap import tree
from sealift.core.errors import Corrupt

PACKAGED = 1_600_000_000
BEGAN = 1_700_000_000
DAY = 86_400


def tar(*members: tuple[Entry, bytes]) -> io.BytesIO:
    sink = io.BytesIO()
    writer = TarWriter(sink)
    for entry, data in members:
        file = entry.kind == "file"
        writer.add(entry._replace(size=len(data)), io.BytesIO(data) if file else None)
    writer.finish()
    sink.seek(0)
    return sink


def base(began: int, host: str = "one") -> io.BytesIO:
    """What mmdebstrap leaves when it begins at `began` on the machine `host`."""
    shadow = f"root:*:{began // DAY}:0:99999:7:::\nold:*:100:0:99999:7:::\n".encode()
    return tar(
        (Entry("dev", "dir", 0o755, 0, 0, PACKAGED), b""),
        (Entry("dev/null", "char", 0o666, 0, 0, began, major=1, minor=3), b""),
        (Entry("etc", "dir", 0o755, 0, 0, began), b""),
        (Entry("etc/hostname", "file", 0o755 if host == "one" else 0o600, 0, 0, began), host.encode()),
        (Entry("etc/resolv.conf", "file", 0o644, 0, 0, began), f"search {host}\n".encode()),
        (Entry("etc/shadow", "file", 0o640, 0, 42, began), shadow),
        (Entry("usr", "dir", 0o755, 0, 0, PACKAGED - 5), b""),
        (Entry("usr/program", "file", 0o4755, 0, 0, PACKAGED), b"#!"),
        (Entry("var", "dir", 0o755, 0, 0, PACKAGED), b""),
        (Entry("var/log", "dir", 0o755, 0, 0, PACKAGED), b""),
        (Entry("var/log/dpkg.log", "file", 0o644, 0, 0, began), b"2023-11-14 install"),
    )


def layer(source: io.BytesIO, began: int, links: Sequence[tuple[str, str]] = ()) -> bytes:
    sink = io.BytesIO()
    tree.write_layer(source, list(read_entries(source)), links, sink, began)
    return sink.getvalue()


def entries(data: bytes) -> dict[str, Entry]:
    return {entry.path: entry for entry in read_entries(io.BytesIO(data))}


def test_layer_is_the_same_whenever_it_is_made() -> None:
    later = BEGAN + 40 * DAY
    assert layer(base(BEGAN), BEGAN) == layer(base(later), later)


def test_layer_says_nothing_of_the_machine_it_was_made_on() -> None:
    made = layer(base(BEGAN), BEGAN)
    assert made == layer(base(BEGAN, "another"), BEGAN)
    found = entries(made)
    for path in ("etc/hostname", "etc/resolv.conf"):
        assert (found[path].kind, found[path].size, found[path].mode) == ("file", 0, 0o644)


def test_layer_keeps_what_packages_say_and_bounds_other_times() -> None:
    found = entries(layer(base(BEGAN), BEGAN))
    assert (found["usr/program"].mtime, found["usr/program"].mode) == (PACKAGED, 0o4755)
    assert found["usr"].mtime == PACKAGED - 5
    assert found["etc"].mtime == PACKAGED


def test_layer_has_no_logs_and_no_device_nodes() -> None:
    found = entries(layer(base(BEGAN), BEGAN))
    assert "var/log/dpkg.log" not in found
    assert "dev/null" not in found
    assert found["dev"].kind == "dir"


def test_layer_dates_new_accounts_by_the_packages() -> None:
    data = layer(base(BEGAN), BEGAN)
    shadow = entries(data)["etc/shadow"]
    lines = data[shadow.offset : shadow.offset + shadow.size].decode().splitlines()
    assert lines == [f"root:*:{PACKAGED // DAY}:0:99999:7:::", "old:*:100:0:99999:7:::"]


def test_links_are_added_in_order_and_never_over_a_file() -> None:
    found = entries(layer(base(BEGAN), BEGAN, [("usr/alias", "program"), ("usr/program", "elsewhere")]))
    assert found["usr/alias"].target == "program"
    assert found["usr/program"].kind == "file"
    assert list(found) == sorted(found, key=lambda path: path.split("/"))


def test_read_file_says_what_is_missing() -> None:
    source = base(BEGAN)
    listed = list(read_entries(source))
    assert tree.read_file(source, listed, "usr/program") == b"#!"
    with pytest.raises(Corrupt, match="/var/lib/dpkg/status"):
        tree.read_file(source, listed, "var/lib/dpkg/status")


def test_layer_of_a_tar_that_ends_early_is_refused() -> None:
    source = base(BEGAN)
    listed = list(read_entries(source))
    program = next(entry for entry in listed if entry.path == "usr/program")
    source.truncate(program.offset)
    with pytest.raises(Corrupt):
        tree.write_layer(source, listed, [], io.BytesIO(), BEGAN)
