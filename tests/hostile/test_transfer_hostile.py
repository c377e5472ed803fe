"""Archives that nobody vouches for: refused with a reason, and nothing stays of them."""

import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures_images import config_of, image_of, layer_of, tar_of
from sealift.archive import Entry, TarWriter, read_entries
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid, SealiftError
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.store import ImageRecord, Store
from sealift.transfer import Loading, Saving, choose, load, save

LAYER = tar_of({"a": b"1"})
CONFIG = config_of([Digest.of(LAYER)]).encode()
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
Members = dict[str, Any]


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.fixture(params=["file", "pipe", "gzip"])
def refused(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Any:
    """Loads bytes in one of the ways they can come, and checks that nothing stays where that fails."""

    def check(data: bytes, *errors: type[SealiftError], says: str = "") -> None:
        source: Path | Pipe = tmp_path / "archive"
        if request.param == "file":
            (tmp_path / "archive").write_bytes(data)
        else:
            source = Pipe(gzip.compress(data, 1) if request.param == "gzip" else data)
        with pytest.raises(errors or SealiftError) as caught:
            load(source, Loading(store, lambda layers: check_tars(store, layers), Platform("linux", "amd64")))
        assert says in caught.value.message
        assert_empty(store)

    return check


def check_tars(store: Store, layers: Sequence[Digest]) -> None:
    for layer in layers:
        with store.layers.path(layer).open("rb") as file:
            for _ in read_entries(file):
                pass


def assert_empty(store: Store) -> None:
    """No image, no name, no unfinished file; what was put already is found by garbage collection."""
    assert store.images.all() == []
    assert not list((store.root / "names").iterdir())
    assert not list(store.tmp.iterdir())
    store.collect(())
    assert not list(store.layers.all())
    assert not list(store.blobs.all())


def tar(members: Members, links: dict[str, str] | None = None) -> bytes:
    files = {
        name: value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in members.items()
    }
    return tar_of(files, links)


def docker(**changes: Any) -> Members:
    """The members of a sound docker archive, with changes to its manifest.json."""
    entry = {"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["l/layer.tar"], **changes}
    return {"manifest.json": [entry], "c.json": CONFIG, "l/layer.tar": LAYER}


def blob(data: bytes) -> tuple[str, bytes]:
    return f"blobs/sha256/{Digest.of(data).hex}", data


def described(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data)}


def oci(manifest: dict[str, Any] | None = None, *blobs: bytes, **index: Any) -> Members:
    """The members of a sound OCI layout, with changes to its manifest and index."""
    value = {
        "schemaVersion": 2,
        "config": described(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [described(LAYER, LAYER_TYPE)],
        **(manifest or {}),
    }
    data = json.dumps(value).encode()
    entry = described(data, "application/vnd.oci.image.manifest.v1+json")
    return {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {"schemaVersion": 2, "manifests": [entry], **index},
        **dict(blob(one) for one in (data, CONFIG, LAYER, *blobs)),
    }


@pytest.mark.parametrize("make", [docker, oci])
def test_sound_archives_do_load(make: Any, store: Store, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(tar(make()))
    assert load(tmp_path / "archive", Loading(store, lambda layers: check_tars(store, layers)))


OUTSIDE = ["../../../../etc/passwd", "/etc/passwd", "l/../../x", "..", "", ".", "a\0b"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_cannot_leave_the_archive(refused: Any, path: str) -> None:
    refused(tar(docker(Config=path)), Invalid)
    refused(tar(docker(Layers=[path])), Invalid)


@pytest.mark.parametrize("target", ["../../../../../etc/passwd", "/etc/passwd", "../.."])
def test_links_cannot_leave_the_archive(refused: Any, target: str) -> None:
    members = docker(Layers=["m/layer.tar"])
    refused(tar(members, {"m/layer.tar": target}), Invalid, says="leads out of the archive")


def test_links_in_a_circle_end(refused: Any) -> None:
    members = docker(Layers=["m/layer.tar"])
    refused(tar(members, {"m/layer.tar": "../n", "n": "m/layer.tar"}), Invalid, says="without end")


@pytest.mark.parametrize(
    "tag", ["../../x:1", "x:../1", "X:1", "x", "", "a b", f"x@{Digest.of(b'')}", "x:\n1"]
)
def test_tags_must_be_names(refused: Any, tag: str) -> None:
    if tag != "x":  # it means x:latest
        refused(tar(docker(RepoTags=[tag])), Invalid)


@pytest.mark.parametrize("name", ["../../x", "a/../b:1", "x:", "http://x", "/etc/passwd"])
def test_reference_annotations_must_be_names(refused: Any, name: str) -> None:
    for key in ("org.opencontainers.image.ref.name", "io.containerd.image.name"):
        members = oci()
        members["index.json"]["manifests"][0]["annotations"] = {key: name}
        refused(tar(members), Invalid)


def test_one_name_for_two_images_is_refused(refused: Any) -> None:
    other = config_of([Digest.of(LAYER)], user="other").encode()
    members = docker()
    members["manifest.json"].append({"Config": "d.json", "RepoTags": ["x:1"], "Layers": ["l/layer.tar"]})
    refused(tar({**members, "d.json": other}), Invalid, says="x:1 to two images")


def test_member_that_comes_twice_is_refused(refused: Any) -> None:
    sink = io.BytesIO()
    writer = TarWriter(sink)
    for name, value in (*docker().items(), ("manifest.json", [])):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        writer.add(Entry(name, "file", 0o644, 0, 0, 0, len(data)), io.BytesIO(data))
    writer.finish()
    refused(sink.getvalue(), Invalid, says="twice")


def test_member_name_outside_is_refused(refused: Any) -> None:
    data = bytearray(tar({"zz/escape": b"x", **docker()}))
    place = data.index(b"zz/escape")
    data[place : place + 9] = b"../escape"
    header = place - place % 512
    checksum = sum(data[header : header + 148]) + 8 * 32 + sum(data[header + 156 : header + 512])
    data[header + 148 : header + 156] = b"%06o\0 " % checksum
    refused(bytes(data), Invalid, says="escape")


def test_device_in_an_archive_is_refused(refused: Any) -> None:
    sink = io.BytesIO()
    TarWriter(sink).add(Entry("manifest.json", "char", 0o644, 0, 0, 0, major=1, minor=3), None)
    refused(sink.getvalue() + tar(docker()), Invalid)


@pytest.mark.parametrize("lost", ["manifest.json", "c.json", "l/layer.tar"])
def test_missing_members_are_named(refused: Any, lost: str) -> None:
    members = docker()
    del members[lost]
    refused(tar(members), Invalid, says=lost)


def test_missing_blobs_are_named(refused: Any) -> None:
    for lost in (CONFIG, LAYER):
        members = oci()
        del members[blob(lost)[0]]
        refused(tar(members), Invalid, says=Digest.of(lost).hex)


def test_layer_with_another_digest_is_refused(refused: Any) -> None:
    refused(tar({**docker(), "l/layer.tar": tar_of({"a": b"2"})}), Corrupt, says="l/layer.tar")


def test_compressed_layer_is_checked_as_it_lies_there_too(refused: Any) -> None:
    packed = gzip.compress(LAYER, mtime=0)
    members = oci({"layers": [described(packed, f"{LAYER_TYPE}+gzip")]})
    members[blob(packed)[0]] = gzip.compress(LAYER, mtime=1)  # the same layer in other bytes
    refused(tar(members), Corrupt, says=Digest.of(packed))


@pytest.mark.parametrize("which", [0, 1])
def test_document_with_another_digest_is_refused(refused: Any, which: int) -> None:
    members = oci()
    names = [members["index.json"]["manifests"][0]["digest"].hex, Digest.of(CONFIG).hex]
    members[f"blobs/sha256/{names[which]}"] += b" "
    refused(tar(members), Corrupt, says=names[which])
    named = Digest.of(CONFIG).hex
    refused(tar({**docker(Config=f"{named}.json"), f"{named}.json": CONFIG + b" "}), Corrupt, says=named)


def test_swapped_layers_are_refused(refused: Any) -> None:
    second = tar_of({"b": b"2"})
    config = config_of([Digest.of(LAYER), Digest.of(second)]).encode()
    members = {**docker(Layers=["m.tar", "l/layer.tar"]), "c.json": config, "m.tar": second}
    refused(tar(members), Corrupt)


def test_number_of_layers_must_fit(refused: Any) -> None:
    refused(tar(docker(Layers=["l/layer.tar"] * 2)), Invalid, says="1 layers, the archive of 2")
    refused(tar(docker(Layers=[])), Invalid, says="1 layers, the archive of 0")


@pytest.mark.parametrize("name", ["manifest.json", "c.json"])
def test_giant_documents_are_refused(refused: Any, name: str) -> None:
    refused(tar({**docker(), name: b"[" + b" " * (5 << 20) + b"]"}), Invalid, says=name)


DOCUMENTS = [
    b"", b"{", b"null", b"[]x", b"[[]]", b'[{"Config":1}]', b'{"a":1,"a":2}', b"[" * 100_000, b"\xff\xfe",
    b'[{"Config":"c.json","Layers":"l/layer.tar"}]', b'[{"Config":"c.json","Layers":[1]}]', b"NaN",
    b'[{"Config":"c.json","Layers":["l/layer.tar"],"RepoTags":"x"}]', b'{"schemaVersion":2}',
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_malformed_manifest_json_is_refused(refused: Any, document: bytes) -> None:
    refused(tar({**docker(), "manifest.json": document}), Invalid)


CONFIGS = [
    b"{}", b"[]", b"{", b'{"rootfs":{"diff_ids":["sha256:../../x"]}}', b'{"rootfs":{"diff_ids":[1]}}',
    b'{"rootfs":{"diff_ids":["sha512:' + b"0" * 128 + b'"]}}', b'{"rootfs":{"diff_ids":["sha256:0"]}}',
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
def test_malformed_config_is_refused(refused: Any, config: bytes) -> None:
    refused(tar({**docker(), "c.json": config}), Invalid)


def test_malformed_layouts_are_refused(refused: Any) -> None:
    for members in (
        {**oci(), "oci-layout": {"imageLayoutVersion": "2.0.0"}},
        {**oci(), "oci-layout": b"x"},
        oci({"manifests": []}),
        oci({"layers": [described(LAYER, "text/plain")]}),
        oci({"config": described(CONFIG, "application/vnd.cncf.helm.config.v1+json")}),
        oci({"layers": [{**described(LAYER, LAYER_TYPE), "digest": "sha256:../../../x"}]}),
        oci({"layers": [{**described(LAYER, LAYER_TYPE), "size": -1}]}),
        oci(mediaType=7, manifests=7),
        oci(layers=[]),
        oci(manifests=[{"mediaType": "x", "digest": "../../index.json", "size": 1}]),
    ):
        refused(tar(members), Invalid)


def test_manifest_that_says_it_is_something_else_is_refused(refused: Any) -> None:
    refused(tar(oci({"mediaType": "application/vnd.oci.image.index.v1+json"})), Invalid)


def test_indexes_in_indexes_end(refused: Any) -> None:
    members = oci()
    entry = members["index.json"]["manifests"][0]
    for _ in range(8):
        data = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        members[blob(data)[0]] = data
        entry = described(data, "application/vnd.oci.image.index.v1+json")
    members["index.json"]["manifests"] = [entry]
    refused(tar(members), Invalid, says="nested")


def test_layer_that_is_no_sound_tar_is_refused(refused: Any) -> None:
    broken = bytearray(LAYER)
    broken[257:262] = b"ustar"
    broken[124:136] = b"77777777777\0"  # a size far beyond the end
    broken[148:156] = b"%06o\0 " % (sum(broken[:148]) + 8 * 32 + sum(broken[156:512]))
    config = config_of([Digest.of(bytes(broken))]).encode()
    refused(tar({**docker(), "c.json": config, "l/layer.tar": bytes(broken)}), Corrupt)


def test_damaged_compression_is_refused(refused: Any) -> None:
    for packed in (gzip.compress(LAYER)[:-9], gzip.compress(LAYER) + b"trailing", b"\x1f\x8b" + bytes(600)):
        refused(tar({**docker(), "l/layer.tar": packed}), Invalid, Corrupt)


def test_archive_cut_off_anywhere_is_refused(refused: Any) -> None:
    for whole in (tar(docker()), tar(oci())):
        for end in range(1, len(whole) - 1024, 509):
            refused(whole[:end])


def test_flipped_bits_never_give_another_image(store: Store, tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311 - the same flips each time
    whole = tar({**docker(Config=f"{Digest.of(CONFIG).hex}.json"), f"{Digest.of(CONFIG).hex}.json": CONFIG})
    good = 0
    for number in range(300):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        fresh = Store.open(tmp_path / f"s{number}")
        try:
            found = load(Pipe(bytes(data)), Loading(fresh, lambda _: None))
        except SealiftError:
            assert_empty(fresh)
            continue
        good += 1
        for one in found:
            assert one.record.image_id == Digest.of(CONFIG)
            assert fresh.layers.path(one.record.layers[0]).read_bytes() == LAYER
    assert 0 < good < 300


def test_failed_load_leaves_other_images_alone(refused: Any, store: Store, tmp_path: Path) -> None:
    layer = layer_of(store, {"z": b"z"})
    image_of(store, [layer], "keep:1")
    with pytest.raises(Corrupt):
        load(Pipe(tar({**docker(RepoTags=["keep:1"]), "l/layer.tar": tar_of({"b": b""})})),
             Loading(store, lambda _: None))  # fmt: skip
    assert store.images.find("keep:1").layers == (layer,)


def test_loads_beside_each_other_agree(store: Store, tiny_image: ImageRecord, tmp_path: Path) -> None:
    sink = io.BytesIO()
    save(choose(store, ["tiny"]), sink, Saving(store))
    other = Store.open(tmp_path / "other")
    errors: list[BaseException] = []

    def work() -> None:
        try:
            load(Pipe(sink.getvalue()), Loading(other, lambda _: None))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert other.images.find("tiny").image_id == tiny_image.image_id
    assert other.check() == []


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15])
def test_killed_load_leaves_nothing_and_can_be_repeated(tmp_path: Path, delay: float) -> None:
    layer = tar_of({"big": os.urandom(1 << 20) * 48})
    config = config_of([Digest.of(layer)]).encode()
    archive = tmp_path / "archive.tar"
    archive.write_bytes(tar({**docker(), "c.json": config, "l/layer.tar": layer}))
    code = (
        "import sys; from pathlib import Path\n"
        "from sealift.store import Store; from sealift.transfer import Loading, load\n"
        "s = Store.open(Path(sys.argv[2])); print('go', flush=True)\n"
        "load(Path(sys.argv[1]), Loading(s, lambda _: None))"
    )
    root = tmp_path / "store"
    words = [sys.executable, "-c", code, str(archive), str(root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    store = Store.open(root)
    assert not list(store.tmp.iterdir())
    assert store.check() == []
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    assert store.images.find("x:1").config.encode() == config
    assert str(Reference.parse("x:1")) in store.images.find("x:1").references
