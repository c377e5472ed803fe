"""A store of the test's own, and a tiny image (busybox) in it."""

import io
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from sealift.archive import Entry, TarWriter
from sealift.core.config import History, ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.manifest import Manifest
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store

CREATED = "2024-01-02T03:04:05Z"
_APPLETS = ("sh", "true", "false", "cat", "echo", "ls", "sleep", "id", "env", "wc", "touch", "mkdir")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store.open(tmp_path / "sealift")


@pytest.fixture
def tiny_image(store: Store) -> ImageRecord:
    """`tiny:latest`: busybox with a shell and a few commands, in two layers."""
    program = shutil.which("busybox")
    if program is None:
        pytest.fail("these tests need the package busybox-static")
    base = layer_of(store, {"bin": None, "bin/busybox": Path(program).read_bytes(), "etc": None,
                            "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n", "tmp": None},
                    links={f"bin/{name}": "busybox" for name in _APPLETS})  # fmt: skip
    top = layer_of(store, {"etc": None, "etc/motd": b"hello\n"})
    return image_of(store, (base, top), "tiny:latest")


def layer_of(store: Store, files: Mapping[str, bytes | None], links: dict[str, str] | None = None) -> Digest:
    """A layer with these files (None for a directory) and symbolic links."""
    with store.layers.writer() as writer:
        writer.write(tar_of(files, links))
        return writer.commit()


def tar_of(files: Mapping[str, bytes | None], links: dict[str, str] | None = None) -> bytes:
    """A tar with these files (None for a directory) and symbolic links, sorted by name."""
    sink = io.BytesIO()
    tar = TarWriter(sink)
    for path in sorted({**files, **(links or {})}):
        data = files.get(path)
        if links and path in links:
            tar.add(Entry(path, "symlink", 0o777, 0, 0, 0, target=links[path]), None)
        elif data is None:
            tar.add(Entry(path, "dir", 0o755, 0, 0, 0), None)
        else:
            tar.add(Entry(path, "file", 0o755, 0, 0, 0, len(data)), io.BytesIO(data))
    tar.finish()
    return sink.getvalue()


def config_of(layers: Iterable[Digest], **changes: object) -> ImageConfig:
    """The config of an image with these layers, one line of history each."""
    layers = tuple(layers)
    config = ImageConfig(
        platform=Platform("linux", "amd64"), diff_ids=layers, created=CREATED, cmd=("sh",),
        env=("PATH=/bin",), history=tuple(History(CREATED, f"COPY {n} /") for n in range(len(layers))),
    )  # fmt: skip
    return config._replace(**changes)  # type: ignore[arg-type]


def image_of(store: Store, layers: Iterable[Digest], *names: str, **changes: object) -> ImageRecord:
    """An image with these layers under these names; `changes` are members of its config."""
    config = config_of(layers, **changes)
    data = config.encode()
    manifest = Manifest(
        Descriptor(OCI_CONFIG, Digest.of(data), len(data)),
        tuple(Descriptor(OCI_LAYER, layer, store.layers.size(layer)) for layer in config.diff_ids),
    )
    record = store.images.put(manifest, config)
    for name in names:
        record = store.images.point(Reference.parse(name), record)
    return record
