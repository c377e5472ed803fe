"""Images: put, named, found, listed, forgotten."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

from fixtures_images import image_of, layer_of
from sealift.core.config import ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import Conflict, Corrupt, Invalid, NotFound
from sealift.core.manifest import Manifest
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store


def _image(store: Store, number: int, *names: str) -> ImageRecord:
    layer = layer_of(store, {f"file-{number}": b"x" * number})
    return image_of(store, (layer,), *names, created=f"2026-01-01T00:00:{number:02}Z")


def test_image_is_found_by_name_digest_and_digits(store: Store) -> None:
    record = _image(store, 1, "app:one")
    for text in (
        "app:one", "docker.io/library/app:one", "library/app:one", record.image_id, record.image_id.hex,
        record.image_id.hex[:12], record.image_id[:20], record.image_id.hex[:3],
        f"app@{record.image_id}", f"app@{record.manifest_digest}",
    ):  # fmt: skip
        assert store.images.find(text) == record, text
    assert record.references == ("docker.io/library/app:one",)
    assert record.layers == record.config.diff_ids
    assert record.size == store.layers.size(record.layers[0])
    assert store.images.config(record).created == record.created
    assert store.images.manifest(record).config.digest == record.image_id


def test_name_wins_over_the_digits_of_an_id(store: Store) -> None:
    first = _image(store, 1)
    second = _image(store, 2, first.image_id.hex[:12])
    assert store.images.find(first.image_id.hex[:12]) == second
    assert store.images.find(first.image_id) == first


def test_digits_that_fit_several_images_are_a_conflict(store: Store) -> None:
    made = [_image(store, number) for number in range(20)]
    firsts = [record.image_id.hex[0] for record in made]
    double = next(digit for digit in firsts if firsts.count(digit) > 1)
    with pytest.raises(Conflict, match=f"begin with {double}") as caught:
        store.images.find(double)
    assert caught.value.fix == "give more digits"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("nope", "sealift build -t nope ."), ("nope:1", "sealift load -i"), ("abcdef", "sealift build"),
        ("python:3.11-slim", "sealift bootstrap python:3.11-slim"), ("sha256:" + "0" * 64, "sealift images"),
        ("f" * 64, "sealift images"), ("app@sha256:" + "0" * 64, "sealift images"),
    ],
)  # fmt: skip
def test_image_that_is_not_there_says_what_to_type_next(store: Store, text: str, fix: str) -> None:
    with pytest.raises(NotFound, match="no such image") as caught:
        store.images.find(text)
    assert fix in caught.value.fix


@pytest.mark.parametrize("text", ["", "UP", "a b", "../x", "a:b:c", "sha256:xyz", "-x"])
def test_what_is_no_reference_is_invalid(store: Store, text: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        store.images.find(text)


def test_finding_a_tag_reads_three_small_files_at_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _image(store, 1, "app:one")
    for number in range(2, 20):
        _image(store, number, f"other:{number}")
    read: list[Path] = []
    original = Path.read_bytes

    def counted(path: Path) -> bytes:
        read.append(path)
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    store.images.find("app:one")
    assert len(set(read)) <= 3
    assert all(path.stat().st_size < 4096 for path in read)


def test_name_moves_from_one_image_to_another(store: Store) -> None:
    first, second = _image(store, 1, "app", "other"), _image(store, 2)
    second = store.images.point(Reference.parse("app"), second)
    assert store.images.find("app") == second
    assert store.images.find(first.image_id).references == ("docker.io/library/other:latest",)
    listed = {record.image_id: record.references for record in store.images.all()}
    assert listed[first.image_id] == ("docker.io/library/other:latest",)
    assert listed[second.image_id] == ("docker.io/library/app:latest",)


def test_name_that_is_taken_away_leaves_the_image(store: Store) -> None:
    record = _image(store, 1, "app", "other")
    store.images.unpoint(Reference.parse("app"))
    assert store.images.find(record.image_id).references == ("docker.io/library/other:latest",)
    with pytest.raises(NotFound):
        store.images.find("app")
    with pytest.raises(NotFound, match="no such image: app"):
        store.images.unpoint(Reference.parse("app"))


def test_removed_image_is_gone_with_its_names(store: Store) -> None:
    record, other = _image(store, 1, "app", "app:2"), _image(store, 2, "other")
    store.images.remove(record)
    assert [one.image_id for one in store.images.all()] == [other.image_id]
    assert len(list((store.root / "names").iterdir())) == 1
    with pytest.raises(NotFound):
        store.images.find(record.image_id)
    with pytest.raises(NotFound, match="removed meanwhile"):
        store.images.point(Reference.parse("app"), record)


def test_same_image_put_again_keeps_its_names(store: Store) -> None:
    record = _image(store, 1, "app")
    assert _image(store, 1) == record


def test_image_needs_all_its_layers_and_its_own_config(store: Store) -> None:
    layer = layer_of(store, {"x": b"x"})
    config = ImageConfig.parse(
        b'{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["%b"]}}' % layer.encode()
    )
    data = config.encode()
    good = Descriptor(OCI_CONFIG, Digest.of(data), len(data))
    present = Descriptor(OCI_LAYER, layer, store.layers.size(layer))
    missing = Descriptor(OCI_LAYER, Digest.of(b"missing"), 5)
    with pytest.raises(Invalid, match="name different layers"):
        store.images.put(Manifest(good, ()), config)
    with pytest.raises(NotFound, match="missing from the store"):
        store.images.put(Manifest(good, (missing,)), config._replace(diff_ids=(missing.digest,)))
    with pytest.raises(Corrupt, match="another size"):
        store.images.put(Manifest(good, (present._replace(size=1),)), config)
    with pytest.raises(NotFound):
        store.images.put(Manifest(good._replace(digest=Digest.of(b"?")), (present,)), config)
    other = store.blobs.put(config._replace(user="evil").encode())
    with pytest.raises(Invalid, match="not the one its manifest names"):
        store.images.put(Manifest(good._replace(digest=other), (present,)), config)
    assert store.images.all() == []


def test_config_from_elsewhere_keeps_its_own_bytes(store: Store) -> None:
    layer = layer_of(store, {"x": b"x"})
    data = (
        b'{ "os": "linux", "architecture": "amd64", "extra": 1,\n "rootfs": {"diff_ids": ["%b"]} }'
        % layer.encode()
    )
    digest = store.blobs.put(data)
    manifest = Manifest(
        Descriptor(OCI_CONFIG, digest, len(data)), (Descriptor(OCI_LAYER, layer, store.layers.size(layer)),)
    )
    record = store.images.put(manifest, ImageConfig.parse(data))
    assert record.image_id == digest
    assert store.blobs.read(record.image_id, 1 << 20) == data


def _settled(store: Store) -> list[ImageRecord]:
    """A listing by an index that is not too young to be trusted."""
    time.sleep(0.15)
    store.images.all()
    return store.images.all()


def _rows(store: Store) -> int:
    with sqlite3.connect(store.root / "index.sqlite") as database:
        count: int = database.execute("SELECT count(*) FROM images").fetchone()[0]
    database.close()
    return count


def test_listing_is_newest_first_and_the_same_from_index_and_files(store: Store) -> None:
    made = [_image(store, number, f"app:{number}") for number in (3, 1, 2)]
    fresh = store.images.all()
    assert [record.created[-3:-1] for record in fresh] == ["03", "02", "01"]
    assert _settled(store) == fresh
    assert _rows(store) == len(made)


def test_listing_never_shows_what_was(store: Store) -> None:
    """Also when all happens within one tick of the file system's clock."""
    _image(store, 1, "app:1")
    for number in range(2, 12):
        record = _image(store, number, f"app:{number}")
        assert len(store.images.all()) == number
        store.images.point(Reference.parse("latest"), record)
        assert store.images.all()[0].references[-1].endswith("/latest:latest")
    for number in range(2, 12):
        store.images.unpoint(Reference.parse(f"app:{number}"))
        assert f"docker.io/library/app:{number}" not in str(store.images.all())
    _settled(store)
    store.images.remove(store.images.find("app:1"))
    assert len(store.images.all()) == 10


DAMAGE = {
    "rows": ("UPDATE images SET record = '{'",),
    "table": ("DROP TABLE images",),
    "columns": ("DROP TABLE state", "CREATE TABLE state (key INTEGER PRIMARY KEY)"),
}


@pytest.mark.parametrize("damage", ["missing", "rubbish", "truncated", "rows", "table", "columns"])
def test_index_is_made_again_when_it_is_damaged(store: Store, damage: str) -> None:
    for number in range(3):
        _image(store, number, f"app:{number}")
    wanted = _settled(store)
    path = store.root / "index.sqlite"
    if damage == "missing":
        path.unlink()
    elif damage == "rubbish":
        path.write_bytes(b"rubbish" * 1000)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        database = sqlite3.connect(path)
        database.execute("UPDATE images SET record = '{'" if damage == "rows" else "DROP TABLE images")
        database.commit()
        database.close()
    assert store.images.all() == wanted
    assert _settled(store) == wanted
    assert _rows(store) == 3


def test_listing_works_while_the_index_is_locked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from sealift.store import index

    monkeypatch.setattr(index, "_BUSY_SECONDS", 0.05)
    _image(store, 1, "app")
    wanted = _settled(store)
    _image(store, 2, "app:2")
    holder = sqlite3.connect(store.root / "index.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert len(store.images.all()) == len(wanted) + 1
    holder.close()


def test_damaged_small_files_hide_one_image_and_break_nothing(store: Store) -> None:
    good, bad = _image(store, 1, "good"), _image(store, 2, "bad")
    path = store.root / "images" / f"{bad.image_id.hex}.json"
    for rubbish in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"layers":1}',
        json.dumps({**bad.stored(), "layers": ["../x"]}).encode(),
    ):
        path.write_bytes(rubbish)
        assert [record.image_id for record in store.images.all()] == [good.image_id]
        with pytest.raises(NotFound):
            store.images.find("bad")
    name = next(path for path in (store.root / "names").iterdir() if b"good" in path.read_bytes())
    for rubbish in (b"", b"[]", b'{"image":"sha256:../../x","reference":"good"}', b'{"image":5}'):
        name.write_bytes(rubbish)
        with pytest.raises((NotFound, Invalid)):
            store.images.find("good")
        assert [record.references for record in store.images.all()] == [()]
