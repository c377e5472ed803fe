"""load: an archive's images into the store."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sealift.archive.compression import decompress
from sealift.core.config import ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound
from sealift.core.events import Emit, Warned, ignore
from sealift.core.manifest import Manifest
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store
from sealift.transfer import docker_archive, intake, oci_layout
from sealift.transfer.contents import DirectoryContents, TarContents
from sealift.transfer.planned import Documents, Layer, Planned
from sealift.transfer.stream_contents import StreamContents
from sealift.transfer.streams import ReadAhead
from sealift.transfer.work import Work

THREADS = 2
CACHED = "cached"
Ready = Callable[[Sequence[Digest]], object]
"""Makes a chain of layers ready to be mounted, which also checks that each is a sound tar."""


class Loaded(NamedTuple):
    """An image that was loaded, and the names the archive gave it."""

    record: ImageRecord
    references: tuple[Reference, ...]


class Loading(NamedTuple):
    """What loading works with. Without a `platform`, images for several give the one for this machine.
    `tags` are given to the archive's only image, in place of its own names.
    """

    store: Store
    ready: Ready
    platform: Platform | None = None
    emit: Emit = ignore
    tags: tuple[Reference, ...] = ()


def load(source: Path | BinaryIO, loading: Loading) -> list[Loaded]:
    """The images of the archive `source`: a file, an OCI layout's directory, or an open file or pipe.

    Content comes first, names last: a failure leaves no name behind, and no content that `system prune` does
    not find. `Invalid` and `Corrupt` name the member of the archive that is wrong.
    """
    with loading.store.lease(), ExitStack() as stack:
        if isinstance(source, Path) and source.is_dir():
            contents = stack.enter_context(closing(DirectoryContents(source)))
            return _load(contents, _from_places(contents, loading), loading)
        file = stack.enter_context(source.open("rb", 0)) if isinstance(source, Path) else source
        if file.seekable() and not _head(file):
            raise Invalid("the archive is empty", fix="save it again")
        if file.seekable() and not intake.is_compressed(_head(file)):
            tar = TarContents(file)
            return _load(tar, _from_places(tar, loading), loading)
        return _from_stream(file, loading, stack)


def _from_stream(file: BinaryIO, loading: Loading, stack: ExitStack) -> list[Loaded]:
    with Work("archive", "reading the archive", 0, loading.emit) as work:
        ahead = stack.enter_context(ReadAhead(decompress(file)))
        contents = stack.enter_context(StreamContents(ahead, loading.store.layers, work.advance))

    def bring(layers: Iterable[Layer]) -> None:
        for layer in layers:
            contents.take(layer)

    return _load(contents, bring, loading)


def _load(documents: Documents, bring: Callable[[Iterable[Layer]], object], loading: Loading) -> list[Loaded]:
    images = plan(documents, loading.platform)
    if loading.tags:
        if len(images) != 1:
            raise Invalid(f"the archive has {len(images)} images: a tag can be given to a single one only")
        images = [images[0]._replace(references=loading.tags, unnamed=())]
    bring({layer.diff_id: layer for image in images for layer in image.layers}.values())
    for image in images:
        if image.layers:
            name = Digest.of(image.config)
            with Work(name, f"making {name.short} ready to run", 0, loading.emit):
                loading.ready([layer.diff_id for layer in image.layers])
    records = [(put(loading.store, image), image) for image in images]
    return [_name(record, image, loading) for record, image in records]


def plan(documents: Documents, platform: Platform | None) -> list[Planned]:
    """The images an archive holds, each once with all its names; all must be for `platform`, where given."""
    found: list[Planned] = []
    if documents.has(oci_layout.INDEX):
        found += oci_layout.images(documents, platform or Platform.of_machine())
    if documents.has(docker_archive.MANIFEST):
        found += docker_archive.images(documents)
    elif not documents.has(oci_layout.INDEX):
        raise Invalid(
            "this is no image archive: it has neither an index.json (OCI) nor a manifest.json (docker)",
            fix="save it again with a current version of the program that made it",
        )
    merged: dict[bytes, Planned] = {}
    for image in found:
        known = merged.get(image.config)
        if known is not None:
            references = tuple(dict.fromkeys(known.references + image.references))
            image = known._replace(references=references)
        merged[image.config] = image
        if platform is not None:
            _check_platform(image, platform)
    _check_names(merged.values())
    return list(merged.values())


def put(store: Store, image: Planned) -> ImageRecord:
    """Keep an image whose layers are in the store, with its config in exactly the bytes it came in."""
    config = ImageConfig.parse(image.config)
    manifest = Manifest(
        Descriptor(OCI_CONFIG, store.blobs.put(image.config), len(image.config)),
        tuple(Descriptor(OCI_LAYER, diff_id, store.layers.size(diff_id)) for diff_id in config.diff_ids),
    )
    return store.images.put(manifest, config)


def _check_platform(image: Planned, platform: Platform) -> None:
    found = ImageConfig.parse(image.config).platform
    if not oci_layout.fits(found, platform):
        raise NotFound(
            f"the archive has no image for {platform}, but one for {found}", fix="load it without --platform"
        )


def _check_names(images: Iterable[Planned]) -> None:
    seen: set[Reference] = set()
    for image in images:
        for reference in image.references:
            if reference in seen:
                raise Invalid(f"the archive gives the name {reference.familiar} to two images")
            seen.add(reference)


def _name(record: ImageRecord, image: Planned, loading: Loading) -> Loaded:
    for reference in image.references:
        record = loading.store.images.point(reference, record)
    if image.unnamed and not image.references:
        loading.emit(
            Warned(
                f"the archive names the image {record.image_id.short} only {image.unnamed[0][:80]!r}, "
                "which is no name of an image",
                fix=f"sealift tag {record.image_id.short} NAME:TAG",
            )
        )
    return Loaded(record, image.references)


def _from_places(
    contents: TarContents | DirectoryContents, loading: Loading
) -> Callable[[Iterable[Layer]], None]:
    """Brings layers in from an archive that can be read at any place, `THREADS` at a time."""

    def bring(layers: Iterable[Layer]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        stop = threading.Event()
        with ThreadPoolExecutor(THREADS, "load") as pool:
            try:
                works = [pool.submit(_place, contents, layer, loading, stop) for layer in layers]
                for work in works:
                    work.result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    return bring


def _place(
    contents: TarContents | DirectoryContents, layer: Layer, loading: Loading, stop: threading.Event
) -> None:
    region = contents.open(layer.path)
    size = region.left
    head = region.read(intake.MAGIC_BYTES)
    total = 0 if intake.is_compressed(head) else size
    with Work(layer.diff_id, f"layer {layer.diff_id.short}", total, loading.emit, stop) as work:
        if loading.store.layers.has(layer.diff_id):
            work.note = CACHED
            return
        with loading.store.layers.writer() as writer:
            found = intake.fill(writer, region, head, intake.other_digest(layer), work.advance)
            intake.check(layer, found)
            intake.commit(writer, layer)


def _head(file: BinaryIO) -> bytes:
    """How the file begins. It stands where it stood."""
    place = file.tell()
    data = file.read(intake.MAGIC_BYTES)
    file.seek(place)
    return data
