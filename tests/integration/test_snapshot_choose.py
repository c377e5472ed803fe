"""Which snapshots are chosen, from what was found out about the host."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sealift.core.errors import Unavailable
from sealift.host import probes
from sealift.snapshot import DirectorySnapshots, ErofsSnapshots, choose
from sealift.snapshot.erofs_mounts import mount_files, mount_loops
from sealift.store import Store

pytestmark = pytest.mark.root


def remembered(store: Store, erofs: str, overlay_problem: str = "") -> Store:
    """The store, with another answer in place of what the probes found."""
    directory = store.directory("run")
    probes.abilities(directory)
    key, *_ = json.loads((directory / probes.CACHE).read_text())
    (directory / probes.CACHE).write_text(json.dumps([key, erofs, "", overlay_problem]))
    return store


@pytest.mark.parametrize(("erofs", "mount"), [("files", mount_files), ("loops", mount_loops)])
def test_erofs_is_mounted_as_the_host_can(store: Store, erofs: str, mount: object) -> None:
    chosen = choose(remembered(store, erofs))
    assert isinstance(chosen, ErofsSnapshots)
    assert chosen.mount_index is mount


def test_layers_are_unpacked_where_erofs_cannot_be_mounted(store: Store) -> None:
    chosen = choose(remembered(store, ""))
    assert isinstance(chosen, DirectorySnapshots)
    assert not chosen.unprivileged


def test_without_overlays_the_way_out_is_named(store: Store) -> None:
    with pytest.raises(Unavailable, match=r"no overlay can be mounted.*too bad") as raised:
        choose(remembered(store, "files", "too bad"))
    assert "--root" in raised.value.fix


def test_a_store_on_memory_alone_works(tmp_path: Path) -> None:
    """File systems differ in what they let EROFS do: here, loop devices are found to be needed, or not."""
    subprocess.run(["mount", "-t", "tmpfs", "none", str(tmp_path)], check=True)
    try:
        store = Store.open(tmp_path / "store")
        snapshots = choose(store)
        rootfs = snapshots.prepare([], tmp_path / "box")
        (rootfs / "file").touch()
        snapshots.remove(tmp_path / "box")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_user_who_may_not_mount_is_told() -> None:
    code = """
# All at once, as the interpreter and the sources may lie where the user cannot read.
import base64, os, sys, zlib
from pathlib import Path
from sealift.core.errors import Denied
from sealift.host import doctor, files, loop, mounts, probes
from sealift.snapshot import choose
from sealift.store import Store
root = Path(sys.argv[1])
os.chown(root, 12345, 12345)
os.setgid(12345)
os.setuid(12345)
try:
    choose(Store.open(root / "own"))
except Denied as error:
    print(error.message)
"""
    with tempfile.TemporaryDirectory() as directory:  # pytest's own directories are closed to others
        command = [sys.executable, "-c", code, directory]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "images can be mounted by root alone\n", done.stderr
