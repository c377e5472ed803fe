"""The names there are at this moment, for the shell's completion."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sealift import wiring

if TYPE_CHECKING:
    from sealift.core.settings import Settings


def names(kind: str, settings: "Settings") -> Iterable[str]:
    """Names of one of `completion.KINDS`. A store that does not exist yet has none, and is not made."""
    if not settings.root.exists():
        return []
    if kind == "images":
        return _images(settings)
    if kind == "networks":
        return [network.name for network in wiring.networks(settings, wiring.store(settings)).all()]
    containers = wiring.containers(settings)
    if kind == "volumes":
        return [volume.name for volume in containers.volumes.all()]
    return [one.name for one in containers.all() if kind == "containers" or one.state.running]


def _images(settings: "Settings") -> list[str]:
    from sealift.core.reference import Reference

    return [
        Reference.parse(reference).familiar
        for record in wiring.store(settings).images.all()
        for reference in record.references
    ]
