import pytest

from sealift.core import document
from sealift.core.config import Healthcheck, History, ImageConfig
from sealift.core.descriptor import OCI_CONFIG, OCI_LAYER, Descriptor
from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.core.manifest import MAX_MANIFEST_BYTES, Manifest
from sealift.core.platform import Platform

BLOB = Digest.of(b"blob")


def test_config_survives_encoding() -> None:
    config = ImageConfig(
        Platform("linux", "arm", "v7"),
        diff_ids=(BLOB,),
        env=("A=1", "B=é"),
        entrypoint=(),
        cmd=("serve",),
        labels=(("k", "v"),),
        healthcheck=Healthcheck(("CMD", "true"), interval=5_000_000_000, retries=2),
        history=(History(created_by="RUN x"), History(empty_layer=True)),
    )
    assert ImageConfig.parse(config.encode()) == config


def test_empty_entrypoint_differs_from_none() -> None:
    platform = Platform("linux", "amd64")
    assert ImageConfig.parse(ImageConfig(platform).encode()).entrypoint is None
    assert ImageConfig.parse(ImageConfig(platform, entrypoint=()).encode()).entrypoint == ()


def test_manifest_survives_encoding() -> None:
    manifest = Manifest(
        Descriptor(OCI_CONFIG, BLOB, 4), (Descriptor(OCI_LAYER, BLOB, 4),), annotations=(("a", "b"),)
    )
    assert Manifest.parse(manifest.encode()) == manifest


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b'{"schemaVersion":1}', b'{"schemaVersion":2,"config":{}}', b'{"a":NaN}',
        b'{"schemaVersion":2,"schemaVersion":2}', b"[" * 100_000, b'{"schemaVersion":true}',
        b'{"schemaVersion":2,"manifests":[],"layers":[],'
        b'"config":{"size":1,"digest":"sha256:' + b"0" * 64 + b'"}}',
        b'{"schemaVersion":2,"config":{"digest":"sha256:../../etc","size":1},"layers":[]}',
        b'{"schemaVersion":2,"config":{"digest":"sha256:' + b"0" * 64 + b'","size":-1},"layers":[]}',
        b" " * (MAX_MANIFEST_BYTES + 1),
    ],
)  # fmt: skip
def test_manifest_refuses_hostile_documents(data: bytes) -> None:
    with pytest.raises(Invalid):
        Manifest.parse(data)


def test_wrong_type_is_named_with_its_place() -> None:
    node = document.decode(b'{"a":{"b":[1,"x"]}}', "thing")
    with pytest.raises(Invalid, match=r"thing\.a\.b\[0\]: expected a string, found 1"):
        node.get("a").get("b").texts()


def test_brackets_inside_strings_are_not_nesting() -> None:
    assert document.decode(b'{"a":"' + b"[" * 500 + b'\\""}', "thing").get("a").text().startswith("[")


@pytest.mark.parametrize("text", ["sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:../x", "", "a" * 64])
def test_digest_refuses_anything_else(text: str) -> None:
    with pytest.raises(Invalid):
        Digest.parse(text)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("x86_64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64")),
        ("linux/arm/v7", Platform("linux", "arm", "v7")),
    ],
)
def test_platform_is_normalised(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform
