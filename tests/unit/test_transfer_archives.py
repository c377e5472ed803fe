"""Images saved and loaded again: every form, from files, directories and pipes."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fixtures_images import config_of, image_of, layer_of, tar_of
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound
from sealift.core.events import Event, Finished, Warned
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store
from sealift.transfer import Loading, Saving, choose, load, save

FORMS = [("oci", "none"), ("oci", "gzip"), ("oci", "zstd"), ("docker", "none"), ("docker", "gzip")]
Save = Callable[..., bytes]


class Pipe(io.BytesIO):
    """Bytes that come once."""

    def seekable(self) -> bool:
        return False


def saved(store: Store, *texts: str, form: str = "oci", compress: str = "none") -> bytes:
    sink = io.BytesIO()
    save(choose(store, texts), sink, Saving(store, form, compress))
    return sink.getvalue()


def loading(store: Store, **changes: Any) -> Loading:
    return Loading(store, lambda _: None)._replace(**changes)


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "other")


def put(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "archive.tar"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("form", "compress"), FORMS)
@pytest.mark.parametrize("piped", [False, True])
def test_loaded_image_is_the_saved_one(
    store: Store, other: Store, tiny_image: ImageRecord, tmp_path: Path, form: str, compress: str, piped: bool
) -> None:
    data = saved(store, "tiny", form=form, compress=compress)
    [found] = load(Pipe(data) if piped else put(tmp_path, data), loading(other))
    assert found.record.image_id == tiny_image.image_id
    assert found.references == (Reference.parse("tiny:latest"),)
    assert other.images.find("tiny").config == tiny_image.config
    for diff_id in tiny_image.layers:
        assert other.layers.path(diff_id).read_bytes() == store.layers.path(diff_id).read_bytes()


@pytest.mark.parametrize(("form", "compress"), FORMS)
def test_same_image_gives_same_bytes(store: Store, tiny_image: ImageRecord, form: str, compress: str) -> None:
    assert saved(store, "tiny", form=form, compress=compress) == saved(
        store, "tiny", form=form, compress=compress
    )


@pytest.mark.parametrize(("form", "compress"), FORMS)
def test_blobs_have_the_digests_that_documents_name(
    store: Store, tiny_image: ImageRecord, form: str, compress: str
) -> None:
    with tarfile.open(fileobj=io.BytesIO(saved(store, "tiny", form=form, compress=compress))) as tar:
        for member in tar.getmembers():
            if member.name.startswith("blobs/sha256/") and member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                assert Digest.of(file.read()).hex == member.name.rpartition("/")[2]
        document = tar.extractfile("manifest.json")
        assert document is not None
        [entry] = json.load(document)
        assert entry["RepoTags"] == ["docker.io/library/tiny:latest"]
        assert {entry["Config"], *entry["Layers"]} <= set(tar.getnames())


def test_several_images_share_layers_and_keep_names(
    store: Store, other: Store, tiny_image: ImageRecord
) -> None:
    second = image_of(store, tiny_image.layers[:1], "second:v1", "example.com/second:v2")
    data = saved(store, "tiny", "second", "example.com/second:v2")
    assert len(data) < 1.2 * second.size  # both have busybox, the archive has it once
    found = load(Pipe(data), loading(other))
    assert {one.record.image_id for one in found} == {tiny_image.image_id, second.image_id}
    assert other.images.find("second:v1").image_id == other.images.find("example.com/second:v2").image_id


def test_repository_without_tag_saves_all_its_tags(store: Store, tiny_image: ImageRecord) -> None:
    image_of(store, tiny_image.layers[:1], "tiny:v2")
    names = {name for one in choose(store, ["tiny"]) for name in one.references}
    assert names == {Reference.parse("tiny:latest"), Reference.parse("tiny:v2")}


def test_image_chosen_by_id_has_no_name(store: Store, other: Store, tiny_image: ImageRecord) -> None:
    [found] = load(Pipe(saved(store, tiny_image.image_id.short)), loading(other))
    assert found.references == ()
    assert other.images.find(tiny_image.image_id.short).references == ()


def test_unknown_image_is_named(store: Store) -> None:
    with pytest.raises(NotFound, match="nothing-here"):
        choose(store, ["nothing-here"])


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
@pytest.mark.parametrize("piped", [False, True])
def test_compressed_archives_load(
    store: Store,
    other: Store,
    tiny_image: ImageRecord,
    tmp_path: Path,
    pack: Callable[[bytes], bytes],
    piped: bool,
) -> None:
    data = pack(saved(store, "tiny", form="docker"))
    [found] = load(Pipe(data) if piped else put(tmp_path, data), loading(other))
    assert found.record.image_id == tiny_image.image_id


def test_directory_of_a_layout_loads(
    store: Store, other: Store, tiny_image: ImageRecord, tmp_path: Path
) -> None:
    directory = tmp_path / "layout"
    directory.mkdir()
    subprocess.run(["tar", "-x", "-C", directory], input=saved(store, "tiny", compress="gzip"), check=True)
    [found] = load(directory, loading(other))
    assert found.record.image_id == tiny_image.image_id


def test_config_of_strangers_keeps_its_bytes(other: Store, tmp_path: Path) -> None:
    layer = tar_of({"a": b"1"})
    config = {**json.loads(config_of([Digest.of(layer)]).encode()), "container": "abc", "x": [1.5]}
    data = json.dumps(config, indent=2).encode()
    name = Digest.of(data).hex
    manifest = [{"Config": f"{name}.json", "RepoTags": None, "Layers": ["l/layer.tar"]}]
    archive = docker_tar({f"{name}.json": data, "l/layer.tar": layer, "manifest.json": manifest})
    [found] = load(put(tmp_path, archive), loading(other))
    assert found.record.image_id.hex == name
    assert other.blobs.read(found.record.image_id, 1 << 20) == data


def docker_tar(members: dict[str, Any], links: dict[str, str] | None = None) -> bytes:
    files = {
        name: value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in members.items()
    }
    return tar_of(files, links)


@pytest.mark.parametrize("piped", [False, True])
def test_layers_that_are_links_are_followed_within_the_archive(
    other: Store, tmp_path: Path, piped: bool
) -> None:
    layer = tar_of({"a": b"1"})
    config = config_of([Digest.of(layer)]).encode()
    manifest = [{"Config": "c.json", "RepoTags": ["linked:1"], "Layers": ["two/layer.tar"]}]
    data = docker_tar(
        {"c.json": config, "one/layer.tar": layer, "manifest.json": manifest},
        {"two/layer.tar": "../one/layer.tar"},
    )
    [found] = load(Pipe(data) if piped else put(tmp_path, data), loading(other))
    assert other.layers.has(found.record.layers[0])


def test_layer_twice_in_one_image(store: Store, other: Store) -> None:
    layer = layer_of(store, {"a": b"1"})
    image_of(store, (layer, layer), "twice")
    for form in ("oci", "docker"):
        [found] = load(Pipe(saved(store, "twice", form=form)), loading(other))
        assert found.record.layers == (layer, layer)


def test_image_without_layers_travels(store: Store, other: Store) -> None:
    image_of(store, (), "empty")
    [found] = load(Pipe(saved(store, "empty")), loading(other))
    assert found.record.layers == ()


def test_what_is_there_is_not_read_again(store: Store, tiny_image: ImageRecord, tmp_path: Path) -> None:
    events: list[Event] = []
    load(put(tmp_path, saved(store, "tiny")), loading(store, emit=events.append))
    assert [event.note for event in events if isinstance(event, Finished)] == ["cached", "cached", ""]


def test_tag_takes_the_place_of_the_archive_s_names(
    store: Store, other: Store, tiny_image: ImageRecord
) -> None:
    tag = Reference.parse("mine:1")
    [found] = load(Pipe(saved(store, "tiny")), loading(other, tags=(tag,)))
    assert found.record.references == (str(tag),)
    image_of(store, tiny_image.layers[:1], "tiny:v2")
    with pytest.raises(Invalid, match="2 images"):
        load(Pipe(saved(store, "tiny")), loading(other, tags=(tag,)))


def oci_tar(index: list[dict[str, Any]], blobs: list[bytes]) -> bytes:
    return docker_tar(
        {
            "oci-layout": {"imageLayoutVersion": "1.0.0"},
            "index.json": {"schemaVersion": 2, "manifests": index},
            **{f"blobs/sha256/{Digest.of(data).hex}": data for data in blobs},
        }
    )


def described(data: bytes, kind: str = "manifest", **more: Any) -> dict[str, Any]:
    media_type = f"application/vnd.oci.image.{kind}.v1+json"
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data), **more}


def manifest_of(platform: str, layer: bytes) -> tuple[bytes, list[bytes], dict[str, str]]:
    """A manifest, its blobs, and its platform as an index says it."""
    where = Platform.parse(platform)
    config = config_of([Digest.of(layer)], platform=where).encode()
    tar = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": Digest.of(layer),
        "size": len(layer),
    }
    value = {"schemaVersion": 2, "config": described(config, "config"), "layers": [tar]}
    manifest = json.dumps(value).encode()
    return manifest, [manifest, config, layer], {"os": where.os, "architecture": where.architecture}


def test_index_of_platforms_gives_the_one_asked_for(other: Store) -> None:
    layers = {name: tar_of({name.rpartition("/")[2]: b"x"}) for name in ("linux/amd64", "linux/arm64")}
    made = {name: manifest_of(name, layer) for name, layer in layers.items()}
    nested = json.dumps(
        {
            "schemaVersion": 2,
            "manifests": [
                *(described(one[0], platform=one[2]) for one in made.values()),
                described(made["linux/amd64"][0], platform={"os": "unknown", "architecture": "unknown"}),
            ],
        }
    ).encode()
    name = {"annotations": {"org.opencontainers.image.ref.name": "docker.io/library/multi:1"}}
    index = [described(nested, "index", **name)]
    data = oci_tar(index, [nested, *{blob for one in made.values() for blob in one[1]}])
    for platform in layers:
        [found] = load(Pipe(data), loading(other, platform=Platform.parse(platform)))
        assert found.record.config.diff_ids == (Digest.of(layers[platform]),)
    with pytest.raises(NotFound, match=r"no image for linux/s390x; it has: linux/amd64, linux/arm64"):
        load(Pipe(data), loading(other, platform=Platform("linux", "s390x")))


def test_platform_that_was_asked_for_is_checked(store: Store, other: Store, tiny_image: ImageRecord) -> None:
    data = saved(store, "tiny")
    load(Pipe(data), loading(other, platform=Platform("linux", "amd64")))
    with pytest.raises(NotFound, match="no image for linux/arm64"):
        load(Pipe(data), loading(other, platform=Platform("linux", "arm64")))


def test_bare_tag_of_a_layout_names_nothing(other: Store) -> None:
    events: list[Event] = []
    manifest, blobs, _ = manifest_of("linux/amd64", tar_of({"a": b""}))
    name: dict[str, Any] = {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
    [found] = load(Pipe(oci_tar([described(manifest, **name)], blobs)), loading(other, emit=events.append))
    assert found.references == ()
    assert any(isinstance(event, Warned) and "sealift tag" in event.fix for event in events)


def test_ready_is_called_with_the_layers_before_the_name(
    store: Store, other: Store, tiny_image: ImageRecord
) -> None:
    seen: list[tuple[list[Digest], int]] = []

    def ready(layers: Any) -> None:
        seen.append((list(layers), len(other.images.all())))

    load(Pipe(saved(store, "tiny")), loading(other, ready=ready))
    assert seen == [(list(tiny_image.layers), 0)]


def test_wrong_words_are_refused(store: Store, tiny_image: ImageRecord) -> None:
    for form, compress in (("zip", "none"), ("oci", "lz4"), ("docker", "zstd")):
        with pytest.raises(Invalid):
            saved(store, "tiny", form=form, compress=compress)
