"""COPY and ADD: where the selected files go, in exactly docker's way.

The rules are BuildKit's (`solver/llbsolver/file/backend.go`) and those of fsutil's `copy` that it calls.
"""

import os
import stat
from collections.abc import Callable, Sequence
from typing import BinaryIO

from sealift.archive import holes
from sealift.build import owner
from sealift.build.graph import Copy, InlineFile
from sealift.build.items import Inline, Item, Target, TreeFile
from sealift.build.selecting import Selected
from sealift.build.sources import Source
from sealift.core.errors import Invalid

Unpack = Callable[[BinaryIO, Target, str], bool]
"""What ADD does with a file: unpack it below the path and say True, or say False when it is no archive."""


class Copier:
    """One COPY or ADD on its way into `target`."""

    def __init__(self, operation: Copy, target: Target) -> None:
        self._operation = operation
        self._target = target
        self._holes = 0
        self._several = len(operation.sources) + len(operation.files) > 1

    def place_inline(self) -> None:
        """Place the files that stand in the Dockerfile."""
        for file in self._operation.files:
            self._place_inline(file)

    def place(self, selection: Sequence[Selected], source: Source, unpack: Unpack | None) -> None:
        """Place what was selected of `source`. `unpack` is None for COPY: an archive is copied as it is."""
        top = ""
        for selected in selection:
            if selected.relative:
                self._put(selected, f"{top}/{selected.relative}".strip("/"), source)
            else:
                top = self._place_top(selected, source, unpack)

    def _place_top(self, selected: Selected, source: Source, unpack: Unpack | None) -> str:
        """Place what a source word itself means; the path it got. A directory gives its contents, not
        itself.
        """
        destination = self._target.resolve(self._operation.destination)
        if selected.kind == "file" and unpack is not None:
            with source.open(selected.path) as file:
                if unpack(file, self._target, destination):
                    return destination
        if self._operation.destination.endswith("/") or selected.kind == "dir":
            self._target.make_directories(destination)
        if selected.kind == "dir":
            return destination
        destination = self._file_path(destination, selected.name, several=selected.several or self._several)
        self._put(selected, destination, source)
        return destination

    def _file_path(self, destination: str, name: str, *, several: bool) -> str:
        """Where a file goes: into the destination if that is a directory, else the destination is its new
        name.
        """
        existing = self._target.find(destination)
        if existing is not None and existing.kind == "dir":
            return f"{destination}/{name.rpartition('/')[2]}".strip("/")
        if several:
            raise Invalid(
                f"there are several files to copy, but {self._operation.destination} is not a directory",
                fix="end the destination with a slash",
            )
        self._target.make_directories(destination.rpartition("/")[0])
        return destination

    def _put(self, selected: Selected, destination: str, source: Source) -> None:
        kind, info = selected.kind, selected.info
        if kind in ("socket", "unknown"):
            return
        self._check_replacing(destination, kind, selected.path)
        kept = source.attributes(selected.path, info, self._target.epoch)
        uid, gid = self._target.owner if self._operation.chown else (kept.uid, kept.gid)
        device = kind in ("char", "block")
        content = None
        if kind == "file":
            if info.st_size >= holes.WORTH_ASKING:
                with source.open(selected.path) as file:
                    self._holes = holes.added(file.fileno(), info.st_size, self._holes, selected.path)
            content = TreeFile(source.open, selected.path, info.st_size, selected.signature)
        item = Item(
            kind, self._mode(info.st_mode), uid, gid, kept.mtime, selected.target, kept.xattrs,
            os.major(info.st_rdev) if device else 0, os.minor(info.st_rdev) if device else 0,
            content, kept.identity,
        )  # fmt: skip
        self._target.put(destination, item)

    def _check_replacing(self, destination: str, kind: str, path: str) -> None:
        existing = self._target.find(destination)
        if existing is None or (existing.kind == "dir") == (kind == "dir"):
            return
        if kind == "dir":
            raise Invalid(f"cannot copy to non-directory: /{destination}")
        raise Invalid(f"cannot replace the directory /{destination} with the file {path}")

    def _place_inline(self, file: InlineFile) -> None:
        destination = self._target.resolve(self._operation.destination)
        if self._operation.destination.endswith("/"):
            self._target.make_directories(destination)
        path = self._file_path(destination, file.name, several=self._several)
        self._check_replacing(path, "file", file.name)
        content = Inline(file.data.encode("utf-8", "surrogateescape"))
        mode = self._mode(stat.S_IFREG | 0o644)
        self._target.put(path, Item("file", mode, *self._target.owner, self._target.epoch, content=content))

    def _mode(self, mode: int) -> int:
        if stat.S_ISLNK(mode):
            return 0o777
        bits = stat.S_IMODE(mode)
        if not self._operation.chmod:
            return bits
        return owner.change_mode(self._operation.chmod, bits, directory=stat.S_ISDIR(mode))
