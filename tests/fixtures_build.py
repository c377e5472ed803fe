"""Builds into a store of the test's own, on a tiny base image made by a build from scratch."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from sealift import wiring
from sealift.archive import Entry, read_entries
from sealift.build import Builder, BuildRequest, Built, Recipe
from sealift.build.context import read_recipe
from sealift.core.events import Event, Failed, Finished, Output, Started, Warned
from sealift.core.reference import Reference
from sealift.core.settings import Settings
from sealift.store import Store

BASE = 'FROM scratch\nCOPY . /\nENV PATH=/bin LANG=C\nLABEL base=yes\nCMD ["sh"]\n'
BASE_EPOCH = "1700000000"
APPLETS = (
    "awk", "cat", "chmod", "chown", "cp", "date", "dd", "echo", "env", "false", "find", "grep", "head", "id",
    "ip", "kill", "ln", "ls", "mkdir", "mknod", "mv", "nproc", "nslookup", "od", "ping", "ps", "pwd", "rm",
    "rmdir", "sed", "seq", "sh", "sleep", "sort", "stat", "sync", "tar", "test", "touch", "tr", "true",
    "uname", "wc",
)  # fmt: skip


class Recorder(NamedTuple):
    """All that a build told."""

    events: list[Event]

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def notes(self) -> dict[str, str]:
        """How each step ended, by its title."""
        titles = {event.key: event.title for event in self.events if isinstance(event, Started)}
        ended = {event.key: event.note or "done" for event in self.events if isinstance(event, Finished)}
        ended |= {event.key: "failed" for event in self.events if isinstance(event, Failed)}
        return {titles[key]: note for key, note in ended.items()}

    def output(self) -> str:
        return b"".join(event.data for event in self.events if isinstance(event, Output)).decode()

    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]


class Workshop:
    """A store with a builder. `build(text, …)` writes no Dockerfile into the context."""

    def __init__(self, root: Path, context: Path) -> None:
        self.settings = Settings(root, {})
        self.store: Store = wiring.store(self.settings)
        self.builder: Builder = wiring.builder(self.settings)
        self.context = context
        self.told = Recorder([])

    def build(
        self, text: str, tag: str = "", *, environment: Mapping[str, str] | None = None, **changes: object
    ) -> Built:
        """Build this Dockerfile with the workshop's context; what it tells is in `told`."""
        self.told = Recorder([])
        request = BuildRequest(
            Recipe(text, "Dockerfile"), self.context, environment=environment or {}, network="none"
        )
        if tag:
            request = request._replace(tags=(Reference.parse(tag),))
        return self.builder.build(request._replace(**changes), self.told.emit)  # type: ignore[arg-type]

    def build_context(self) -> Built:
        """Build the context's own Dockerfile."""
        self.told = Recorder([])
        request = BuildRequest(read_recipe(self.context, None, Path()), self.context, network="none")
        return self.builder.build(request, self.told.emit)

    def files(self, built: Built, layer: int = -1) -> dict[str, Entry]:
        """The entries of one layer, by path."""
        diff_id = built.image.layers[layer]
        with self.store.layers.path(diff_id).open("rb") as file:
            return {entry.path: entry for entry in read_entries(file)}

    def read(self, built: Built, path: str, layer: int = -1) -> bytes:
        """The content of one file of a layer."""
        entry = self.files(built, layer)[path]
        with self.store.layers.path(built.image.layers[layer]).open("rb") as file:
            file.seek(entry.offset)
            return file.read(entry.size)

    def leftovers(self) -> list[str]:
        """What steps have left behind."""
        work = self.store.root / "build/work"
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        left = [path.name for path in work.iterdir()] if work.exists() else []
        left += [line for line in mounts if str(work) in line]
        return left + [path.name for path in self.store.tmp.iterdir()]


@pytest.fixture(scope="session")
def base_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the base image."""
    program = shutil.which("busybox")
    if program is None:
        pytest.fail("these tests need the package busybox-static")
    root = tmp_path_factory.mktemp("base")
    for name in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var/log"):
        (root / name).mkdir(parents=True)
    shutil.copy(program, root / "bin/busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\napp:x:1001:\nextra:x:44:app\n")
    return root


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A store without images, and an empty context."""
    context = tmp_path / "context"
    context.mkdir()
    return Workshop(tmp_path / "store", context)


@pytest.fixture
def make_base(base_tree: Path) -> Callable[[Workshop], None]:
    """Puts the image `base` into a workshop's store."""

    def make(workshop: Workshop) -> None:
        context, workshop.context = workshop.context, base_tree
        workshop.build(BASE, "base", environment={"SOURCE_DATE_EPOCH": BASE_EPOCH})
        workshop.context = context

    return make


@pytest.fixture
def based(workshop: Workshop, make_base: Callable[[Workshop], None]) -> Iterator[Workshop]:
    """A workshop with the image `base`, which leaves nothing behind."""
    make_base(workshop)
    yield workshop
    assert workshop.leftovers() == []
    if (workshop.store.root / "networks").exists():
        wiring.networks(workshop.settings, workshop.store).down()
