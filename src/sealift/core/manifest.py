"""Manifests: one platform's config and layers (OCI image spec, manifest.md; docker schema 2 alike)."""

from typing import NamedTuple, Self

from sealift.core import document
from sealift.core.descriptor import DOCKER_MANIFEST, LAYER_TYPES, OCI_MANIFEST, Descriptor
from sealift.core.document import JSON
from sealift.core.errors import Invalid

MAX_MANIFEST_BYTES = 4 << 20


class Manifest(NamedTuple):
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = OCI_MANIFEST
    annotations: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, data: bytes, what: str = "manifest") -> Self:
        """The manifest in exactly these bytes. An index, a schema 1 manifest or an artifact is `Invalid`."""
        if len(data) > MAX_MANIFEST_BYTES:
            raise Invalid(f"{what} is larger than {MAX_MANIFEST_BYTES} bytes")
        root = document.decode(data, what)
        media_type = root.get("mediaType").text(OCI_MANIFEST)
        if root.get("schemaVersion").integer(0) != 2 or media_type not in (OCI_MANIFEST, DOCKER_MANIFEST):
            raise Invalid(f"{what} is not an image manifest (mediaType {media_type[:80]!r})")
        if root.get("manifests").value is not None:  # CVE-2021-41190: one document must not be read as two
            raise Invalid(f"{what} has both the members of a manifest and of an index")
        layers = tuple(Descriptor.from_json(node) for node in root.get("layers").items())
        for layer in layers:
            if layer.media_type not in LAYER_TYPES:
                raise Invalid(f"{what}: unsupported layer media type {layer.media_type[:80]!r}")
        annotations = tuple(sorted(root.get("annotations").mapping().items()))
        return cls(Descriptor.from_json(root.get("config")), layers, media_type, annotations)

    def encode(self) -> bytes:
        value: dict[str, JSON] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return document.encode(value)
