"""Named volumes: directories that outlive the containers which use them.

`ROOT/volumes/NAME/{volume.json,_data,copying}`. `copying` is there while the image's content is being copied
into a new volume: if it is still there when nobody holds the volume's lock, the copying begins anew.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealift.container import parsing
from sealift.container.values import Pruned
from sealift.core.errors import Conflict, NotFound
from sealift.host.files import remove_tree, tree_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealift.container.registry import Registry
    from sealift.core.document import JSON
    from sealift.store import Store

_FILE, _DATA, _COPYING = "volume.json", "_data", "copying"
_NEW, _GONE = ".new-", ".gone-"


class Volume(NamedTuple):
    """A volume. `created` is ns since 1970; `anonymous` where nobody gave it a name."""

    name: str
    path: Path
    created: int
    labels: tuple[tuple[str, str], ...] = ()
    anonymous: bool = False


class Volumes:
    """The volumes of one store."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._root = store.root / "volumes"

    def create(self, name: str = "", labels: tuple[tuple[str, str], ...] = ()) -> Volume:
        """Make a volume, or give the one that has the name already. An empty name: an anonymous one."""
        if name:
            parsing.check_volume_name(name)
        return self.ensure(name or os.urandom(32).hex(), labels, anonymous=not name)

    def ensure(
        self, name: str, labels: tuple[tuple[str, str], ...] = (), *, anonymous: bool = False
    ) -> Volume:
        """The volume of this name, made if it is missing."""
        with suppress(NotFound):
            return self.find(name)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = self._root / f"{_NEW}{os.urandom(6).hex()}"
        (making / _DATA).mkdir(mode=0o755, parents=True)
        making.chmod(0o700)
        from sealift.store.atomic import sync_directory, write_json

        value = {"created": time.time_ns(), "labels": dict(labels), "anonymous": anonymous}
        write_json(making / _FILE, value)
        with self._store.lock("volumes"):
            if (self._root / name / _FILE).exists():
                remove_tree(making)
            else:
                making.rename(self._root / name)
                sync_directory(self._root)
        return self.find(name)

    def find(self, name: str) -> Volume:
        """`NotFound` where there is none."""
        if parsing.VOLUME_NAME.fullmatch(name):
            path = self._root / name
            with suppress(FileNotFoundError, NotADirectoryError):
                data = (path / _FILE).read_bytes()
                return _parse(name, path, data)
        raise NotFound(f"no such volume: {name[:128]}", fix="sealift volume ls")

    def all(self) -> list[Volume]:
        """Every volume, by name."""
        if not self._root.is_dir():
            return []
        found = []
        for path in sorted(self._root.iterdir()):
            if not path.name.startswith("."):
                with suppress(NotFound):
                    found.append(self.find(path.name))
        return found

    def users(self, name: str) -> list[str]:
        """The IDs of containers that have it, running or not."""
        return self._users().get(name, [])

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove it with its content. `Conflict` while a container has it; `force` forgives a missing one."""
        try:
            volume = self.find(name)
        except NotFound:
            if force:
                return
            raise
        with self._store.lock("volumes"):
            users = self.users(name)
            if users:
                raise Conflict(
                    f"volume {name} is in use by container {', '.join(user[:12] for user in users[:5])}",
                    fix=f"sealift rm {users[0][:12]}",
                )
            gone = self._root / f"{_GONE}{os.urandom(6).hex()}"
            volume.path.parent.rename(gone)
        remove_tree(gone)

    def prune(self, *, everything: bool = False, keep: Callable[[Volume], bool] | None = None) -> Pruned:
        """Remove unused anonymous volumes; named ones too where `everything`."""
        self._sweep()
        used = self._users()
        removed, freed = [], 0
        for volume in self.all():
            if volume.name in used or not (everything or volume.anonymous) or (keep and keep(volume)):
                continue
            size = self.size(volume.name)
            with suppress(NotFound, Conflict):
                self.remove(volume.name)
                removed.append(volume.name)
                freed += size
        return Pruned(tuple(removed), freed)

    def size(self, name: str) -> int:
        """Bytes its files have."""
        return tree_size(self.find(name).path)

    def inspect(self, name: str) -> dict[str, JSON]:
        """In the shape of docker's `GET /volumes/{name}`."""
        from sealift.container.times import rfc3339

        volume = self.find(name)
        labels: dict[str, JSON] = dict(volume.labels)
        if volume.anonymous:
            labels["com.docker.volume.anonymous"] = ""
        return {
            "CreatedAt": rfc3339(volume.created, digits=0),
            "Driver": "local",
            "Labels": labels or None,
            "Mountpoint": str(volume.path),
            "Name": volume.name,
            "Options": None,
            "Scope": "local",
        }

    def fill(self, name: str, rootfs: Path | None, target: str) -> Path:
        """The volume's directory; where empty, with a copy of what the tree `rootfs` has at `target`."""
        volume = self.find(name)
        mark = volume.path.parent / _COPYING
        if not mark.exists() and any(volume.path.iterdir()):
            return volume.path
        from sealift.container import copyup

        with self._store.lock(f"volume-{name.lower()}"):
            if mark.exists():
                copyup.empty(volume.path)
            if rootfs is not None and not any(volume.path.iterdir()):
                mark.touch()
                copyup.copy(rootfs, target, volume.path)
            mark.unlink(missing_ok=True)
        return volume.path

    def _users(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for container in self._registry.ids():
            with suppress(NotFound):
                for mount in self._registry.read(container).mounts:
                    if mount.kind == "volume":
                        found.setdefault(mount.name, []).append(container)
        return found

    def _sweep(self) -> None:
        """Remove what a killed command left half-made or half-removed."""
        if not self._root.is_dir():
            return
        with self._store.lock("volumes"):
            for path in self._root.iterdir():
                if path.name.startswith((_NEW, _GONE)) and time.time() - path.stat().st_mtime > 60:
                    remove_tree(path)


def _parse(name: str, path: Path, data: bytes) -> Volume:
    """The volume in `path`. Where its file is damaged, one without labels: what is in it is what counts."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        value = json.loads(data)
        labels = tuple((str(key), str(text)) for key, text in value["labels"].items())
        return Volume(name, path / _DATA, int(value["created"]), labels, bool(value["anonymous"]))
    return Volume(name, path / _DATA, (path / _FILE).stat().st_mtime_ns)
