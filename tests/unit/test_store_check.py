"""Garbage collection, and checking and repairing what the store holds."""

import os
import threading
import time
from pathlib import Path

import pytest

from fixtures_images import image_of, layer_of
from sealift.core.digest import Digest
from sealift.core.errors import Conflict, Corrupt
from sealift.store import ImageRecord, Store


def _image(store: Store, number: int, *names: str) -> ImageRecord:
    shared = layer_of(store, {"shared": b"base" * 1000})
    return image_of(store, (shared, layer_of(store, {f"file-{number}": b"x" * number})), *names)


def _old(path: Path) -> Path:
    os.utime(path, (1, 1), follow_symlinks=False)
    return path


def test_collect_keeps_what_images_and_the_caller_need(store: Store) -> None:
    first, second = _image(store, 1, "one"), _image(store, 2, "two")
    kept, loose = layer_of(store, {"kept": b"k"}), layer_of(store, {"loose": b"l" * 50_000})
    blob = store.blobs.put(b"nobody's")
    assert store.collect([kept]) >= 50_000
    assert not store.layers.has(loose) and not store.blobs.has(blob)
    assert set(store.layers.all()) == {*first.layers, *second.layers, kept}
    store.images.remove(first)
    store.collect([])
    assert set(store.layers.all()) == set(second.layers)
    assert set(store.blobs.all()) == {second.image_id, second.manifest_digest}
    assert store.images.find("two") == second
    assert store.check() == []


def test_collect_takes_sidecars_and_what_dead_processes_left(store: Store) -> None:
    record = _image(store, 1, "app")
    sidecar = store.layers.sidecar(record.layers[0], "index")
    sidecar.write_bytes(b"derived")
    gone = [
        store.layers.directory / f"{'0' * 64}.index", _old_file(store.tmp / "spool"),
        _old_file(store.root / "names/.tmp-x"), _old_file(store.blobs.directory / ".tmp-y"),
    ]  # fmt: skip
    gone[0].write_bytes(b"orphan")
    tree = store.tmp / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "link").symlink_to(store.root)
    _old(tree)
    young = store.tmp / ".tmp-young"
    young.write_bytes(b"at work")
    store.collect([])
    assert [path for path in (*gone, tree) if path.exists()] == []
    assert sidecar.exists() and young.exists()
    assert store.images.find("app") == record


def _old_file(path: Path) -> Path:
    path.write_bytes(b"left")
    return _old(path)


def test_collect_waits_for_leases_and_looks_only_then(store: Store) -> None:
    """Content without a name is safe while its maker holds a lease; what is named meanwhile is kept."""
    result: list[int] = []
    with store.lease():
        layer = layer_of(store, {"x": b"x" * 9000})
        with pytest.raises(Conflict, match="is running"):
            store.collect([], wait=False)
        collector = threading.Thread(target=lambda: result.append(store.collect([])))
        collector.start()
        time.sleep(0.1)
        assert store.layers.has(layer)
        record = image_of(store, (layer,), "late")
    collector.join()
    assert result == [0]
    assert store.images.find("late") == record and store.layers.has(layer)


def test_collect_reads_what_is_kept_when_nothing_can_be_added(store: Store) -> None:
    added: list[Digest] = []

    def kept() -> object:
        yield from added

    with store.lease():
        collector = threading.Thread(target=lambda: store.collect(kept()))  # type: ignore[arg-type]
        collector.start()
        added.append(layer_of(store, {"step": b"cached"}))
    collector.join()
    assert store.layers.has(added[0])


def test_leases_are_shared(store: Store) -> None:
    with store.lease(), store.lease():
        pass
    store.collect([])


def test_damaged_record_stops_the_collection_until_it_is_repaired(store: Store) -> None:
    record = _image(store, 1, "app")
    (store.root / "images" / f"{record.image_id.hex}.json").write_bytes(b"{")
    with pytest.raises(Corrupt, match="is damaged") as caught:
        store.collect([])
    assert caught.value.fix == "sealift system check --repair"
    assert all(store.layers.has(layer) for layer in record.layers)
    findings = store.check(repair=True)
    assert [(one.kind, one.repaired) for one in findings] == [("image", True)]
    assert store.images.find("app") == record
    assert store.check() == []
    store.collect([])
    assert store.images.find("app") == record


def test_good_store_has_no_findings(store: Store) -> None:
    _image(store, 1, "app")
    layer_of(store, {"loose": b""})
    assert store.check() == []
    assert store.check(repair=True) == []


@pytest.mark.parametrize("damage", ["changed", "shorter", "longer"])
def test_changed_layer_is_found_and_its_image_removed(store: Store, damage: str) -> None:
    bad, good = _image(store, 1, "bad", "worse"), _image(store, 2, "good")
    path = store.layers.path(bad.layers[1])
    data = path.read_bytes()
    path.write_bytes({"changed": b"!" + data[1:], "shorter": data[:-1], "longer": data + b"!"}[damage])
    findings = store.check()
    assert [(one.kind, one.repaired) for one in findings] == [("layer", False), ("image", False)]
    assert findings[0].what == bad.layers[1]
    assert "bad" in findings[1].what and "worse" in findings[1].what
    assert store.images.find("bad") == bad
    assert [one.repaired for one in store.check(repair=True)] == [True, True]
    assert store.check() == []
    assert [record.image_id for record in store.images.all()] == [good.image_id]


def test_missing_layer_is_found_and_comes_back_with_the_image(store: Store) -> None:
    record = _image(store, 1, "app")
    store.layers.path(record.layers[0]).unlink()
    assert [one.problem for one in store.check()] == [f"layer {record.layers[0]} is missing or changed"]
    store.check(repair=True)
    assert store.check() == []
    assert _image(store, 1, "app") == record
    assert store.check() == []


def test_lost_manifest_is_made_again(store: Store) -> None:
    record = _image(store, 1, "app")
    store.blobs.remove(record.manifest_digest)
    assert [one.action for one in store.check()] == ["its manifest is made again"]
    store.check(repair=True)
    assert store.images.find("app") == record
    assert store.images.manifest(record).config.digest == record.image_id


def test_lost_config_removes_the_image(store: Store) -> None:
    record = _image(store, 1, "app")
    store.blobs.path(record.image_id).write_bytes(b"{}")
    assert [one.kind for one in store.check(repair=True)] == ["blob", "image"]
    assert store.images.all() == [] and store.check() == []


def test_names_without_image_and_strays_are_removed(store: Store) -> None:
    record = _image(store, 1, "app", "lost")
    (store.root / "images" / f"{record.image_id.hex}.json").unlink()
    _old_file(store.tmp / "stray")
    assert sorted(one.kind for one in store.check()) == ["file", "name", "name"]
    store.check(repair=True)
    assert store.check() == [] and list((store.root / "names").iterdir()) == []


def test_record_that_cannot_be_made_again_is_removed(store: Store) -> None:
    (store.root / "images" / f"{'1' * 64}.json").write_bytes(b"rubbish")
    assert [one.action for one in store.check(repair=True)] == ["removed"]
    assert store.check() == []


def test_check_beside_a_build_reads_all_and_calls_nothing_stray(store: Store) -> None:
    _image(store, 1, "app")
    with store.lease():
        _old_file(store.tmp / "at-work")
        assert store.check() == []
    assert [one.kind for one in store.check()] == ["file"]
