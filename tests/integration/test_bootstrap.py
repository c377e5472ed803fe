"""Base images for real: mmdebstrap, apt, and the packages of this day."""

import os
import time
from pathlib import Path

import pytest

from sealift import bootstrap
from sealift.archive import Entry, read_entries
from sealift.bootstrap import tree
from sealift.core import events
from sealift.core.errors import StepFailed
from sealift.store import ImageRecord, Store

pytestmark = [pytest.mark.root, pytest.mark.base]
HOUR = 3600


def make(directory: Path, *, now: int) -> tuple[Store, ImageRecord]:
    store = Store.open(directory)
    recipe = bootstrap.find("debian:bookworm-slim")
    made = bootstrap.bootstrap(store, recipe, now=now, environment=os.environ, emit=events.ignore)
    return store, made.record


def test_same_packages_give_the_same_image_whenever_it_is_made(tmp_path: Path) -> None:
    now = int(time.time())
    store, first = make(tmp_path / "one", now=now)
    _, second = make(tmp_path / "two", now=now - HOUR)
    assert first.manifest_digest == second.manifest_digest
    check_contents(store, first)
    check_made_once(store, first, now)


def check_contents(store: Store, record: ImageRecord) -> None:
    with store.layers.path(record.layers[0]).open("rb") as tar:
        found: dict[str, Entry] = {entry.path: entry for entry in read_entries(tar)}
        status = tree.read_file(tar, found.values(), "var/lib/dpkg/status")
    assert b"\nPackage: dash\n" in status
    assert found["usr/bin/bash"].kind == "file"
    assert not [
        path for path in found if path.startswith(("dev/", "usr/share/man/man", "var/lib/apt/lists/deb"))
    ]
    docs = {path.rpartition("/")[2] for path in found if path.startswith("usr/share/doc/")}
    assert "copyright" in docs
    assert not docs & {"changelog.gz", "changelog.Debian.gz"}
    assert dict(record.config.labels)["io.sealift.bootstrap.for"] == "debian:bookworm-slim"


def check_made_once(store: Store, record: ImageRecord, now: int) -> None:
    recipe = bootstrap.find("debian:bookworm-slim")
    again = bootstrap.bootstrap(store, recipe, now=now, environment={}, emit=events.ignore)
    assert (again.fresh, again.record.image_id) == (False, record.image_id)


def test_mirror_that_does_not_answer_leaves_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    recipe = bootstrap.find("debian:bookworm-slim")
    with pytest.raises(StepFailed, match="mmdebstrap could not make debian:bookworm-slim"):
        bootstrap.bootstrap(
            store,
            recipe,
            mirrors=["http://127.0.0.1:9/debian"],
            now=int(time.time()),
            environment=os.environ,
            emit=events.ignore,
        )
    assert not list(store.tmp.iterdir())
    assert not list(store.images.all())
