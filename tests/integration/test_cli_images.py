"""The image commands as a user types them."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from fixtures_cli import Program
from fixtures_images import image_of, layer_of
from sealift.core.config import History
from sealift.store import ImageRecord, Store

pytestmark = pytest.mark.root


def test_images_lists_every_name(sealift: Program, tiny_image: ImageRecord) -> None:
    sealift("tag", "tiny", "example.com:5000/team/app:1.0")
    lines = sealift("images").splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert {tuple(line.split()[:3]) for line in lines[1:]} == {
        ("tiny", "latest", tiny_image.image_id.short),
        ("example.com:5000/team/app", "1.0", tiny_image.image_id.short),
    }
    assert sealift("images", "-q") == f"{tiny_image.image_id.short}\n"
    assert sealift("image", "ls", "-q", "--no-trunc", "tiny") == f"{tiny_image.image_id}\n"
    assert json.loads(sealift("images", "--format", "json", "tiny"))["Tag"] == "latest"
    assert sealift("images", "--format", "{{.Repository}}:{{.Tag}}", "tiny:latest") == "tiny:latest\n"
    assert "table needs" not in sealift("images", "--format", "table {{.ID}}\\t{{.Size}}")


def test_image_filters(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    layer = layer_of(store, {"x": b"x"})
    loose = image_of(store, [layer], labels=(("app", "web"),), created="2020-01-01T00:00:00Z")

    def ids(*filters: str) -> set[str]:
        words = [word for text in filters for word in ("--filter", text)]
        return set(sealift("images", "-q", "--no-trunc", *words).split())

    both = {str(tiny_image.image_id), str(loose.image_id)}
    assert ids() == both
    assert ids("dangling=true") == {str(loose.image_id)}
    assert ids("dangling=false") == {str(tiny_image.image_id)}
    assert ids("label=app=web") == {str(loose.image_id)}
    assert ids("label=app", "dangling=false") == set()
    assert ids("reference=ti*") == {str(tiny_image.image_id)}
    assert ids("reference=*/ti*") == set()
    assert ids("before=tiny") == {str(loose.image_id)}
    assert ids(f"since={loose.image_id.short}") == {str(tiny_image.image_id)}
    assert ids("until=2021-01-01") == {str(loose.image_id)}
    assert "unknown filter" in sealift.fails("images", "--filter", "colour=red")


def test_tag_moves_a_name(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    other = image_of(store, tiny_image.layers[:1], "other:1")
    sealift("tag", "other:1", "tiny")
    assert store.images.find("tiny").image_id == other.image_id
    assert "no such image" in sealift.fails("tag", "nothing", "x")
    assert "invalid reference" in sealift.fails("tag", "tiny", "UPPER/Case:")


def test_rmi_takes_names_then_the_image(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    sealift("tag", "tiny", "second:1")
    assert sealift("rmi", "second:1") == "Untagged: second:1\n"
    assert all(store.layers.has(layer) for layer in tiny_image.layers)
    assert sealift("image", "rm", "tiny") == f"Untagged: tiny:latest\nDeleted: {tiny_image.image_id}\n"
    assert not list(store.layers.all())
    assert not list(store.blobs.all())


def test_rmi_by_id_wants_force_for_several_repositories(sealift: Program, tiny_image: ImageRecord) -> None:
    sealift("tag", "tiny", "second:1")
    assert "several repositories" in sealift.fails("rmi", tiny_image.image_id.short)
    sealift("rmi", "-f", tiny_image.image_id.short)
    assert sealift("images", "-q") == ""


def test_rmi_reports_each_failure_and_goes_on(sealift: Program) -> None:
    assert "no such image: nothing" in sealift.fails("rmi", "nothing", "tiny")
    assert sealift("images", "-q") == ""
    sealift("rmi", "-f", "nothing")


def test_rmi_spares_what_containers_need(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    sealift("create", "--name", "idle", "--network", "none", "tiny", "cat", "/etc/motd")
    assert "stopped container idle" in sealift.fails("rmi", "tiny")
    sealift("rmi", "-f", "tiny")
    assert all(store.layers.has(layer) for layer in tiny_image.layers)
    assert sealift("start", "-a", "idle") == "hello\n"
    sealift("rm", "idle")
    sealift("system", "prune", "-f")
    assert not list(store.layers.all())


def test_rmi_of_a_running_container_s_image_cannot_be_forced(sealift: Program) -> None:
    sealift("run", "-d", "--name", "busy", "--network", "none", "tiny", "sleep", "60")
    assert "running container busy" in sealift.fails("rmi", "-f", "tiny")


def test_history_explains_layers(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    steps = (
        History("2024-01-02T03:04:05Z", "COPY base /"),
        History("2024-01-02T03:04:06Z", "ENV A=1", "note", empty_layer=True),
        History("2024-01-02T03:04:07Z", "RUN " + "x" * 60),
    )
    image_of(store, tiny_image.layers, "told", history=steps)
    rows = sealift("history", "--format", "{{.Size}}|{{.CreatedBy}}|{{.Comment}}", "told").splitlines()
    assert rows[0].startswith("2.56kB|RUN xxx") and rows[0].endswith("…|")
    assert rows[1] == "0B|ENV A=1|note"
    assert rows[2].endswith("|COPY base /|")
    assert "x" * 60 in sealift("history", "--no-trunc", "told")
    assert sealift("history", "-q", "told").split()[1:] == ["<missing>"] * 2
    assert "2560" in sealift("history", "--human=false", "told")


def test_inspect_has_docker_s_members(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    [found] = json.loads(sealift("inspect", "--type", "image", "tiny"))
    assert found["Id"] == tiny_image.image_id
    assert found["RepoTags"] == ["tiny:latest"]
    assert found["RootFS"] == {"Type": "layers", "Layers": list(tiny_image.layers)}
    assert found["Config"]["Cmd"] == ["sh"]
    assert found["Config"]["Entrypoint"] is None
    assert sealift("image", "inspect", "-f", "{{.Os}}/{{.Architecture}} {{.Config.Env}}", "tiny") == (
        "linux/amd64 [PATH=/bin]\n"
    )


def test_save_and_load_through_a_pipe(sealift: Program, tiny_image: ImageRecord, tmp_path: Path) -> None:
    with (tmp_path / "archive").open("wb") as out:
        subprocess.run(sealift.command("save", "tiny"), stdout=out, check=True)
    sealift("rmi", "tiny")
    with (
        (tmp_path / "archive").open("rb") as archive,
        subprocess.Popen(["cat"], stdin=archive, stdout=subprocess.PIPE) as cat,
    ):
        done = subprocess.run(sealift.command("load"), stdin=cat.stdout, capture_output=True, check=True)
    assert done.stdout == b"Loaded image: tiny:latest\n"
    assert sealift("run", "--rm", "--network", "none", "tiny", "cat", "/etc/motd") == "hello\n"


def test_save_writes_whole_files_or_none(sealift: Program, tiny_image: ImageRecord, store: Store) -> None:
    place = store.root.parent / "out"
    place.mkdir()
    sealift("save", "-o", str(place / "a.tar"), "tiny")
    first = (place / "a.tar").read_bytes()
    store.layers.path(tiny_image.layers[0]).write_bytes(b"damaged" * 1000)
    assert "sealift system check" in sealift.fails("save", "-o", str(place / "a.tar"), "tiny")
    assert [path.name for path in place.iterdir()] == ["a.tar"]
    assert (place / "a.tar").read_bytes() == first


def test_archives_are_not_for_terminals(sealift: Program) -> None:
    parent, child = pty.openpty()
    for words in (("save", "tiny"), ("load",)):
        done = subprocess.run(
            sealift.command(*words), stdin=child, stdout=child, stderr=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode == 1
        assert "sealift " + words[0] in done.stderr
    os.close(parent)
    os.close(child)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("load", "-i", "missing.tar"), "no such file: missing.tar"),
        (("save", "-o", "nowhere/x.tar", "tiny"), "no directory"),
        (("save", "-o", ".", "tiny"), "is a directory"),
        (("save", "nothing"), "no such image: nothing"),
        (("history", "nothing"), "no such image: nothing"),
        (("save", "--compress", "zstd", "--format", "docker", "-o", "x", "tiny"), "zstd"),
        (("images", "--format", "{{.Nome}}"), "no field .Nome"),
    ],
)
def test_mistakes_are_named(sealift: Program, words: tuple[str, ...], says: str) -> None:
    assert says in sealift.fails(*words)


def test_df_counts_each_layer_once(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    image_of(store, tiny_image.layers[:1], "second")
    sealift("create", "--network", "none", "second", "true")
    rows = {
        row["Type"]: row for row in map(json.loads, sealift("system", "df", "--format", "json").splitlines())
    }
    assert (rows["Images"]["TotalCount"], rows["Images"]["Active"]) == ("2", "1")
    assert rows["Images"]["Reclaimable"].startswith("2.56kB")
    assert rows["Containers"]["TotalCount"] == "1"
    assert "SHARED SIZE" in sealift("system", "df", "-v")


def test_prune_asks_and_removes_what_is_loose(
    sealift: Program, store: Store, tiny_image: ImageRecord
) -> None:
    loose = layer_of(store, {"loose": b"x" * 10_000})
    image_of(store, [loose])
    sealift("run", "--name", "done", "--network", "none", "tiny", "true")
    assert "[y/N]" in sealift("system", "prune", stdin="n\n")
    assert store.layers.has(loose)
    told = sealift("system", "prune", stdin="y\n")
    assert "Total reclaimed space: " in told
    assert "Deleted Containers:" in told
    assert not store.layers.has(loose)
    assert store.images.find("tiny")
    sealift("system", "prune", "-a", "-f")
    assert not list(store.layers.all())
    assert not list((store.root / "indexes").iterdir())


def test_image_prune_keeps_names_and_what_filters_spare(sealift: Program, store: Store) -> None:
    kept = image_of(store, [layer_of(store, {"k": b""})], labels=(("keep", "me"),))
    image_of(store, [layer_of(store, {"g": b""})])
    sealift("image", "prune", "-f", "--filter", "label!=keep")
    assert {record.image_id for record in store.images.all()} == {
        kept.image_id,
        store.images.find("tiny").image_id,
    }
    sealift("image", "prune", "-a", "-f", "--filter", "until=2000-01-01")
    assert len(store.images.all()) == 2
    sealift("image", "prune", "-a", "-f")
    assert store.images.all() == []


def test_check_finds_and_repairs_damage(sealift: Program, store: Store, tiny_image: ImageRecord) -> None:
    assert sealift("system", "check") == "all is well\n"
    path = store.layers.path(tiny_image.layers[1])
    path.write_bytes(path.read_bytes() + b"x")
    assert tiny_image.layers[1] in sealift("system", "check", code=1)
    assert (
        json.loads(sealift("system", "check", "--format", "json", code=1).splitlines()[0])["Kind"] == "layer"
    )
    sealift("system", "check", "--repair")
    assert sealift("system", "check") == "all is well\n"
    assert not store.layers.has(tiny_image.layers[1])
