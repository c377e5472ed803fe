"""Which bridges of the machine are whose: so that what a store left when its directory was removed goes away.

One small file a bridge, in memory: it names the store's table, and the mark that lies in the store as long as
the bridge is wanted.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealift.network import devices, elements, firewall, rules
from sealift.network.claims import HOST


class Entry(NamedTuple):
    """A bridge, the table of its store, and the path of the mark."""

    bridge: str
    table: str
    mark: str


def enter(entry: Entry) -> None:
    """Write the bridge down. The host's lock is held."""
    directory = HOST / "bridges"
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / entry.bridge).write_text(json.dumps(entry[1:]))


def leave(bridge: str) -> None:
    (HOST / "bridges" / bridge).unlink(missing_ok=True)


def remove_orphans() -> None:
    """Remove the bridges whose stores are gone, and their tables. The host's lock is held."""
    entries = list(_entries())
    living = {entry.table for entry in entries if Path(entry.mark).exists()}
    for entry in entries:
        if not Path(entry.mark).exists():
            firewall.withdraw(entry.bridge)
            devices.remove(entry.bridge)
            if entry.table not in living and elements.table_exists(entry.table):
                rules.remove(entry.table)
            leave(entry.bridge)


def _entries() -> Iterator[Entry]:
    directory = HOST / "bridges"
    for path in directory.iterdir() if directory.is_dir() else ():
        try:
            table, mark = json.loads(path.read_bytes())
        except (FileNotFoundError, ValueError):  # gone, or its writer was killed half-way
            continue
        yield Entry(path.name, str(table), str(mark))
