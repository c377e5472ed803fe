"""Is all that the store holds what it claims to be? And putting right what can be put right."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealift.core.config import ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import SealiftError
from sealift.core.manifest import Manifest
from sealift.store.collect import delete, strays
from sealift.store.images import MAX_CONFIG_BYTES
from sealift.store.locks import Busy, locked

if TYPE_CHECKING:
    from sealift.store.images import ImageRecord
    from sealift.store.store import Store


_NO_MANIFEST = "its manifest is missing or changed"


class Finding(NamedTuple):
    """Something that is wrong. `what` is a layer, blob, image, name or file; `action` says what was done
    about it, or what `repair` would do.
    """

    kind: str
    what: str
    problem: str
    action: str
    repaired: bool


def check(store: "Store", *, repair: bool) -> list[Finding]:
    """All findings. Every byte of content is read. See `Store.check`."""
    try:
        with locked(store.root / "locks", "content", wait=repair):
            return list(_Check(store, repair).findings(alone=True))
    except Busy:  # someone builds or loads: their unfinished files are no findings
        with store.lease():
            return list(_Check(store, repair).findings(alone=False))


class _Check:
    """One pass over the store."""

    def __init__(self, store: "Store", repair: bool) -> None:
        self._store = store
        self._repair = repair
        self._bad: set[Digest] = set()

    def findings(self, *, alone: bool) -> Iterator[Finding]:
        yield from self._content()
        yield from self._records()
        yield from self._images()
        yield from self._names()
        if alone:
            for path in list(strays(self._store)):
                yield self._found("file", str(path.relative_to(self._store.root)), "left behind", "removed")
                if self._repair:
                    delete(path)

    def _found(self, kind: str, what: str, problem: str, action: str) -> Finding:
        return Finding(kind, what, problem, action, self._repair)

    def _content(self) -> Iterator[Finding]:
        for kind, content in (("layer", self._store.layers), ("blob", self._store.blobs)):
            for digest in list(content.all()):
                if _digest(content.path(digest)) == digest:
                    continue
                self._bad.add(digest)
                yield self._found(kind, digest, "its bytes are not those of its digest", "removed")
                if self._repair:
                    content.remove(digest)

    def _records(self) -> Iterator[Finding]:
        """Damaged records: everything in one follows from the config that its name is the digest of."""
        for path in self._store.images.damaged():
            rebuilt = self._rebuilt(Digest.parse(f"sha256:{path.stem}"))
            action = "made again from the config" if rebuilt else "removed"
            yield self._found("image", path.stem[:12], "its record is damaged", action)
            if not self._repair:
                continue
            if rebuilt:
                self._restore(*rebuilt)
            else:
                path.unlink(missing_ok=True)

    def _images(self) -> Iterator[Finding]:
        for record in list(self._store.images.scan()):
            problem = self._problem(record)
            if problem is None:
                continue
            names = ", ".join(record.references) or record.image_id.short
            rebuilt = self._rebuilt(record.image_id) if problem == _NO_MANIFEST else None
            action = "its manifest is made again" if rebuilt else "removed: build, load or bootstrap it again"
            yield self._found("image", names, problem, action)
            if not self._repair:
                continue
            if rebuilt:
                self._restore(*rebuilt)
            else:
                self._store.images.remove(record)

    def _problem(self, record: "ImageRecord") -> str | None:
        """What is wrong with an image whose content was checked before, or None."""
        try:
            config = record.config
        except SealiftError:
            return "its config is missing or changed"
        if config.diff_ids != record.layers:
            return "its record and its config name different layers"
        for layer in record.layers:
            if layer in self._bad or not self._store.layers.has(layer):
                return f"layer {layer} is missing or changed"
        try:
            self._store.images.manifest(record)
        except SealiftError:
            return _NO_MANIFEST
        return None

    def _names(self) -> Iterator[Finding]:
        for path, name in list(self._store.images.dangling()):
            yield self._found("name", name, "it names no image", "removed")
            if self._repair:
                path.unlink(missing_ok=True)

    def _rebuilt(self, image_id: Digest) -> tuple[Manifest, ImageConfig] | None:
        """The manifest that follows from an image's config, if all that it names is good."""
        with suppress(SealiftError):
            data = self._store.blobs.read(image_id, MAX_CONFIG_BYTES)
            config = ImageConfig.parse(data)
            sizes = [(layer, self._store.layers.size(layer)) for layer in config.diff_ids]
            if self._bad.isdisjoint(config.diff_ids):
                layers = tuple(Descriptor(OCI_LAYER, *pair) for pair in sizes)
                return Manifest(Descriptor(OCI_CONFIG, image_id, len(data)), layers), config
        return None

    def _restore(self, manifest: Manifest, config: ImageConfig) -> None:
        record = self._store.images.put(manifest, config)
        for reference in self._store.images.pointing_to(record.image_id):
            self._store.images.point(reference, record)


def _digest(path: Path) -> Digest:
    with path.open("rb") as file:
        return Digest.parse(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
