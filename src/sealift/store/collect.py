"""Garbage: content that nothing names any more, and what dead processes left."""

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.core.digest import Digest
from sealift.core.errors import Conflict, Corrupt
from sealift.store.atomic import TEMPORARY
from sealift.store.locks import Busy, locked

if TYPE_CHECKING:
    from sealift.store.store import Store

STALE_SECONDS = 600
"""How old a temporary file must be to count as left behind. Who works for longer holds a lease."""


def collect(store: "Store", kept: Iterable[Digest], *, wait: bool) -> int:
    """Remove all content but that of images and `kept`; how many bytes that frees. See `Store.collect`."""
    try:
        with locked(store.root / "locks", "content", wait=wait):
            wanted = {*kept, *_of_images(store)}
            freed = sum(store.layers.remove(layer) for layer in store.layers.all() if layer not in wanted)
            freed += sum(store.blobs.remove(blob) for blob in store.blobs.all() if blob not in wanted)
            return freed + sum(delete(path) for path in list(strays(store)))
    except Busy:
        raise Conflict(
            "a build, load or bootstrap is running: what it needs cannot be told from garbage yet",
            fix="try again when it has ended",
        ) from None


def _of_images(store: "Store") -> Iterator[Digest]:
    """The content of all images. `Corrupt` if a record cannot be read: what it keeps is not known then."""
    damaged = store.images.damaged()
    if damaged:
        raise Corrupt(
            f"the image record {damaged[0].name} is damaged, so nothing can be collected",
            fix="sealift system check --repair",
        )
    for record in store.images.scan():
        yield from (record.manifest_digest, record.image_id)
        yield from record.layers


def strays(store: "Store") -> Iterator[Path]:
    """What belongs to no one: the caller holds the content lock alone, so whoever made it is dead."""
    before = time.time() - STALE_SECONDS
    for name in ("images", "names", "blobs/sha256", "layers/sha256"):
        for path in (store.root / name).glob(f"{TEMPORARY}*"):
            if _changed(path) < before:
                yield path
    for path in store.tmp.iterdir():
        if _changed(path) < before:
            yield path
    yield from orphans(store)


def orphans(store: "Store") -> Iterator[Path]:
    """Files that were derived from a layer which is gone."""
    layers = {layer.hex for layer in store.layers.all()}
    for path in store.layers.directory.iterdir():
        first = path.name.partition(".")[0]
        if len(first) == 64 and first not in layers:
            yield path


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return time.time()


def delete(path: Path) -> int:
    """Remove a file or a directory; how many bytes that frees, as far as they are easily known."""
    try:
        freed = path.lstat().st_blocks * 512
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    except FileNotFoundError:
        return 0
    return freed
