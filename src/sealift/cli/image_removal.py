"""Removing images as docker does: a name, or the image behind it with all its names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sealift.core.errors import Conflict, Invalid
from sealift.core.reference import Reference

if TYPE_CHECKING:
    from sealift.container import Container
    from sealift.store import ImageRecord, Images


class Remover:
    """Removes images of `images` that none of `containers` needs."""

    def __init__(self, images: "Images", containers: "Sequence[Container]") -> None:
        self._images = images
        self._containers = containers

    def remove(self, text: str, *, force: bool) -> list[str]:
        """Remove what `text` names; docker's lines about it. `Conflict` says who still needs it."""
        record = self._images.find(text)
        reference = _reference(text)
        named = reference is not None and str(reference) in record.references
        if reference is not None and named and len(record.references) > 1:
            self._images.unpoint(reference)
            return [f"Untagged: {reference.familiar}"]
        repositories = {Reference.parse(name)[:2] for name in record.references}
        if len(repositories) > 1 and not force:
            raise Conflict(
                f"image {record.image_id.short} has names in several repositories",
                fix=f"sealift rmi -f {record.image_id.short}, or give the one name to remove",
            )
        self._check_containers(record, force=force)
        return self.remove_whole(record)

    def remove_whole(self, record: "ImageRecord") -> list[str]:
        """Remove an image with all its names; docker's lines about it."""
        self._images.remove(record)
        names = [f"Untagged: {Reference.parse(name).familiar}" for name in record.references]
        return [*names, f"Deleted: {record.image_id}"]

    def in_use(self, record: "ImageRecord") -> bool:
        """Whether any container was made from it."""
        return any(container.image_id == record.image_id for container in self._containers)

    def _check_containers(self, record: "ImageRecord", *, force: bool) -> None:
        for container in self._containers:
            if container.image_id != record.image_id:
                continue
            if container.state.running:
                raise Conflict(
                    f"image {record.image_id.short} is used by the running container {container.name}",
                    fix=f"sealift stop {container.name}",
                )
            if not force:
                raise Conflict(
                    f"image {record.image_id.short} is used by the stopped container {container.name}",
                    fix=f"sealift rm {container.name}, or sealift rmi -f {record.image_id.short}",
                )


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except Invalid:
        return None
