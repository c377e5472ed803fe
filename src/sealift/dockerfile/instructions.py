"""What each instruction says, as values. Variables are not replaced yet: that depends on the stage."""

from typing import NamedTuple

from sealift.core.config import Healthcheck
from sealift.dockerfile.lines import Heredoc
from sealift.dockerfile.place import Place


class Command(NamedTuple):
    """A command line: in shell form one text, in exec form (JSON) the words. Empty is possible."""

    words: tuple[str, ...]
    by_shell: bool


class From(NamedTuple):
    base: str
    name: str
    platform: str


class Arg(NamedTuple):
    """Names with their defaults, None where there is none."""

    pairs: tuple[tuple[str, str | None], ...]


class Env(NamedTuple):
    pairs: tuple[tuple[str, str], ...]


class Label(NamedTuple):
    pairs: tuple[tuple[str, str], ...]


class Run(NamedTuple):
    """`network` is "", "default", "none" or "host"."""

    command: Command
    heredocs: tuple[Heredoc, ...]
    network: str


class CopyFiles(NamedTuple):
    """COPY and ADD. `origin` is `--from`; `unpack` is None where ADD's default holds."""

    word: str
    sources: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    destination: str
    origin: str
    chown: str
    chmod: str
    exclude: tuple[str, ...]
    unpack: bool | None


class Workdir(NamedTuple):
    path: str


class UserName(NamedTuple):
    user: str


class Expose(NamedTuple):
    ports: tuple[str, ...]


class Volume(NamedTuple):
    paths: tuple[str, ...]


class Cmd(NamedTuple):
    command: Command


class Entrypoint(NamedTuple):
    command: Command


class Shell(NamedTuple):
    words: tuple[str, ...]


class StopSignal(NamedTuple):
    signal: str


class Health(NamedTuple):
    check: Healthcheck


class Maintainer(NamedTuple):
    name: str


class OnBuild(NamedTuple):
    """An instruction kept for the builds on top of this image, as it is written."""

    expression: str


Body = (
    Arg | Env | Label | Run | CopyFiles | Workdir | UserName | Expose | Volume | Cmd | Entrypoint | Shell
    | StopSignal | Health | Maintainer | OnBuild
)  # fmt: skip


class Instruction(NamedTuple):
    """One instruction of a stage; `text` is its line as written, continuations joined."""

    place: Place
    text: str
    body: Body


class Stage(NamedTuple):
    """From one FROM to the next."""

    place: Place
    text: str
    start: From
    instructions: tuple[Instruction, ...]
