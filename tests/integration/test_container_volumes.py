"""Volumes: filled, kept, shared, in use, removed."""

import os
from pathlib import Path

import pytest

from fixtures_container import Box
from sealift.container import MountSpec
from sealift.core.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.root


def volume(name: str, target: str = "/data", **members: object) -> MountSpec:
    return MountSpec("volume", target, name)._replace(**members)  # type: ignore[arg-type]


def test_new_volume_begins_with_what_the_image_has(box: Box) -> None:
    line = "stat -c '%n %a %u %g' /data /data/seed; readlink /data/link; cat /data/seed"
    listed = box.output(box.sh(line, mounts=(volume("vol"),)))
    assert listed == "/data 750 1000 44\n/data/seed 640 1000 1000\nseed\nseed\n"


def test_volume_outlives_its_containers_and_is_not_filled_again(box: Box) -> None:
    box.output(box.sh("rm /data/seed; echo mine > /data/own", mounts=(volume("vol"),)))
    assert box.output(box.sh("ls /data; cat /data/own", mounts=(volume("vol"),))) == "link\nown\nmine\n"


def test_volume_is_not_filled_when_asked_not_to(box: Box) -> None:
    assert box.output(box.sh("ls /data", mounts=(volume("vol", copy=False),))) == ""


def test_volume_may_be_read_only_and_shared(box: Box) -> None:
    line = "touch /data/x 2>/dev/null || echo ro"
    assert box.output(box.sh(line, mounts=(volume("vol", read_only=True),))) == "ro\n"
    box.containers.run(box.sh("sleep 0.2; echo hi > /data/from", name="one", mounts=(volume("vol"),)))
    line = "while ! test -e /data/from; do sleep 0.05; done; echo seen"
    assert box.output(box.sh(line, mounts=(volume("vol"),))) == "seen\n"


def test_volume_in_use_is_not_removed(box: Box) -> None:
    volumes = box.containers.volumes
    box.containers.create(box.spec("true", name="one", mounts=(volume("vol"),)))
    box.containers.start("one")
    box.containers.wait("one")
    with pytest.raises(Conflict, match="in use by container"):
        volumes.remove("vol")
    assert volumes.users("vol") == [box.containers.find("one").id]
    assert volumes.prune(everything=True).names == ()
    box.containers.remove("one", volumes=True)
    assert [one.name for one in volumes.all()] == ["vol"]
    volumes.remove("vol")
    with pytest.raises(NotFound):
        volumes.find("vol")
    volumes.remove("vol", force=True)


def test_anonymous_volume_goes_with_its_container_when_asked_for(box: Box) -> None:
    volumes = box.containers.volumes
    box.output(box.sh("ls /data", mounts=(volume(""),)))
    assert volumes.all() == []  # --rm takes them along
    box.foreground(box.sh("echo x > /data/x", name="one", mounts=(volume(""),)))
    (found,) = volumes.all()
    assert found.anonymous
    box.containers.remove("one")
    assert volumes.prune().names == (found.name,)


def test_image_volumes_are_made(box: Box) -> None:
    from fixtures_images import image_of

    base = box.store.images.find("box:latest").layers
    image_of(box.store, base, "withvolume:latest", volumes=("/data", "/new/place"))
    spec = box.sh("ls /data; touch /new/place/x", name="one", image="withvolume:latest")
    assert box.foreground(spec).out == b"link\nseed\n"
    assert sorted(mount.target for mount in box.containers.find("one").mounts) == ["/data", "/new/place"]
    assert len(box.containers.volumes.all()) == 2
    assert box.streamed(lambda streams: box.containers.start_attached("one", streams)).out == b"link\nseed\n"
    assert len(box.containers.volumes.all()) == 2


def test_interrupted_filling_begins_anew(box: Box) -> None:
    made = box.containers.volumes.create("vol")
    (made.path.parent / "copying").touch()
    (made.path / "half").write_text("x")
    assert box.output(box.sh("ls /data", mounts=(volume("vol"),))) == "link\nseed\n"


def test_prune_takes_named_volumes_only_when_told(box: Box) -> None:
    volumes = box.containers.volumes
    volumes.create("named", (("a", "b"),))
    anonymous = volumes.create()
    (anonymous.path / "file").write_bytes(b"x" * 50_000)
    pruned = volumes.prune()
    assert pruned.names == (anonymous.name,)
    assert pruned.freed >= 50_000
    assert volumes.prune(everything=True, keep=lambda one: one.name == "named").names == ()
    assert volumes.prune(everything=True).names == ("named",)


def test_volume_is_found_again_under_its_name(box: Box) -> None:
    volumes = box.containers.volumes
    made = volumes.create("vol", (("a", "b"),))
    assert volumes.create("vol") == made
    shown = volumes.inspect("vol")
    assert shown["Mountpoint"] == str(made.path)
    assert shown["Labels"] == {"a": "b"}
    assert set(shown) == {"CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"}
    assert made.path.parent.parent == box.store.root / "volumes"


@pytest.mark.parametrize("name", ["..", "a/b", ".x", "a b", "x" * 129, "\0"])
def test_bad_volume_names_are_refused(box: Box, name: str) -> None:
    with pytest.raises(Invalid):
        box.containers.volumes.create(name)
    with pytest.raises(NotFound):
        box.containers.volumes.find(name)


def test_filling_never_leaves_the_image(box: Box, tmp_path: Path) -> None:
    """A volume's place in the image may be a symlink to anywhere, and so may everything below it."""
    from fixtures_images import image_of, layer_of

    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("canary")
    (base, *_) = box.store.images.find("box:latest").layers
    links = {"data": str(secret), "other/inner": str(secret / "key")}
    evil = layer_of(box.store, {"other": None}, links)
    image_of(box.store, (base, evil), "evil:latest")
    listed = box.output(box.sh("ls /mnt", image="evil:latest", mounts=(volume("vol", "/mnt"),)))
    assert listed == ""
    run = box.foreground(box.sh("ls -l /other /data/", image="evil:latest", auto_remove=True,
                                mounts=(volume("one", "/other"),)))  # fmt: skip
    assert b"canary" not in run.out
    inner = box.containers.volumes.find("one").path / "inner"
    assert inner.is_symlink()
    box.foreground(box.sh("true", image="evil:latest", auto_remove=True, mounts=(volume("two", "/data"),)))
    assert list(box.containers.volumes.find("two").path.iterdir()) == []
    assert os.listdir(secret) == ["key"]  # noqa: PTH208
