"""Images: one small file each as the truth, and one small file for each reference that names one."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sealift.core.config import ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Conflict, Corrupt, Invalid, NotFound
from sealift.core.manifest import MAX_MANIFEST_BYTES, Manifest
from sealift.core.reference import Reference
from sealift.store.atomic import sync_directory, write_json
from sealift.store.blobs import Blobs
from sealift.store.layers import Layers
from sealift.store.locks import locked

MAX_CONFIG_BYTES = 8 << 20
_LOCK = "images"
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})", re.ASCII)
_RECORD = re.compile(r"([0-9a-f]{64})\.json", re.ASCII)
_BOOTSTRAPPED = ("docker.io/library/python", "docker.io/library/debian")


class ImageRecord(NamedTuple):
    """An image in the store. `layers` are diff IDs, lowest first; `size` is the bytes of their tars;
    `created` is the config's RFC 3339 text, or empty; `references` are canonical, sorted.
    """

    manifest_digest: Digest
    image_id: Digest
    layers: tuple[Digest, ...]
    size: int
    created: str
    references: tuple[str, ...]
    blobs: Blobs

    def stored(self) -> dict[str, object]:
        """What files and rows keep of it."""
        return {key: value for key, value in self._asdict().items() if key != "blobs"}

    @property
    def config(self) -> ImageConfig:
        """The config, read and verified each time it is asked for."""
        return ImageConfig.parse(self.blobs.read(self.image_id, MAX_CONFIG_BYTES))


class Images:
    """The images of the store at `root`."""

    def __init__(self, root: Path, blobs: Blobs, layers: Layers) -> None:
        self._root = root
        self._records = root / "images"
        self._names = root / "names"
        self._blobs = blobs
        self._layers = layers

    def put(self, manifest: Manifest, config: ImageConfig) -> ImageRecord:
        """Keep an image whose layers are in the store. The manifest names them uncompressed, by diff ID.

        A config that came from elsewhere must be in the blobs already, in its own bytes.
        """
        self._check(manifest, config)
        record = ImageRecord(
            self._blobs.put(manifest.encode()), manifest.config.digest, config.diff_ids,
            sum(layer.size for layer in manifest.layers), config.created, (), self._blobs,
        )  # fmt: skip
        with locked(self._root / "locks", _LOCK):
            record = record._replace(references=self._listed(record.image_id))
            self._write(record)
        return record

    def point(self, reference: Reference, record: ImageRecord) -> ImageRecord:
        """Let `reference` name the image, and no other any more; the record with its references."""
        name = str(reference)
        with locked(self._root / "locks", _LOCK):
            listed = self._listed(record.image_id)
            if not self._record_path(record.image_id).exists():
                raise NotFound(f"the image {record.image_id.short} was removed meanwhile", fix="try again")
            record = record._replace(references=tuple(sorted({*listed, name})))
            if name not in listed:
                self._write(record)  # before the name, so that a name is always listed by what it points to
            write_json(self._name_path(name), {"image": record.image_id, "reference": name})
        return record

    def unpoint(self, reference: Reference) -> None:
        """Take the name away; `NotFound` if there is none. Writes nothing, so a full disk does not matter."""
        with locked(self._root / "locks", _LOCK):
            try:
                self._name_path(str(reference)).unlink()
            except FileNotFoundError:
                raise _no_image(reference.familiar, reference) from None
            sync_directory(self._names)

    def find(self, text: str) -> ImageRecord:
        """The image that `text` names: a reference, a digest, or the first digits of an image ID."""
        digits = _ID.fullmatch(text)
        if digits and len(digits[1]) == 64 and (record := self._read(digits[1])) is not None:
            return record
        reference = None
        if not text.startswith("sha256:") and not (digits and len(digits[1]) == 64):
            reference = _reference(text, bool(digits))
        if reference is not None and (record := self._named(reference)) is not None:
            return record
        if digits and (record := self._by_prefix(digits[1])) is not None:
            return record
        raise _no_image(text, reference)

    def all(self) -> list[ImageRecord]:
        """Every image, newest first; damaged records are left out (`Store.check` finds them)."""
        from sealift.store import index

        return index.images(self._root, self._blobs, self.scan)

    def remove(self, record: ImageRecord) -> None:
        """Forget the image and all its names. Its content stays until it is collected."""
        with locked(self._root / "locks", _LOCK):
            for name in self._listed(record.image_id):
                self._name_path(name).unlink(missing_ok=True)
            sync_directory(self._names)
            self._record_path(record.image_id).unlink(missing_ok=True)
            sync_directory(self._records)

    def config(self, record: ImageRecord) -> ImageConfig:
        return record.config

    def manifest(self, record: ImageRecord) -> Manifest:
        """The manifest, whose layers are uncompressed."""
        return Manifest.parse(self._blobs.read(record.manifest_digest, MAX_MANIFEST_BYTES))

    def _check(self, manifest: Manifest, config: ImageConfig) -> None:
        named = tuple(layer.digest for layer in manifest.layers)
        if named != config.diff_ids:
            raise Invalid("the image's manifest and config name different layers")
        for layer in manifest.layers:
            if self._layers.size(layer.digest) != layer.size:
                raise Corrupt(f"layer {layer.digest} has another size than the manifest says")
        encoded = config.encode()
        if Digest.of(encoded) == manifest.config.digest:
            self._blobs.put(encoded)
        elif ImageConfig.parse(self._blobs.read(manifest.config.digest, MAX_CONFIG_BYTES)) != config:
            raise Invalid("the image's config is not the one its manifest names")

    def scan(self) -> Iterator[ImageRecord]:
        """All readable records with their references, from the truth, in no order."""
        names: dict[str, list[str]] = {}
        for _, image_id, name in self._pointers():
            names.setdefault(image_id, []).append(name)
        for path in self._record_paths():
            if (record := self._parse(_load(path))) is not None:
                yield record._replace(references=tuple(sorted(names.get(record.image_id, ()))))

    def damaged(self) -> list[Path]:
        """The records that cannot be read. Their names are the hex digits of image IDs."""
        return [path for path in self._record_paths() if self._parse(_load(path)) is None and path.exists()]

    def pointing_to(self, image_id: Digest) -> list[Reference]:
        """The references that name this image, even if its record does not know."""
        return [Reference.parse(name) for _, found, name in self._pointers() if found == image_id]

    def dangling(self) -> Iterator[tuple[Path, str]]:
        """The small files of names that lead to no image, and the names."""
        for path, image_id, name in self._pointers():
            known = self._parse(_load(self._records / f"{image_id.partition(':')[2]}.json"))
            if known is None or path != self._name_path(name):
                yield path, name or path.name

    def _pointers(self) -> Iterator[tuple[Path, str, str]]:
        """The file of each name, the image ID in it and the name; empty where it is damaged."""
        for path in list(self._names.glob("*.json")):
            found = _load(path) or {}
            if path.exists():
                yield path, str(found.get("image", "")), str(found.get("reference", ""))

    def _record_paths(self) -> list[Path]:
        return [path for path in self._records.iterdir() if _RECORD.fullmatch(path.name)]

    def _named(self, reference: Reference) -> ImageRecord | None:
        found = _load(self._name_path(str(reference)))
        if found is not None:
            return self._read(Digest.parse(found.get("image")).hex)
        if reference.digest is None:
            return None
        whole = reference.digest
        return next((one for one in self.all() if whole in (one.image_id, one.manifest_digest)), None)

    def _by_prefix(self, digits: str) -> ImageRecord | None:
        found = [path.stem for path in self._record_paths() if path.name.startswith(digits)]
        if len(found) > 1:
            raise Conflict(f"{len(found)} images have IDs that begin with {digits}", fix="give more digits")
        return self._read(found[0]) if found else None

    def _read(self, digits: str) -> ImageRecord | None:
        record = self._parse(_load(self._records / f"{digits}.json"))
        return record and record._replace(references=self._listed(record.image_id))

    def _listed(self, image_id: Digest) -> tuple[str, ...]:
        """The names that the record lists and that do point to it."""
        record = self._parse(_load(self._record_path(image_id)))
        return tuple(name for name in record.references if self._points(name, image_id)) if record else ()

    def _points(self, name: str, image_id: Digest) -> bool:
        found = _load(self._name_path(name))
        return found is not None and found.get("image") == image_id

    def _write(self, record: ImageRecord) -> None:
        write_json(self._record_path(record.image_id), record.stored())

    def _parse(self, value: dict[str, object] | None) -> ImageRecord | None:
        with suppress(Invalid, KeyError, TypeError, ValueError):
            return None if value is None else parse_record(value, self._blobs)
        return None

    def _record_path(self, image_id: Digest) -> Path:
        return self._records / f"{image_id.hex}.json"

    def _name_path(self, name: str) -> Path:
        return self._names / f"{Digest.of(name.encode()).hex}.json"


def parse_record(value: dict[str, object], blobs: Blobs) -> ImageRecord:
    """The record that a small file, or a row of the index, holds."""
    layers, references, size = value["layers"], value["references"], value["size"]
    if not isinstance(layers, list) or not isinstance(references, list) or not isinstance(size, int):
        raise TypeError("not an image record")
    return ImageRecord(
        Digest.parse(value["manifest_digest"]), Digest.parse(value["image_id"]),
        tuple(Digest.parse(layer) for layer in layers), size, str(value["created"]),
        tuple(str(reference) for reference in references), blobs,
    )  # fmt: skip


def _load(path: Path) -> dict[str, object] | None:
    """The object in a small file; None where it is missing, unfinished or damaged."""
    try:
        value = json.loads(path.read_bytes()) if path.suffix == ".json" else None
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _reference(text: str, maybe_id: bool) -> Reference | None:
    try:
        return Reference.parse(text)
    except Invalid:
        if maybe_id:  # 64 digits are no repository name, yet a fine ID
            return None
        raise


def _no_image(text: str, reference: Reference | None = None) -> NotFound:
    name = f"{reference.registry}/{reference.repository}" if reference else ""
    if reference is None or reference.digest:
        fix = "sealift images --no-trunc"
    elif name in _BOOTSTRAPPED:
        fix = f"sealift bootstrap {text}"
    else:
        fix = f"make it with `sealift build -t {text} .`, or bring it with `sealift load -i FILE`"
    if os.geteuid():
        fix += "; root's images are in root's store: sudo sealift …"
    return NotFound(f"no such image: {text}", fix=fix)
