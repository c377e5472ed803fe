"""How much space everything takes, and how much of it nothing needs."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealift.container import Container, Containers
    from sealift.container.volumes import Volume
    from sealift.core.digest import Digest
    from sealift.store import ImageRecord, Store


class ImageUse(NamedTuple):
    """An image's bytes: those of layers others have too, and those only it has; containers made from it."""

    record: "ImageRecord"
    shared: int
    unique: int
    containers: int


class ContainerUse(NamedTuple):
    """What a container has written, in bytes."""

    container: "Container"
    size: int


class VolumeUse(NamedTuple):
    """A volume, its bytes, and how many containers have it."""

    volume: "Volume"
    size: int
    links: int


class StepUse(NamedTuple):
    """A cached build step, the bytes of its layer, and when it was last of use (seconds since 1970)."""

    key: "Digest"
    size: int
    used: float
    in_use: bool


class Use(NamedTuple):
    """Everything. `images_size` counts each layer once, as does `cache_size`, without the images' layers."""

    images: tuple[ImageUse, ...]
    containers: tuple[ContainerUse, ...]
    volumes: tuple[VolumeUse, ...]
    steps: tuple[StepUse, ...]
    images_size: int
    images_free: int
    cache_size: int


def measure(store: "Store", service: "Containers") -> Use:
    """Look at everything in the store."""
    containers = service.all()
    sizes = {layer: store.layers.size(layer) for layer in store.layers.all()}
    records = store.images.all()
    used = {container.image_id for container in containers}
    of_images = {layer for record in records for layer in record.layers}
    of_used = {layer for record in records if record.image_id in used for layer in record.layers}
    steps, of_steps = _steps(store, sizes, of_images)
    return Use(
        tuple(_image(record, records, sizes, containers) for record in records),
        tuple(ContainerUse(one, service.sizes(one.id)[0]) for one in containers),
        tuple(
            VolumeUse(one, service.volumes.size(one.name), len(service.volumes.users(one.name)))
            for one in service.volumes.all()
        ),
        steps,
        sum(sizes.get(layer, 0) for layer in of_images),
        sum(sizes.get(layer, 0) for layer in of_images - of_used - of_steps),
        sum(sizes.get(layer, 0) for layer in of_steps - of_images),
    )


def _image(
    record: "ImageRecord",
    records: "Sequence[ImageRecord]",
    sizes: "dict[Digest, int]",
    containers: "Sequence[Container]",
) -> ImageUse:
    others = {layer for one in records if one.image_id != record.image_id for layer in one.layers}
    unique = sum(sizes.get(layer, 0) for layer in set(record.layers) - others)
    count = sum(container.image_id == record.image_id for container in containers)
    return ImageUse(record, record.size - unique, unique, count)


def _steps(
    store: "Store", sizes: "dict[Digest, int]", of_images: "set[Digest]"
) -> "tuple[tuple[StepUse, ...], set[Digest]]":
    from sealift.build.steps import Steps

    found, layers = [], set()
    for key, made, status in Steps(store).all():
        size = 0
        if made.diff_id is not None:
            layers.add(made.diff_id)
            size = sizes.get(made.diff_id, 0)
        found.append(StepUse(key, size, status.st_mtime, made.diff_id in of_images))
    return tuple(found), layers
