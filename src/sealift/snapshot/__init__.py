"""Snapshots: the trees that layers make, mounted to be read or to be written on top of."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sealift.snapshot.choose import choose

if TYPE_CHECKING:
    from sealift.archive import Sink
    from sealift.core.digest import Digest
    from sealift.snapshot.directory_snapshots import DirectorySnapshots
    from sealift.snapshot.erofs_snapshots import ErofsSnapshots

__all__ = ["DirectorySnapshots", "ErofsSnapshots", "Snapshots", "choose"]


class Snapshots(Protocol):
    """Trees by their layers, lowest first; none at all make an empty tree.

    A caller's `directory` is on the store's file system. What a killed process leaves mounted goes with
    `remove` of its directory, or `collect`.
    """

    def ready(self, layers: Sequence["Digest"]) -> None:
        """Make what it takes to mount the layers. `NotFound` where one is missing, `Invalid` or `Corrupt`
        where one is no acceptable tar.
        """
        ...

    def view(self, layers: Sequence["Digest"]) -> AbstractContextManager[Path]:
        """The tree, to be read until the end of the block."""
        ...

    def prepare(self, layers: Sequence["Digest"], directory: Path, *, lasting: bool = True) -> Path:
        """Mount the tree at `directory`/rootfs, with what is changed in `directory`/upper; where it is.

        What is not `lasting` need not outlive a power cut, and is unmounted without waiting for the disk.
        """
        ...

    def mount(self, layers: Sequence["Digest"], directory: Path, *, lasting: bool = True) -> Path:
        """`prepare` again, after a release or a reboot: with what was changed before."""
        ...

    def release(self, directory: Path) -> None:
        """Unmount. What was changed stays."""
        ...

    def remove(self, directory: Path) -> None:
        """Unmount, and remove what was changed. Nothing happens where nothing is."""
        ...

    def commit(self, layers: Sequence["Digest"], directory: Path, writer: "Sink", epoch: int) -> bool:
        """Write what was changed as a layer; False, and nothing written, where nothing was.

        Times are at most `epoch`, in unix seconds. Nothing may write into the tree meanwhile.
        """
        ...

    def sizes(self, directory: Path) -> int:
        """The bytes of the files that were changed or added."""
        ...

    def collect(self, used: Iterable["Digest"]) -> int:
        """Remove what was made for layers other than these, and mounts that nobody needs; the bytes freed."""
        ...


def __getattr__(name: str) -> Any:
    """The kinds, loaded when they are named: a command needs one of them."""
    if name == "DirectorySnapshots":
        from sealift.snapshot.directory_snapshots import DirectorySnapshots

        return DirectorySnapshots
    if name == "ErofsSnapshots":
        from sealift.snapshot.erofs_snapshots import ErofsSnapshots

        return ErofsSnapshots
    raise AttributeError(name)
