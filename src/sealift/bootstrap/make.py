"""Making a base image: packages -> tree -> layer -> image -> name. Always an explicit act of the user."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sealift.archive import read_entries
from sealift.bootstrap import mmdebstrap, tree
from sealift.bootstrap.recipes import PATH, Recipe
from sealift.core.config import History, ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import NotFound
from sealift.core.events import Emit, Finished, Started
from sealift.core.manifest import Manifest
from sealift.core.platform import Platform
from sealift.store import ImageRecord, Store

LABEL = "io.sealift.bootstrap"
"""Labels that begin with this say that the image is not a registry's, and how it came about."""

_VERSION = re.compile(rb"^Package: python3\.\d+-minimal\n(?:\S.*\n| .*\n)*?Version: ([0-9.]+)", re.MULTILINE)
_STATUS = "var/lib/dpkg/status"


class Bootstrapped(NamedTuple):
    """A base image in the store. `fresh` is false where it was there already."""

    record: ImageRecord
    fresh: bool


def bootstrap(
    store: Store,
    recipe: Recipe,
    *,
    mirrors: Sequence[str] = (),
    again: bool = False,
    now: int,
    environment: Mapping[str, str],
    emit: Emit,
) -> Bootstrapped:
    """The image of `recipe`, made if the store has none under its name, or if `again`.

    `now` (unix seconds) is when the work begins. An image of the same name that was not bootstrapped is never
    replaced without `again`.
    """
    if not again:
        try:
            return Bootstrapped(store.images.find(str(recipe.reference)), fresh=False)
        except NotFound:
            pass
    with store.lease():
        record = _make(store, recipe, mirrors, now, environment, emit)
        store.images.point(recipe.reference, record)
    return Bootstrapped(record, fresh=True)


def _make(
    store: Store,
    recipe: Recipe,
    mirrors: Sequence[str],
    now: int,
    environment: Mapping[str, str],
    emit: Emit,
) -> ImageRecord:
    key = f"bootstrap {recipe.reference.familiar}"
    emit(Started(key, f"install {recipe.reference.familiar} from Debian packages"))
    tar = store.tmp / f"bootstrap-{now}-{recipe.tag}.tar"
    try:
        mmdebstrap.make_tree(
            recipe, tar, mirrors=mirrors, epoch=now, environment=environment, emit=emit, key=key
        )
        emit(Finished(key))
        emit(Started(f"{key} layer", "write the layer"))
        record = _image(store, recipe, tar, now)
        emit(Finished(f"{key} layer"))
        return record
    finally:
        tar.unlink(missing_ok=True)


def _image(store: Store, recipe: Recipe, path: Path, now: int) -> ImageRecord:
    with path.open("rb") as tar:
        entries = list(read_entries(tar))
        with store.layers.writer() as writer:
            tree.write_layer(tar, entries, _links(recipe), writer, now)
            layer = writer.commit()
        status = tree.read_file(tar, entries, _STATUS)
    config = _config(recipe, layer, tree.newest(entries, now), status)
    data = config.encode()
    manifest = Manifest(
        Descriptor(OCI_CONFIG, Digest.of(data), len(data)),
        (Descriptor(OCI_LAYER, layer, store.layers.size(layer)),),
    )
    return store.images.put(manifest, config)


def _links(recipe: Recipe) -> list[tuple[str, str]]:
    """Where docker's python images have things: Dockerfiles count on these paths."""
    if not recipe.python:
        return []
    directory = f"usr/local/lib/python{recipe.python}"
    return [
        ("usr/local/bin/python", "/usr/bin/python3"),
        ("usr/local/bin/python3", "/usr/bin/python3"),
        (f"usr/local/bin/python{recipe.python}", f"/usr/bin/python{recipe.python}"),
        (f"{directory}/site-packages", "dist-packages"),
    ]


def _config(recipe: Recipe, layer: Digest, epoch: int, status: bytes) -> ImageConfig:
    created = _rfc3339(epoch)
    env = [f"PATH={PATH}"]
    labels = {
        LABEL: "mmdebstrap",
        f"{LABEL}.for": recipe.reference.familiar,
        f"{LABEL}.suite": recipe.suite,
        f"{LABEL}.packages": " ".join(recipe.packages),
    }
    if recipe.python:
        env += ["LANG=C.UTF-8"]
        found = _VERSION.search(status)
        if found:
            env.append(f"PYTHON_VERSION={found[1].decode()}")
    return ImageConfig(
        platform=Platform.of_machine(),
        diff_ids=(layer,),
        created=created,
        env=tuple(env),
        cmd=recipe.cmd,
        labels=tuple(sorted((name, value) for name, value in labels.items() if value)),
        history=(History(created, f"sealift bootstrap {recipe.reference.familiar}", "mmdebstrap"),),
    )


def _rfc3339(epoch: int) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
