"""Which snapshots this host allows: EROFS from files, EROFS over loop devices, or unpacked directories."""

import os
from typing import TYPE_CHECKING

from sealift.core.errors import Denied, Unavailable
from sealift.host import in_user_namespace, probes
from sealift.snapshot.overlays import OverlaySnapshots

if TYPE_CHECKING:
    from sealift.store import Store


def choose(store: "Store") -> OverlaySnapshots:
    """The best that works here. `Unavailable` where no overlay can be mounted in the store's directory,
    `Denied` to users who may not mount at all.
    """
    found = probes.abilities(store.directory("run"))
    if found.overlay_problem and os.geteuid():
        raise Denied("images can be mounted by root alone", fix="sudo sealift …")
    if found.overlay_problem:
        raise Unavailable(
            f"no overlay can be mounted in {store.root}: {found.overlay_problem}",
            fix="sealift doctor, or put the store (--root) on ext4, xfs, btrfs or tmpfs",
        )
    if found.erofs:
        from sealift.snapshot.erofs_mounts import mount_files, mount_loops
        from sealift.snapshot.erofs_snapshots import ErofsSnapshots

        return ErofsSnapshots(store, mount_files if found.erofs == probes.FILES else mount_loops)
    from sealift.snapshot.directory_snapshots import DirectorySnapshots

    return DirectorySnapshots(store, unprivileged=in_user_namespace())
