"""What must stay when garbage is collected, beside the images: containers' layers and the build cache."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from sealift.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from sealift.core.digest import Digest
    from sealift.snapshot import Snapshots
    from sealift.store import Store


def kept(store: "Store") -> "Iterator[Digest]":
    """The layers that containers were made from, and those of cached build steps."""
    from sealift.build.steps import kept_layers
    from sealift.container.registry import Registry

    registry = Registry(store)
    for container in registry.ids():
        with suppress(NotFound):  # removed meanwhile
            yield from registry.read(container).layers
    yield from kept_layers(store)


def collect(store: "Store", snapshots: "Snapshots") -> int:
    """Remove all that nothing needs, and indexes of it; the bytes freed. `Conflict` while a build, load or
    bootstrap runs.
    """
    freed = store.collect(kept(store), wait=False)
    return freed + snapshots.collect(store.layers.all())


def collect_unless_busy(store: "Store", snapshots: "Snapshots") -> int:
    """`collect`, or nothing while something runs that may need it: the next removal collects it then."""
    with suppress(Conflict):
        return collect(store, snapshots)
    return 0
