"""The store: one directory that holds all state, private to its owner."""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sealift.core.digest import Digest
from sealift.core.errors import Denied, Invalid
from sealift.store.atomic import write_json
from sealift.store.blobs import Blobs
from sealift.store.images import Images
from sealift.store.layers import Layers
from sealift.store.locks import locked

if TYPE_CHECKING:
    from sealift.store.check import Finding

VERSION = 1
LAYOUT = "layout.json"
_DIRECTORIES = ("blobs/sha256", "layers/sha256", "images", "names", "locks", "tmp")
_KNOWN = frozenset(
    ("blobs", "layers", "indexes", "trees", "images", "names", "locks", "containers", "networks", "volumes",
     "build", "tmp", "run", "index.sqlite", "index.sqlite-journal", "lost+found")
)  # fmt: skip


class Store:
    """Content, names and metadata below `root`. Cheap to open; safe to use from threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self.blobs = Blobs(root / "blobs/sha256", self.tmp)
        self.layers = Layers(root / "layers/sha256", self.tmp)
        self.images = Images(root, self.blobs, self.layers)

    @classmethod
    def open(cls, root: Path) -> Self:
        """The store at `root`, made if nothing is there. `Denied` if it is another's, `Invalid` if it is no
        store.
        """
        try:
            version = _version(root)
            if version is None:
                _make(root)
        except PermissionError as error:
            raise Denied(
                f"no permission for the store {root}: {error.strerror}",
                fix="run as its owner, or choose another with --root or SEALIFT_ROOT",
            ) from error
        except (FileExistsError, NotADirectoryError) as error:
            raise Invalid(f"the store {root} is not a directory") from error
        return cls(root)

    def directory(self, name: str) -> Path:
        """The directory `name` of the store, made if it is missing."""
        path = self.root / name
        if not path.is_dir():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def lock(self, name: str, shared: bool = False) -> AbstractContextManager[None]:
        """Hold the store's lock `name`: alone, or together with others that share it. It does not nest."""
        return locked(self.root / "locks", name, shared=shared)

    @contextmanager
    def lease(self) -> Iterator[None]:
        """While this is held, no content that has no name yet is collected. Many may hold it at once."""
        with self.lock("content", shared=True):
            yield

    def collect(self, kept: Iterable[Digest], *, wait: bool = True) -> int:
        """Remove all content but that of images and `kept` (layers and blobs); how many bytes that frees.

        It waits until nobody holds a lease, or raises `Conflict` if `wait` is off. `kept` is read after
        that, when nothing can be added any more: give an iterator that looks then. Nothing is written, so
        a full disk does not matter.
        """
        from sealift.store import collect

        return collect.collect(self, kept, wait=wait)

    def check(self, repair: bool = False) -> "list[Finding]":
        """What in the store is not what it claims to be: every byte of content is read.

        With `repair` damaged content is removed, records are made again from what is good, and images that
        cannot be whole any more are removed. It waits for builds and loads to end.
        """
        from sealift.store import check

        return check.check(self, repair=repair)


def _version(root: Path) -> int | None:
    """The version of the layout, checked; None where there is no store yet."""
    try:
        data = (root / LAYOUT).read_bytes()
    except FileNotFoundError:
        return None
    try:
        version = json.loads(data)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Invalid(f"{root / LAYOUT} is damaged", fix=f'write {{"version":{VERSION}}} into it') from None
    if version != VERSION:
        raise Invalid(
            f"the store {root} has the layout {version!r}, this program knows {VERSION}",
            fix="use the sealift that made it, or another directory with --root",
        )
    return VERSION


def _make(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.stat()
    if found.st_uid != os.geteuid():
        raise Denied(
            f"the directory {root} belongs to another user", fix="choose another with --root or SEALIFT_ROOT"
        )
    strangers = sorted(path.name for path in root.iterdir() if not _is_ours(path.name))
    if strangers:
        raise Invalid(
            f"{root} is not a store: it holds {strangers[0]!r}", fix="choose an empty directory with --root"
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        root.chmod(0o700)
    for name in _DIRECTORIES:
        path = root
        for part in name.split("/"):
            path = path / part
            path.mkdir(mode=0o700, exist_ok=True)
    write_json(root / LAYOUT, {"version": VERSION})


def _is_ours(name: str) -> bool:
    return name in _KNOWN or name == LAYOUT or name.startswith(".tmp-")
