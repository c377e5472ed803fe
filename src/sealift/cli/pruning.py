"""What `image prune` and `system prune` remove."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sealift.cli import filters
from sealift.cli.image_removal import Remover
from sealift.cli.image_rows import created
from sealift.core.errors import Conflict, Denied, NotFound

if TYPE_CHECKING:
    from sealift.container import Container
    from sealift.core.digest import Digest
    from sealift.network import Networks
    from sealift.store import Store

FILTERS = ("label", "label!", "until")


def images(
    store: "Store",
    containers: "Sequence[Container]",
    chosen: filters.Filters,
    now: float,
    *,
    everything: bool,
) -> list[str]:
    """Remove images without a name, with `everything` all that no container was made from; docker's lines."""
    remover = Remover(store.images, containers)
    lines = []
    for record in store.images.all():
        if (record.references and not everything) or remover.in_use(record):
            continue
        labels = record.config.labels if chosen else ()
        if not filters.keeps(labels, int(created(record) * 10**9), chosen, now):
            lines += remover.remove_whole(record)
    return lines


def networks(
    found: "Networks", containers: "Sequence[Container]", chosen: filters.Filters, now: float
) -> list[str]:
    """Remove networks that no container has, running or not; their names."""
    used = {container.network for container in containers}
    removed = []
    for network in found.all():
        if network.name in used or filters.keeps(network.labels, network.created, chosen, now):
            continue
        try:
            removed.append(found.remove(network.name).name)
        except (Conflict, Denied, NotFound):  # in use, the default one, or gone meanwhile
            continue
    return removed


def build_cache(store: "Store", now: float, chosen: filters.Filters, *, everything: bool) -> "list[Digest]":
    """Forget build steps whose layer is in no image, with `everything` all; their keys. The layers stay until
    garbage is collected.
    """
    from sealift.build.steps import Steps

    steps = Steps(store)
    needed = {layer for record in store.images.all() for layer in record.layers}
    removed = []
    for key, made, found in steps.all():
        if not everything and (made.diff_id is None or made.diff_id in needed):
            continue
        if not filters.keeps((), found.st_mtime_ns, chosen, now):
            steps.remove(key)
            removed.append(key)
    return removed
