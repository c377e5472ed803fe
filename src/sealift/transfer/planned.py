"""What an archive holds, once its documents are read: images, their names, and where their layers lie."""

from typing import NamedTuple, Protocol

from sealift.core.config import ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid
from sealift.core.reference import Reference

MAX_DOCUMENT_BYTES = 4 << 20
MAX_IMAGES = 1000
MAX_LAYERS = 1000


class Layer(NamedTuple):
    """A layer of an archive. `digest` is of the bytes that lie at `path`, compressed or not, where the
    archive says it; `diff_id` is of the uncompressed tar.
    """

    path: str
    diff_id: Digest
    digest: Digest | None = None


class Planned(NamedTuple):
    """An image to be loaded. `config` is its exact bytes; `unnamed` holds names that are no references."""

    config: bytes
    layers: tuple[Layer, ...]
    references: tuple[Reference, ...]
    unnamed: tuple[str, ...] = ()


class Documents(Protocol):
    """The small members of an archive."""

    def has(self, path: str) -> bool: ...

    def read(self, path: str) -> bytes:
        """A member of at most `MAX_DOCUMENT_BYTES`; `Invalid` where it is missing or larger."""
        ...


def diff_ids(config: bytes, what: str, layers: int) -> tuple[Digest, ...]:
    """The diff IDs in a config, which must be as many as the layers that the archive has for it."""
    found = ImageConfig.parse(config, what).diff_ids
    if len(found) != layers:
        raise Invalid(f"{what} speaks of {len(found)} layers, the archive of {layers}")
    if layers > MAX_LAYERS:
        raise Invalid(f"{what} has {layers} layers: the limit is {MAX_LAYERS}")
    for diff_id in found:
        if diff_id.algorithm != "sha256":
            raise Invalid(f"{what} names a layer by {diff_id.algorithm}; only sha256 is supported")
    return found


def verified(data: bytes, digest: Digest, what: str) -> bytes:
    """`data` if it has this digest, else `Corrupt`."""
    import hashlib

    if hashlib.new(digest.algorithm, data).hexdigest() != digest.hex:
        raise Corrupt(f"{what} is not what its digest says ({digest})", fix="fetch or save the archive again")
    return data


def blob_path(digest: Digest) -> str:
    """Where an OCI image layout keeps a blob (OCI image spec, image-layout.md)."""
    return f"blobs/{digest.algorithm}/{digest.hex}"
