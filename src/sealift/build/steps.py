"""The step cache: what a step made, by the digest of all that decides it."""

import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

from sealift.core import document
from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.store import Store
from sealift.store.atomic import write_json

VERSION = 1
"""Part of every key: raised when the same step would give other bytes than before."""


class Made(NamedTuple):
    """What a step made: a layer, or nothing at all (`diff_id` is None)."""

    diff_id: Digest | None


class Steps:
    """Step records below `build/steps` of a store, one small file each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._directory = store.directory("build") / "steps"
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def key(self, *parts: document.JSON) -> Digest:
        """The cache key for all these."""
        return Digest.of(document.encode([VERSION, *parts]))

    def find(self, key: Digest) -> Made | None:
        """What this step made before, if its layer is still there."""
        path = self._path(key)
        try:
            made = _parse(path.read_bytes())
        except (FileNotFoundError, Invalid, ValueError):
            return None
        if made.diff_id is not None and not self._store.layers.has(made.diff_id):
            return None
        with suppress(OSError):
            os.utime(path)  # when it was last of use: `builder prune --filter until=`
        return made

    def put(self, key: Digest, made: Made) -> None:
        """Remember what a step made. Its layer is in the store already."""
        write_json(self._path(key), {"diff_id": made.diff_id})

    def lock(self, key: Digest) -> AbstractContextManager[None]:
        """Held while the step runs, so that two builds do it once. One lock serves many keys; never hold
        two.
        """
        return self._store.lock(f"build-{key.hex[:2]}")

    def all(self) -> Iterable[tuple[Digest, Made, os.stat_result]]:
        """Every record with its file's stat; damaged ones are left out."""
        for path in sorted(self._directory.iterdir()):
            with suppress(FileNotFoundError, Invalid, ValueError):
                yield Digest.parse(f"sha256:{path.stem}"), _parse(path.read_bytes()), path.stat()

    def remove(self, key: Digest) -> None:
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: Digest) -> Path:
        return self._directory / f"{key.hex}.json"


def _parse(data: bytes) -> Made:
    value = json.loads(data)
    if not isinstance(value, dict) or "diff_id" not in value:
        raise Invalid("not a step record")
    found = value["diff_id"]
    return Made(None if found is None else Digest.parse(found))


def kept_layers(store: Store) -> set[Digest]:
    """The layers that the build cache keeps: roots for garbage collection."""
    return {made.diff_id for _, made, _ in Steps(store).all() if made.diff_id is not None}
