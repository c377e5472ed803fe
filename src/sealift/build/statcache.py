"""Digests of context files by what `stat` says of them, so that an unchanged context is not read again.

A file counts as unchanged when path, size, mtime, ctime and inode are the same. One that was changed so
shortly before it was read that a second change could carry the same times is not remembered (git calls this
"racy").
"""

import json
import threading
import time
from pathlib import Path

from sealift.build.items import Signature
from sealift.core.digest import Digest
from sealift.store.atomic import write_file

FINE_NS = 50_000_000
COARSE_NS = 2_000_000_000


class StatCache:
    """The digests known for one context directory. Safe to use from several threads; saved at the end."""

    def __init__(self, directory: Path, context: Path) -> None:
        self._path = directory / f"{Digest.of(str(context).encode('utf-8', 'surrogateescape')).hex[:32]}.json"
        self._known: dict[str, list[int | str]] = {}
        self._fresh: dict[str, list[int | str]] = {}
        self._now: dict[Signature, str] = {}
        self._lock = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Read what another build may have saved since. A damaged file is as good as none."""
        try:
            known = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return
        if isinstance(known, dict):
            with self._lock:
                self._known = {**known, **self._fresh}

    def get(self, signature: Signature) -> str | None:
        """The hex SHA-256 of the file's content if it is known."""
        if signature in self._now:
            return self._now[signature]
        found = self._known.get(signature.path)
        if not isinstance(found, list) or found[:4] != list(signature[1:]) or len(found) != 5:
            return None
        return str(found[4])

    def put(self, signature: Signature, digest: str, read_at: int) -> None:
        """Remember a digest: for this build, and for later ones if the file's times tell enough.

        `read_at` is when reading the file began, in unix nanoseconds.
        """
        self._now[signature] = digest
        changed = max(signature.mtime, signature.ctime)
        coarse = signature.mtime % 1_000_000_000 == 0 and signature.ctime % 1_000_000_000 == 0
        if changed > read_at - (COARSE_NS if coarse else FINE_NS):
            return
        with self._lock:
            self._fresh[signature.path] = [*signature[1:], digest]
            self._known[signature.path] = self._fresh[signature.path]

    def save(self) -> None:
        """Write what was learned, if anything was."""
        if not self._fresh:
            return
        self.reload()
        data = json.dumps(self._known, separators=(",", ":")).encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, data)
        self._fresh.clear()


def now() -> int:
    """Unix nanoseconds, as `put` wants them."""
    return time.time_ns()
