"""What snapshots derive from layers, damaged on disk: found, removed, and made again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures_snapshot import LayerMaker, put, told
from sealift.core.digest import Digest
from sealift.snapshot import ErofsSnapshots, checking, headers, index
from sealift.snapshot.indexes import Indexes
from sealift.store import Store

pytestmark = pytest.mark.root

NewLayer = Callable[[], LayerMaker]


def problems(store: Store, *, repair: bool = False) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in checking.check(store, repair=repair)]


@pytest.fixture
def layers(store: Store, layer: NewLayer) -> list[Digest]:
    base, top = layer(), layer()
    for number in range(300):
        base.add(f"f{number}", data=b"x" * number)
    base.directory("d").add("d/a").add("d/b").add("d/c")
    top.directory("d").add("d/.wh.a").add("d/.wh.b").add("d/.wh.c").add("new", data=b"new")
    return [put(store, base.close()), put(store, top.close())]


@pytest.mark.parametrize("stacked", [False, True])
def test_indexes_are_made_alike_each_time(store: Store, layers: list[Digest], stacked: bool) -> None:
    indexes = Indexes(store, large=0, share=0) if stacked else Indexes(store)
    ErofsSnapshots(store, indexes=indexes).ready(layers)
    assert len(list((store.root / "indexes").iterdir())) == 1 + stacked
    assert problems(store) == []


@pytest.mark.parametrize("stacked", [False, True])
def test_every_damage_to_an_index_is_found_and_mended(
    store: Store, layers: list[Digest], stacked: bool, tmp_path: Path
) -> None:
    indexes = Indexes(store, large=0, share=0) if stacked else Indexes(store)
    snapshots = ErofsSnapshots(store, indexes=indexes)
    with snapshots.view(layers) as tree:
        right = told(tree)
    for path in sorted((store.root / "indexes").iterdir()):
        whole = path.read_bytes()
        name = ("index", f"indexes/{path.name}")
        for place in (0, 1030, 1024 + 36, 1024 + 86, 1200, 2000, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes((whole[place] ^ 0x5A,)) + whole[place + 1 :])
            assert name in problems(store)
            assert name in problems(store, repair=True)
            assert problems(store) == []
            with snapshots.view(layers) as tree:
                assert told(tree) == right
            assert path.read_bytes() == whole
        for data in (b"", whole[:-512], whole + b"x"):
            path.write_bytes(data)
            assert name in problems(store, repair=True)
            snapshots.ready(layers)
            assert path.read_bytes() == whole


def test_sidecar_that_says_something_else_is_found_and_mended(store: Store, layers: list[Digest]) -> None:
    snapshots = ErofsSnapshots(store)
    snapshots.ready(layers)
    path = store.layers.sidecar(layers[0], headers.SUFFIX)
    whole = path.read_bytes()
    entries = headers.read(store.layers, layers[0])
    headers._save(store.layers, layers[0], [*entries[:-1], entries[-1]._replace(mode=0o777)])
    assert problems(store)[0] == ("file", f"layers/sha256/{path.name}")
    assert problems(store, repair=True)
    assert problems(store) == []
    for index_file in (store.root / "indexes").iterdir():
        index_file.unlink()
    snapshots.ready(layers)
    assert path.read_bytes() == whole


def test_what_belongs_to_layers_that_are_gone_is_no_finding(store: Store, layers: list[Digest]) -> None:
    ErofsSnapshots(store).ready(layers)
    store.layers.path(layers[1]).unlink()
    assert problems(store) == []


@pytest.mark.parametrize("length", [0, 1, 1023, 1060, 1100, 1200, 1300, 4000])
def test_index_cut_anywhere_counts_as_missing(store: Store, layers: list[Digest], length: int) -> None:
    ErofsSnapshots(store).ready(layers)
    (path,) = (store.root / "indexes").iterdir()
    path.write_bytes(path.read_bytes()[:length])
    assert index.read(path) is None
