"""Reading OCI image layouts (OCI image spec, image-layout.md), as skopeo, podman, buildah, umoci, docker 25
and BuildKit write them.
"""

from collections.abc import Iterator

from sealift.core import document
from sealift.core.descriptor import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from sealift.core.document import Node
from sealift.core.errors import Invalid, NotFound
from sealift.core.manifest import Manifest
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.transfer.planned import MAX_IMAGES, Documents, Layer, Planned, blob_path, diff_ids, verified

INDEX = "index.json"
MARKER = "oci-layout"
REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
MAX_DEPTH = 4


def images(documents: Documents, platform: Platform) -> list[Planned]:
    """The images that `index.json` names. Where one name stands for several platforms, only `platform`."""
    _check_version(documents)
    entries = _entries(document.decode(documents.read(INDEX), INDEX))
    groups: dict[str, list[Descriptor]] = {}
    for place, entry in enumerate(entries):
        annotations = dict(entry.annotations)
        key = annotations.get(FULL_NAME) or annotations.get(REF_NAME) or f"\0{place}"
        groups.setdefault(key, []).append(entry)
    found: dict[str, Planned] = {}
    for key, group in groups.items():
        descriptor = _chosen(group, platform, INDEX)
        references, unnamed = names(key) if key[0] != "\0" else ((), ())
        planned = _image(documents, descriptor, platform)
        known = found.get(descriptor.digest)
        if known:
            references, unnamed = known.references + references, known.unnamed + unnamed
        found[descriptor.digest] = planned._replace(references=references, unnamed=unnamed)
    return list(found.values())


def names(text: str) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """What a reference annotation says: a reference, or a mere tag, which names nothing by itself."""
    if ":" not in text and "/" not in text:
        return (), (text,)
    return (Reference.parse(text),), ()


def _check_version(documents: Documents) -> None:
    version = document.decode(documents.read(MARKER), MARKER).get("imageLayoutVersion").text("")
    if not version.startswith("1."):
        raise Invalid(f"OCI image layout version {version[:20]!r} is not supported")


def _entries(index: Node) -> list[Descriptor]:
    """The descriptors of an index that can be images; attestations are none."""
    if index.get("config").value is not None or index.get("layers").value is not None:
        raise Invalid(f"{index.path} has both the members of a manifest and of an index")
    nodes = index.get("manifests").items()
    if len(nodes) > MAX_IMAGES:
        raise Invalid(f"{index.path} names {len(nodes)} images: the limit is {MAX_IMAGES}")
    found = [Descriptor.from_json(node) for node in nodes]
    known = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX, "")
    return [
        entry
        for entry in found
        if entry.media_type in known
        and "vnd.docker.reference.type" not in dict(entry.annotations)
        and (entry.platform is None or entry.platform.os != "unknown")
    ]


def _chosen(entries: list[Descriptor], platform: Platform, what: str) -> Descriptor:
    """The entry for this platform; a single one without a platform is taken as it is."""
    if len(entries) == 1 and (entries[0].platform is None or what == INDEX):
        return entries[0]
    fitting = [entry for entry in entries if entry.platform and fits(entry.platform, platform)]
    if not fitting:
        there = ", ".join(str(entry.platform) for entry in entries if entry.platform) or "none"
        raise NotFound(
            f"{what} has no image for {platform}; it has: {there}", fix="sealift load --platform OS/ARCH …"
        )
    return fitting[0]


def fits(found: Platform, wanted: Platform) -> bool:
    """Whether an image for `found` is one for `wanted`."""
    normal = Platform.parse(str(found)) if found.os and found.architecture else found
    return normal[:2] == wanted[:2] and (not wanted.variant or normal.variant in ("", wanted.variant))


def _image(documents: Documents, descriptor: Descriptor, platform: Platform, depth: int = 0) -> Planned:
    """The image behind a descriptor; through an index, the one for `platform`."""
    if depth > MAX_DEPTH:
        raise Invalid(f"indexes are nested more than {MAX_DEPTH} deep")
    path = blob_path(descriptor.digest)
    data = verified(documents.read(path), descriptor.digest, path)
    root = document.decode(data, path)
    stated = root.get("mediaType").text(descriptor.media_type)
    if descriptor.media_type and stated != descriptor.media_type:
        raise Invalid(f"{path} says it is {stated[:80]!r}, its descriptor {descriptor.media_type!r}")
    if stated in (OCI_INDEX, DOCKER_INDEX) or (not stated and root.get("manifests").value is not None):
        return _image(documents, _chosen(_entries(root), platform, path), platform, depth + 1)
    manifest = Manifest.parse(data, path)
    if manifest.config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        raise Invalid(f"{path} is no container image (its config is {manifest.config.media_type[:80]!r})")
    where = blob_path(manifest.config.digest)
    config = verified(documents.read(where), manifest.config.digest, where)
    return Planned(config, tuple(_layers(manifest, config, where)), ())


def _layers(manifest: Manifest, config: bytes, what: str) -> Iterator[Layer]:
    for layer, diff_id in zip(manifest.layers, diff_ids(config, what, len(manifest.layers)), strict=True):
        yield Layer(blob_path(layer.digest), diff_id, layer.digest)
