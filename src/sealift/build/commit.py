"""Finished vertices -> an image in the store, with its names."""

from collections.abc import Mapping, Sequence

from sealift.build.plan import Plan
from sealift.build.work import Layered, Result
from sealift.core.config import History, ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import NotFound
from sealift.core.events import Emit, Finished, Started
from sealift.core.manifest import Manifest
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store

KEY = "image"


def commit(
    store: Store, plan: Plan, results: Mapping[Digest, Result], tags: Sequence[Reference], emit: Emit
) -> ImageRecord:
    """Put the image and let `tags` name it. An image that is there already is not written again."""
    config = _config(plan, results)
    encoded = config.encode()
    image_id = Digest.of(encoded)
    named = ", ".join(tag.familiar for tag in tags)
    emit(Started(KEY, f"image {image_id.short}" + (f" as {named}" if named else "")))
    record = _known(store, image_id) or store.images.put(_manifest(store, config, encoded), config)
    for tag in tags:
        if str(tag) not in record.references:
            record = store.images.point(tag, record)
    emit(Finished(KEY))
    return record


def _config(plan: Plan, results: Mapping[Digest, Result]) -> ImageConfig:
    history = tuple(_entry(step.entry, step.step, results) for step in plan.history)
    return plan.config._replace(diff_ids=_layered(results, plan.target).layers, history=history)


def _entry(entry: History, step: Digest | None, results: Mapping[Digest, Result]) -> History:
    """A step that changed nothing has no layer, whatever its instruction."""
    if step is None:
        return entry
    return entry._replace(empty_layer=_layered(results, step).made.diff_id is None)


def _layered(results: Mapping[Digest, Result], key: Digest) -> Layered:
    found = results[key]
    if not isinstance(found, Layered):
        raise TypeError(f"vertex {key} has no layers")
    return found


def _known(store: Store, image_id: Digest) -> ImageRecord | None:
    try:
        return store.images.find(image_id)
    except NotFound:
        return None


def _manifest(store: Store, config: ImageConfig, encoded: bytes) -> Manifest:
    layers = tuple(Descriptor(OCI_LAYER, diff_id, store.layers.size(diff_id)) for diff_id in config.diff_ids)
    return Manifest(Descriptor(OCI_CONFIG, Digest.of(encoded), len(encoded)), layers)
