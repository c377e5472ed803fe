"""Reading what `docker save` writes (manifest.json), in the forms of docker, podman and skopeo."""

import re

from sealift.core import document
from sealift.core.digest import Digest
from sealift.core.document import Node
from sealift.core.errors import Invalid
from sealift.core.reference import Reference
from sealift.transfer.planned import MAX_IMAGES, Documents, Layer, Planned, diff_ids, verified

MANIFEST = "manifest.json"
_NAMED_BY_DIGEST = re.compile(r"(?:blobs/sha256/([0-9a-f]{64})|([0-9a-f]{64})\.json)", re.ASCII)


def images(documents: Documents) -> list[Planned]:
    """The images that `manifest.json` names."""
    root = document.decode(documents.read(MANIFEST), MANIFEST)
    if isinstance(root.value, dict) and "schemaVersion" in root.value:
        raise Invalid("a `dir:` copy of an image is neither an OCI layout nor a docker archive",
                      fix="skopeo copy dir:DIRECTORY oci:LAYOUT:NAME")  # fmt: skip
    if not isinstance(root.value, list):
        raise root.error("a list of images, as `docker save` writes it")
    items = root.items()
    if len(items) > MAX_IMAGES:
        raise Invalid(f"{MANIFEST} names {len(items)} images: the limit is {MAX_IMAGES}")
    return [_image(documents, item) for item in items]


def _image(documents: Documents, item: Node) -> Planned:
    path = item.get("Config").text()
    config = documents.read(path)
    named = _NAMED_BY_DIGEST.fullmatch(path)
    if named:
        config = verified(config, Digest.parse(f"sha256:{named[1] or named[2]}"), path)
    paths = item.get("Layers").texts()
    layers = zip(paths, diff_ids(config, path, len(paths)), strict=True)
    tags = tuple(Reference.parse(text) for text in item.get("RepoTags").texts())
    for tag in tags:
        if tag.digest or not tag.tag:
            raise Invalid(f"{item.path}.RepoTags: {str(tag)[:200]!r} is not a name with a tag")
    return Planned(config, tuple(Layer(where, diff_id, _digest(where)) for where, diff_id in layers), tags)


def _digest(path: str) -> Digest | None:
    """What a path below `blobs/` says of the bytes there."""
    named = _NAMED_BY_DIGEST.fullmatch(path)
    return Digest.parse(f"sha256:{named[1]}") if named and named[1] else None
