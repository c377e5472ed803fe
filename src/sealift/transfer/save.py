"""save: images as an archive that docker, podman, skopeo, umoci and Sealift load."""

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sealift.archive import Entry, Sink, TarWriter
from sealift.core import document
from sealift.core.descriptor import OCI_CONFIG, OCI_INDEX, Descriptor
from sealift.core.digest import Digest
from sealift.core.document import JSON
from sealift.core.errors import Invalid
from sealift.core.events import Emit, ignore
from sealift.core.manifest import Manifest
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store
from sealift.store.images import MAX_CONFIG_BYTES
from sealift.transfer import docker_archive, oci_layout
from sealift.transfer.compression import MEDIA_TYPES
from sealift.transfer.outgoing import Outgoing, pack, stored
from sealift.transfer.planned import blob_path
from sealift.transfer.work import Work

FORMATS = ("oci", "docker")


class Chosen(NamedTuple):
    """An image to be saved, under these names; none where it was chosen by its ID."""

    record: ImageRecord
    references: tuple[Reference, ...]


class Saving(NamedTuple):
    """What saving works with. `compress` is none, gzip or zstd."""

    store: Store
    format: str = "oci"
    compress: str = "none"
    emit: Emit = ignore


class _Image(NamedTuple):
    """An image as the archive will have it."""

    chosen: Chosen
    config: bytes
    layers: tuple[Outgoing, ...]
    manifest: Manifest


def choose(store: Store, texts: Iterable[str]) -> list[Chosen]:
    """The images that the texts name, each once with all the names asked for. A repository without a tag is
    all its tags, as docker has it.
    """
    found: dict[Digest, Chosen] = {}
    for text in texts:
        for record, references in _matching(store, text):
            known = found.get(record.image_id)
            whole = dict.fromkeys((*known.references, *references) if known else references)
            found[record.image_id] = Chosen(record, tuple(sorted(whole)))
    return list(found.values())


def save(chosen: Sequence[Chosen], sink: Sink, saving: Saving) -> None:
    """Write the archive of these images into `sink`. The same images give the same bytes."""
    if saving.format not in FORMATS:
        raise Invalid(f"unknown archive format {saving.format!r}", fix=f"use one of: {', '.join(FORMATS)}")
    if saving.compress not in MEDIA_TYPES:
        raise Invalid(f"unknown compression {saving.compress!r}", fix="use none, gzip or zstd")
    if (saving.format, saving.compress) == ("docker", "zstd"):
        raise Invalid("docker's archives have no zstd layers", fix="use --format oci or --compress gzip")
    with saving.store.lease(), ExitStack() as stack:
        layers = _layers(chosen, saving, stack)
        images = [_image(one, layers, saving) for one in chosen]
        documents = _oci(images) if saving.format == "oci" else _docker(images)
        _write(TarWriter(sink), documents)
        _write_layers(TarWriter(sink), layers.values(), saving)


def _matching(store: Store, text: str) -> list[tuple[ImageRecord, tuple[Reference, ...]]]:
    """The images a text names, with the names it means."""
    record = store.images.find(text) if _is_exact(text) else None
    if record is None:
        whole = Reference.parse(text)
        tagged = [
            (one, names)
            for one in store.images.all()
            if (
                names := tuple(name for name in map(Reference.parse, one.references) if name[:2] == whole[:2])
            )
        ]
        if tagged:
            return tagged
        record = store.images.find(text)
    try:
        name = Reference.parse(text)
    except Invalid:
        return [(record, ())]
    return [(record, (name,) if str(name) in record.references else ())]


def _is_exact(text: str) -> bool:
    """Whether `text` has a tag or a digest, or is an ID spelled out."""
    return "@" in text or ":" in text.rpartition("/")[2] or text.startswith("sha256:")


def _layers(chosen: Sequence[Chosen], saving: Saving, stack: ExitStack) -> dict[Digest, Outgoing]:
    """Every layer of the images, by diff ID, compressed where that is asked for."""
    diff_ids = list(dict.fromkeys(diff_id for one in chosen for diff_id in one.record.layers))
    if saving.compress == "none":
        return {diff_id: stored(saving.store, diff_id) for diff_id in diff_ids}
    found = {}
    for diff_id in diff_ids:
        found[diff_id] = pack(saving.store, diff_id, saving.compress, saving.emit)
        stack.callback(found[diff_id].close)
    return found


def _image(one: Chosen, layers: dict[Digest, Outgoing], saving: Saving) -> _Image:
    config = saving.store.blobs.read(one.record.image_id, MAX_CONFIG_BYTES)
    used = tuple(layers[diff_id] for diff_id in one.record.layers)
    media_type = MEDIA_TYPES[saving.compress]
    manifest = Manifest(
        Descriptor(OCI_CONFIG, one.record.image_id, len(config)),
        tuple(Descriptor(media_type, layer.digest, layer.size) for layer in used),
    )
    return _Image(one, config, used, manifest)


def _oci(images: Iterable[_Image]) -> dict[str, bytes]:
    """The documents of an OCI layout that is a docker archive as well, as docker 25 writes it."""
    images = list(images)
    documents: dict[str, bytes] = {}
    entries: list[JSON] = []
    for image in images:
        data = image.manifest.encode()
        documents[blob_path(Digest.of(data))] = data
        documents[blob_path(image.manifest.config.digest)] = image.config
        descriptor = Descriptor(
            image.manifest.media_type,
            Digest.of(data),
            len(data),
            platform=image.chosen.record.config.platform,
        )
        entries += [named.to_json() for named in _named(descriptor, image.chosen.references)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    head = {
        oci_layout.MARKER: document.encode({"imageLayoutVersion": "1.0.0"}),
        oci_layout.INDEX: document.encode(index),
        docker_archive.MANIFEST: _manifest_json(images, blob_path, lambda layer: blob_path(layer.digest)),
    }
    return {**head, **dict(sorted(documents.items()))}


def _named(descriptor: Descriptor, references: tuple[Reference, ...]) -> list[Descriptor]:
    """One entry of the index for each name: podman and skopeo read the first annotation, containerd and
    docker the second.
    """
    return [
        descriptor._replace(annotations=((oci_layout.REF_NAME, str(name)), (oci_layout.FULL_NAME, str(name))))
        for name in references
    ] or [descriptor]


def _docker(images: Iterable[_Image]) -> dict[str, bytes]:
    images = list(images)
    configs = {f"{image.manifest.config.digest.hex}.json": image.config for image in images}
    manifest = _manifest_json(
        images, lambda digest: f"{digest.hex}.json", lambda layer: f"{layer.diff_id.hex}.tar"
    )
    return {docker_archive.MANIFEST: manifest, **dict(sorted(configs.items()))}


def _manifest_json(
    images: Iterable[_Image], config_path: Callable[[Digest], str], layer_path: Callable[[Outgoing], str]
) -> bytes:
    return document.encode(
        [
            {
                "Config": config_path(image.manifest.config.digest),
                "RepoTags": [str(name) for name in image.chosen.references if name.tag and not name.digest],
                "Layers": [layer_path(layer) for layer in image.layers],
            }
            for image in images
        ]
    )


def _write(writer: TarWriter, documents: dict[str, bytes]) -> None:
    """Documents come first: whoever reads the archive as a stream then knows at once what each layer is."""
    for name in ("blobs", "blobs/sha256") if oci_layout.INDEX in documents else ():
        writer.add(Entry(name, "dir", 0o755, 0, 0, 0), None)
    for name, data in documents.items():
        writer.add(Entry(name, "file", 0o644, 0, 0, 0, len(data)), io.BytesIO(data))


def _write_layers(writer: TarWriter, layers: Iterable[Outgoing], saving: Saving) -> None:
    written = set()
    for layer in layers:
        path = blob_path(layer.digest) if saving.format == "oci" else f"{layer.diff_id.hex}.tar"
        if path in written:
            continue
        written.add(path)
        key, title = f"{layer.diff_id} out", f"writing layer {layer.diff_id.short}"
        with (
            Work(key, title, layer.size, saving.emit) as work,
            layer.open(work.advance) as data,
        ):
            writer.add(Entry(path, "file", 0o644, 0, 0, 0, layer.size), data)
    writer.finish()
