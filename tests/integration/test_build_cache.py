"""The step cache: what is done again and what is not, and images that are the same wherever built."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures_build import Workshop
from sealift import wiring
from sealift.build import Builder
from sealift.build.connection import Connections
from sealift.core.config import ImageConfig
from sealift.core.errors import Invalid, StepFailed
from sealift.snapshot import DirectorySnapshots
from sealift.store import Store

pytestmark = pytest.mark.root
TEXT = "FROM base\nCOPY a /a\nRUN cat /a > /b\nCOPY d /d\n"


@pytest.fixture(autouse=True)
def context(workshop: Workshop) -> Path:
    (workshop.context / "a").write_text("a")
    (workshop.context / "d/e").mkdir(parents=True)
    (workshop.context / "d/e/f").write_text("f")
    return workshop.context


def done(workshop: Workshop, text: str = TEXT, **changes: object) -> list[str]:
    """The instructions that were carried out, not taken from the cache."""
    workshop.build(text, "", environment={}, **changes)
    notes = workshop.told.notes().items()
    return [title.split()[1] for title, note in notes if title.startswith("[") and note != "cached"]


def test_an_unchanged_build_does_nothing(based: Workshop) -> None:
    assert done(based) == ["COPY", "RUN", "COPY"]
    assert done(based) == []


def test_times_and_owners_of_context_files_do_not_matter_contents_and_modes_do(based: Workshop) -> None:
    done(based)
    os.utime(based.context / "a", (1, 1))
    os.chown(based.context / "d/e/f", 12, 34)
    assert done(based) == []
    (based.context / "d/e/f").write_text("F")
    assert done(based) == ["COPY"]
    (based.context / "a").chmod(0o755)
    assert done(based) == ["COPY", "RUN", "COPY"]
    (based.context / "d/e/f").rename(based.context / "d/e/g")
    assert done(based) == ["COPY"]
    (based.context / "unrelated").write_text("x")
    assert done(based) == []


def test_a_file_changed_without_changing_size_or_mtime_is_noticed(based: Workshop) -> None:
    file = based.context / "a"
    os.utime(file, (10**9, 10**9))
    done(based)
    file.write_text("b")
    os.utime(file, (10**9, 10**9))
    assert done(based)[0] == "COPY"


def test_a_step_whose_input_changed_to_the_same_result_ends_the_doing(based: Workshop) -> None:
    text = "FROM base\nCOPY a /a\nRUN rm /a; echo same > /b\nRUN echo more >> /b\n"
    done(based, text)
    (based.context / "a").write_text("other")
    assert done(based, text) == ["COPY", "RUN", "RUN"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ENV A=1\nRUN true", "ENV A=2\nRUN true"), ("USER 1\nRUN true", "USER 2\nRUN true"),
        ("WORKDIR /x\nRUN true", "WORKDIR /y\nRUN true"), ("RUN true", "RUN --network=host true"),
        ("ARG A=1\nRUN true", "ARG A=2\nRUN true"), ("COPY a /x", "COPY --chown=1 a /x"),
        ("COPY a /x", "COPY --chmod=600 a /x"), ("COPY d /x", "COPY --exclude=e d /x"),
        ("COPY <<E /x\n1\nE", "COPY <<E /x\n2\nE"), ('SHELL ["/bin/sh","-ec"]\nRUN true', "RUN true"),
    ],
)  # fmt: skip
def test_whatever_decides_a_step_is_part_of_its_key(based: Workshop, first: str, second: str) -> None:
    based.build(f"FROM base\n{first}")
    assert done(based, f"FROM base\n{second}") != []
    assert done(based, f"FROM base\n{first}") == []


def test_configuration_alone_keeps_the_steps(based: Workshop) -> None:
    first = based.build(TEXT)
    second = based.build(f"{TEXT}HEALTHCHECK CMD true\nONBUILD RUN x\nLABEL a=1\n")
    assert all(note == "cached" for title, note in based.told.notes().items() if title.startswith("["))
    assert second.image.image_id != first.image.image_id
    assert second.image.layers == first.image.layers
    assert second.image.config.on_build == ("RUN x",)


def test_no_cache_does_every_step_again_and_gives_the_same_image(based: Workshop) -> None:
    first = based.build(TEXT)
    assert done(based, fresh=True) == ["COPY", "RUN", "COPY"]
    assert based.build(TEXT, fresh=True).image.image_id == first.image.image_id


def test_a_failed_step_is_not_remembered(based: Workshop) -> None:
    for _ in range(2):
        with pytest.raises(StepFailed):
            based.build("FROM base\nRUN false\n")


def test_a_step_whose_layer_is_gone_is_done_again(based: Workshop) -> None:
    built = based.build(TEXT)
    based.store.layers.remove(built.image.layers[-1])
    assert done(based) == ["COPY"]


def test_the_same_source_gives_the_same_image_in_any_store(
    based: Workshop, make_base: Callable[[Workshop], None], tmp_path: Path
) -> None:
    other = Workshop(tmp_path / "other", tmp_path / "copy")
    make_base(other)
    (other.context / "d/e").mkdir(parents=True)
    (other.context / "d/e/f").write_text("f")
    (other.context / "a").write_text("a")
    text = f"{TEXT}RUN mkdir -p /x/y && touch /x/z /x/y/q && ln /x/z /x/w\nWORKDIR /w\n"
    first, second = based.build(text), other.build(text)
    assert first.image.image_id == second.image.image_id
    assert first.image.manifest_digest == second.image.manifest_digest
    assert other.leftovers() == []


def test_the_same_image_where_layers_are_unpacked(
    based: Workshop, make_base: Callable[[Workshop], None], tmp_path: Path
) -> None:
    other = Workshop(tmp_path / "other", based.context)
    network = Connections(None)
    snapshots = DirectorySnapshots(other.store, unprivileged=False)
    engine = wiring.engine(other.settings, other.store)
    other.builder = Builder(other.store, snapshots, lambda: engine, network)
    make_base(other)
    changes = "rm -r /d/e /var && mkdir /var && touch /var/x && mv /tmp /tmp2"
    text = f"{TEXT}RUN {changes}\nCOPY d /d\nRUN rm /d/e/f\n"
    assert other.build(text).image.image_id == based.build(text).image.image_id
    assert other.leftovers() == []


def test_the_image_is_valid(based: Workshop) -> None:
    built = based.build(f"{TEXT}WORKDIR /etc\nENV A=1\n", "app:1")
    config = built.image.config
    assert ImageConfig.parse(config.encode()) == config
    assert sum(not entry.empty_layer for entry in config.history) == len(config.diff_ids)
    assert Store.open(based.store.root).images.find("app:1").image_id == built.image.image_id
    manifest = based.store.images.manifest(built.image)
    for layer in manifest.layers:
        assert based.store.layers.size(layer.digest) == layer.size
    assert {entry.created for entry in config.history} == {config.created}


def test_two_builds_at_once_do_a_step_once(based: Workshop) -> None:
    text = "FROM base\nRUN sleep 0.5; echo x > /x\n"
    others = [Workshop(based.store.root, based.context) for _ in range(3)]
    threads = [threading.Thread(target=other.build, args=(text,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notes = [other.told.notes()["[2/2] RUN sleep 0.5; echo x > /x"] for other in others]
    assert sorted(notes) == ["cached", "cached", "done"]


def test_a_file_that_changes_while_it_is_copied_is_an_error_not_a_mixture(based: Workshop) -> None:
    big = based.context / "big"
    big.write_bytes(b"x" * (8 << 20))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            with big.open("r+b") as file:
                file.truncate(4 << 20)
                file.truncate(8 << 20)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(3):
            try:
                built = based.build("FROM base\nCOPY big /big\n", fresh=True)
                assert based.files(built)["big"].size in (4 << 20, 8 << 20)
            except Invalid as error:
                assert "changed" in error.message or "shorter" in error.message
    finally:
        stop.set()
        changer.join()
