"""Named volumes: directories that outlive the containers which use them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealift.container.values import Pruned
    from sealift.core.document import JSON


class Volume(NamedTuple):
    """A volume. `created` is ns since 1970; `anonymous` where nobody gave it a name."""

    name: str
    path: Path
    created: int
    labels: tuple[tuple[str, str], ...] = ()
    anonymous: bool = False


class Volumes:
    """The volumes of one store."""

    def create(self, name: str = "", labels: tuple[tuple[str, str], ...] = ()) -> Volume:
        """Make a volume, or give the one that has the name already. An empty name: an anonymous one."""
        raise NotImplementedError

    def find(self, name: str) -> Volume:
        """`NotFound` where there is none."""
        raise NotImplementedError

    def all(self) -> list[Volume]:
        """Every volume, by name."""
        raise NotImplementedError

    def users(self, name: str) -> list[str]:
        """The IDs of containers that have it, running or not."""
        raise NotImplementedError

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove it with its content. `Conflict` while a container has it; `force` forgives a missing one."""
        raise NotImplementedError

    def prune(self, *, everything: bool = False, keep: Callable[[Volume], bool] | None = None) -> Pruned:
        """Remove unused anonymous volumes; named ones too where `everything`."""
        raise NotImplementedError

    def size(self, name: str) -> int:
        """Bytes its files take."""
        raise NotImplementedError

    def inspect(self, name: str) -> dict[str, JSON]:
        """In the shape of docker's `GET /volumes/{name}`."""
        raise NotImplementedError
