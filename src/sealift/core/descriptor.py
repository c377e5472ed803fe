"""Descriptors and the media types Sealift knows (OCI image spec, descriptor.md and media-types.md)."""

from typing import NamedTuple, Self

from sealift.core.digest import Digest
from sealift.core.document import JSON, Node
from sealift.core.errors import Invalid
from sealift.core.platform import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"

LAYER_TYPES = frozenset({OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, DOCKER_LAYER, DOCKER_LAYER_GZIP})


class Descriptor(NamedTuple):
    """What a document says of a blob: its media type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None

    @classmethod
    def from_json(cls, node: Node) -> Self:
        size = node.get("size").integer()
        if size < 0:
            raise Invalid(f"{node.path}.size: {size} is negative")
        where = node.get("platform")
        platform = None
        if where.value is not None:
            platform = Platform(
                where.get("os").text(""), where.get("architecture").text(""), where.get("variant").text("")
            )
        return cls(
            node.get("mediaType").text(""),
            Digest.parse(node.get("digest").text()),
            size,
            tuple(sorted(node.get("annotations").mapping().items())),
            platform,
        )

    def to_json(self) -> dict[str, JSON]:
        result: dict[str, JSON] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            result["annotations"] = dict(self.annotations)
        if self.platform:
            platform: dict[str, JSON] = {
                "os": self.platform.os,
                "architecture": self.platform.architecture,
            }
            if self.platform.variant:
                platform["variant"] = self.platform.variant
            result["platform"] = platform
        return result
