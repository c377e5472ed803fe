"""The members of a layer, read from its tar once: a compact sidecar beside the tar has them afterwards.

Reading the headers of a large tar means a jump for each file in it; the sidecar is one small read. It is
checked when it is read (zlib's sum), so that a torn one is only made again.
"""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sealift.archive import Entry, read_entries
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound
from sealift.store import Layers

SUFFIX = "entries"
MANY = 256
"""From this many members on, reading the sidecar is quicker than the tar."""

_VERSION = 1
_PLAIN = len(Entry._fields) - 2  # the fields before xattrs and segments


def read(layers: Layers, diff_id: Digest) -> list[Entry]:
    """The layer's members in their order. `NotFound` where the layer is missing, `Invalid` or `Corrupt`
    naming it where it is no acceptable tar.
    """
    large = layers.size(diff_id) >= MANY * 512
    if large and (known := _load(layers, diff_id)) is not None:
        return known
    with named(diff_id), layers.path(diff_id).open("rb") as file:
        entries = list(read_entries(file))
    if len(entries) >= MANY:
        _save(layers, diff_id, entries)
    return entries


def differing(layers: Layers) -> Iterator[Path]:
    """The sidecars that do not say what their layers hold."""
    for diff_id in layers.all():
        path = layers.sidecar(diff_id, SUFFIX)
        if not path.exists():
            continue
        with suppress(NotFound, Invalid, Corrupt), layers.path(diff_id).open("rb") as file:
            if _load(layers, diff_id) != list(read_entries(file)):
                yield path


@contextmanager
def named(diff_id: Digest) -> Iterator[None]:
    """Errors about what is in the layer name the layer."""
    try:
        yield
    except (Invalid, Corrupt) as error:
        raise type(error)(f"layer {diff_id.short}: {error.message}", fix=error.fix) from error


def _load(layers: Layers, diff_id: Digest) -> list[Entry] | None:
    try:
        data = layers.sidecar(diff_id, SUFFIX).read_bytes()
        version, rows = json.loads(zlib.decompress(data))
        return [_entry(row) for row in rows] if version == _VERSION else None
    except (OSError, zlib.error, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _save(layers: Layers, diff_id: Digest, entries: list[Entry]) -> None:
    """Not made durable: a sidecar that a power failure damages is noticed, and made again."""
    text = json.dumps([_VERSION, [_row(entry) for entry in entries]], separators=(",", ":"))
    path = layers.sidecar(diff_id, SUFFIX)
    temporary = layers.tmp / f".tmp-{os.urandom(8).hex()}"
    with suppress(OSError):  # a full disk: it is only a shortcut
        temporary.touch(0o600)
        temporary.write_bytes(zlib.compress(text.encode("ascii"), 1))
        temporary.replace(path)
        return
    temporary.unlink(missing_ok=True)


def _row(entry: Entry) -> list[Any]:
    row: list[Any] = list(entry[:_PLAIN])
    if entry.xattrs or entry.segments:
        row += [[[name, value.decode("latin-1")] for name, value in entry.xattrs], entry.segments]
    return row


def _entry(row: list[Any]) -> Entry:
    if len(row) > _PLAIN:
        xattrs, segments = row[_PLAIN:]
        row[_PLAIN:] = (
            tuple((name, value.encode("latin-1")) for name, value in xattrs),
            tuple(tuple(part) for part in segments),
        )
    return Entry(*row)
