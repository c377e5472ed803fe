"""The index of images, for listings: SQLite, made again from the small files whenever it is missing or old.

It says for which state of the directories it was made. That state is their times of change, so a state that
was younger than the file system's clock can tell apart is not remembered.
"""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.store.blobs import Blobs

if TYPE_CHECKING:
    import sqlite3

    from sealift.store.images import ImageRecord

NAME = "index.sqlite"
_RACY_NS = 100_000_000
_BUSY_SECONDS = 5
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS state (key INTEGER PRIMARY KEY CHECK (key = 1), stamp TEXT NOT NULL,
        total INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS images (
        image_id TEXT PRIMARY KEY, created TEXT NOT NULL, size INTEGER NOT NULL, record TEXT NOT NULL
    ) WITHOUT ROWID;
"""


def images(root: Path, blobs: Blobs, scan: Callable[[], Iterable["ImageRecord"]]) -> list["ImageRecord"]:
    """All image records, newest first: from the index if it is of now, else from `scan`, which renews it."""
    import sqlite3

    stamp = _stamp(root)
    try:
        with closing(_connect(root / NAME)) as database:
            found = _read(database, stamp, blobs)
            if found is not None:
                return found
            found = _ordered(scan())
            if stamp == _stamp(root) and _is_settled(stamp):
                _write(database, stamp, found)
            return found
    except sqlite3.OperationalError as error:  # busy for long, or the disk is full: a listing works without
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # another version's tables
            (root / NAME).unlink(missing_ok=True)
        return _ordered(scan())
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        (root / NAME).unlink(missing_ok=True)  # damaged: the next listing makes it anew
        return _ordered(scan())


def _ordered(records: Iterable["ImageRecord"]) -> list["ImageRecord"]:
    by_id = sorted(records, key=lambda record: record.image_id)
    return sorted(by_id, key=lambda record: record.created, reverse=True)


def _stamp(root: Path) -> str:
    return json.dumps([(root / name).stat().st_mtime_ns for name in ("images", "names")])


def _is_settled(stamp: str) -> bool:
    newest: int = max(json.loads(stamp))
    return time.time_ns() - newest > _RACY_NS


def _connect(path: Path) -> "sqlite3.Connection":
    import sqlite3

    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _read(database: "sqlite3.Connection", stamp: str, blobs: Blobs) -> list["ImageRecord"] | None:
    from sealift.store.images import parse_record

    database.execute("BEGIN")
    try:
        row = database.execute("SELECT stamp, total FROM state").fetchone()
        if row is None or row[0] != stamp:
            return None
        rows = database.execute("SELECT record FROM images ORDER BY created DESC, image_id").fetchall()
        if len(rows) != row[1]:
            return None
        return [parse_record(json.loads(record), blobs) for (record,) in rows]
    finally:
        database.execute("ROLLBACK")


def _write(database: "sqlite3.Connection", stamp: str, records: Iterable["ImageRecord"]) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute("DELETE FROM images")
        rows = [(one.image_id, one.created, one.size, json.dumps(one.stored())) for one in records]
        database.executemany("INSERT INTO images VALUES (?, ?, ?, ?)", rows)
        database.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (stamp, len(rows)))
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
