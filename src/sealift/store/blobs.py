"""Small content by digest: configs and manifests."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, NotFound
from sealift.store.atomic import write_all
from sealift.store.incoming import Incoming

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Blobs(NamedTuple):
    """The blobs below `directory`. Unfinished ones lie in `tmp`, on the same file system."""

    directory: Path
    tmp: Path

    def put(self, data: bytes) -> Digest:
        """Keep `data`; its digest."""
        digest = Digest.of(data)
        if self._is_good(digest, data):
            return digest
        incoming = Incoming(self.tmp)
        try:
            write_all(incoming.fd, data)
            incoming.place(self.path(digest))
        finally:
            incoming.close()
        return digest

    def read(self, digest: Digest, limit: int) -> bytes:
        """The blob's bytes, verified. `Invalid` if there are more than `limit`, `Corrupt` if they changed."""
        try:
            with self.path(digest).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            raise NotFound(f"blob {digest} is missing from the store", fix="sealift system check") from None
        if len(data) > limit:
            raise Invalid(f"blob {digest} is larger than {limit} bytes")
        if Digest.of(data) != digest:
            raise Corrupt(f"blob {digest} was changed in the store", fix="sealift system check --repair")
        return data

    def has(self, digest: Digest) -> bool:
        return self.path(digest).exists()

    def path(self, digest: Digest) -> Path:
        """Where the blob is, if it is there."""
        if digest.algorithm != "sha256":
            raise Invalid(f"no blob has the digest {digest}", fix="the store uses sha256")
        return self.directory / digest.hex

    def size(self, digest: Digest) -> int:
        """The blob's bytes; `NotFound` if it is missing."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise NotFound(f"blob {digest} is missing from the store", fix="sealift system check") from None

    def all(self) -> Iterator[Digest]:
        """Every blob, by digest."""
        for name in sorted(path.name for path in self.directory.iterdir()):
            if _HEX.fullmatch(name):
                yield Digest.parse(f"sha256:{name}")

    def remove(self, digest: Digest) -> int:
        """Take the blob away; how many bytes that frees."""
        path = self.path(digest)
        try:
            freed = path.stat().st_blocks * 512
            path.unlink()
        except FileNotFoundError:
            return 0
        return freed

    def _is_good(self, digest: Digest, data: bytes) -> bool:
        try:
            return self.path(digest).read_bytes() == data
        except FileNotFoundError:
            return False
