"""Layers, blobs, locks and the store's own directory."""

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Denied, Invalid, NotFound
from sealift.store import Store
from sealift.store.atomic import write_file, write_json
from sealift.store.incoming import Incoming
from sealift.store.locks import Busy, locked


def _put(store: Store, data: bytes) -> Digest:
    with store.layers.writer() as writer:
        writer.write(data)
        return writer.commit()


def _files(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 20, (1 << 20) + 1, 9 << 20])
def test_layer_is_kept_under_the_digest_of_its_bytes(store: Store, size: int) -> None:
    data = os.urandom(size)
    with store.layers.writer() as writer:
        for start in range(0, size, 300_000):
            assert writer.write(data[start : start + 300_000]) == len(data[start : start + 300_000])
        diff_id = writer.commit(Digest.of(data))
    assert diff_id == Digest.of(data)
    assert store.layers.has(diff_id)
    assert store.layers.size(diff_id) == size
    assert store.layers.path(diff_id).read_bytes() == data
    assert list(store.layers.all()) == [diff_id]


def test_layer_that_is_not_the_expected_one_is_corrupt_and_not_kept(store: Store) -> None:
    before = _files(store.root)
    with pytest.raises(Corrupt, match="expected"), store.layers.writer() as writer:
        writer.write(b"data")
        writer.commit(Digest.of(b"other"))
    assert _files(store.root) == before


def test_layer_without_commit_leaves_nothing_and_no_thread(store: Store) -> None:
    before = _files(store.root)
    with pytest.raises(RuntimeError), store.layers.writer() as writer:
        for _ in range(5):
            writer.write(bytes(1 << 20))
        raise RuntimeError
    assert _files(store.root) == before
    assert [thread for thread in threading.enumerate() if thread.name == "hash"] == []
    assert list(store.tmp.iterdir()) == []


def test_same_layer_twice_is_one_file_and_a_short_one_is_mended(store: Store) -> None:
    diff_id = _put(store, b"content")
    inode = store.layers.path(diff_id).stat().st_ino
    assert _put(store, b"content") == diff_id
    assert store.layers.path(diff_id).stat().st_ino == inode
    store.layers.path(diff_id).write_bytes(b"con")
    assert _put(store, b"content") == diff_id
    assert store.layers.path(diff_id).read_bytes() == b"content"


def test_layer_goes_with_its_sidecars(store: Store) -> None:
    kept, gone = _put(store, b"kept"), _put(store, b"gone")
    for diff_id in (kept, gone):
        store.layers.sidecar(diff_id, "headers").write_bytes(b"derived")
    assert store.layers.remove(gone) > 0
    assert store.layers.remove(gone) == 0
    assert {name.partition(".")[0].rpartition("/")[2] for name in _files(store.root / "layers")} == {kept.hex}
    with pytest.raises(NotFound, match="missing from the store"):
        store.layers.size(gone)
    assert not store.layers.has(gone)


@pytest.mark.parametrize("suffix", ["../x", "a/b", "", ".x", "tar", "X" * 50])
def test_sidecars_have_plain_names(store: Store, suffix: str) -> None:
    with pytest.raises(Invalid):
        store.layers.sidecar(_put(store, b"x"), suffix)


def test_blobs_are_verified_when_read(store: Store) -> None:
    digest = store.blobs.put(b"config")
    assert store.blobs.put(b"config") == digest == Digest.of(b"config")
    assert store.blobs.read(digest, 6) == b"config"
    assert (store.blobs.has(digest), store.blobs.size(digest), list(store.blobs.all())) == (True, 6, [digest])
    with pytest.raises(Invalid, match="larger than 5"):
        store.blobs.read(digest, 5)
    store.blobs.path(digest).write_bytes(b"evil!!")
    with pytest.raises(Corrupt, match="was changed"):
        store.blobs.read(digest, 100)
    store.blobs.put(b"config")
    assert store.blobs.read(digest, 6) == b"config"
    assert store.blobs.remove(digest) > 0
    assert store.blobs.remove(digest) == 0
    for ask in (store.blobs.size, lambda missing: store.blobs.read(missing, 10)):
        with pytest.raises(NotFound):
            ask(digest)
    with pytest.raises(Invalid):
        store.blobs.path(Digest.parse("sha512:" + "0" * 128))


def test_file_systems_without_nameless_files_work_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def old(path: object, flags: int, *rest: object, **more: object) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "Operation not supported")
        return opened(path, flags, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", old)
    diff_id = _put(store, b"content")
    store.layers.path(diff_id).write_bytes(b"")
    assert _put(store, b"content") == diff_id
    assert store.layers.path(diff_id).read_bytes() == b"content"
    incoming = Incoming(store.tmp)
    assert len(list(store.tmp.iterdir())) == 1
    incoming.close()
    assert list(store.tmp.iterdir()) == []


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"b": 1, "a": [None]})
    assert path.read_bytes() == b'{"a":[null],"b":1}'
    inode = path.stat().st_ino
    write_file(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert path.stat().st_ino != inode
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    with pytest.raises(IsADirectoryError):
        (tmp_path / "directory").mkdir()
        write_file(tmp_path / "directory", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file.json"]


def test_store_is_private_and_opened_again_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "deep/er/store"
    before = os.umask(0)
    try:
        store = Store.open(root)
        made = store.directory("networks")
    finally:
        os.umask(before)
    for path in (root, *(path for path in root.rglob("*") if path.is_dir())):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    assert made == root / "networks"
    digest = store.blobs.put(b"x")
    assert Store.open(root).blobs.has(digest)


def test_store_is_never_made_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(Invalid, match="is not a store: it holds 'precious'"):
        Store.open(tmp_path)
    with pytest.raises(Invalid, match="not a directory"):
        Store.open(tmp_path / "precious")
    with pytest.raises(Invalid, match="not a directory"):
        Store.open(tmp_path / "precious/below")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_store_of_another_version_is_left_alone(store: Store) -> None:
    write_json(store.root / "layout.json", {"version": 99})
    with pytest.raises(Invalid, match="99"):
        Store.open(store.root)
    (store.root / "layout.json").write_bytes(b"{")
    with pytest.raises(Invalid, match="damaged"):
        Store.open(store.root)


@pytest.mark.root
def test_store_of_another_user_is_denied(tmp_path: Path) -> None:
    root = tmp_path / "theirs"
    root.mkdir()
    os.chown(root, 1234, 1234)
    with pytest.raises(Denied, match="belongs to another user"):
        Store.open(root)


def test_locks_exclude_and_share_between_threads(store: Store) -> None:
    directory = store.root / "locks"
    with store.lock("a"), store.lock("b"):
        with pytest.raises(Busy), locked(directory, "a", wait=False):
            pass
        with pytest.raises(Busy), locked(directory, "a", shared=True, wait=False):
            pass
    shared = store.lock("a", shared=True), store.lock("a", shared=True)
    with shared[0], shared[1], pytest.raises(Busy), locked(directory, "a", wait=False):
        pass
    with locked(directory, "a", wait=False):
        pass
    assert (directory / "a").exists()
    for name in ("../a", "", "a/b", ".a", "A"):
        with pytest.raises(Invalid), store.lock(name):
            pass


def test_locks_are_not_inherited_by_programs(store: Store) -> None:
    import subprocess

    with store.lock("a"):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with locked(store.root / "locks", "a", wait=False):
            pass
    finally:
        child.kill()
        child.wait()


def test_waiting_for_a_lock_ends_when_it_is_let_go(store: Store) -> None:
    order = []

    def work() -> None:
        with store.lock("a"):
            order.append("second")

    with store.lock("a"):
        thread = threading.Thread(target=work)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_digest_of_what_is_hashed_in_the_thread_is_right(store: Store) -> None:
    pieces = [os.urandom(1 << 20) for _ in range(12)]
    with store.layers.writer() as writer:
        for piece in pieces:
            writer.write(piece)
        assert writer.commit().hex == hashlib.sha256(b"".join(pieces)).hexdigest()
