"""The build graph: immutable vertices, each an operation and the vertices it reads.

A vertex's key is the digest of its operation and its inputs' keys, so the same step written in two stages is
one vertex. Titles and places in the Dockerfile are kept beside it: they say nothing about the result.
"""

from typing import NamedTuple, assert_never

from sealift.core import document
from sealift.core.digest import Digest
from sealift.dockerfile.place import Place


class ImageSource(NamedTuple):
    """The layers of an image that is in the store; none for `FROM scratch`."""

    name: str
    layers: tuple[Digest, ...]


class ContextSource(NamedTuple):
    """The directory the caller builds from."""

    name: str


class Script(NamedTuple):
    """A heredoc that starts with `#!`: a file the step sees at `/dev/pipes/NAME` and runs."""

    name: str
    data: str


class Exec(NamedTuple):
    """A command run on top of its one input. `epoch` (unix seconds) bounds the times it leaves behind."""

    args: tuple[str, ...]
    env: tuple[str, ...]
    user: str
    workdir: str
    network: str
    hosts: tuple[tuple[str, str], ...]
    epoch: int
    script: Script | None = None


class InlineFile(NamedTuple):
    """A file whose content stands in the Dockerfile (`COPY <<NAME /path`)."""

    name: str
    data: str


class Copy(NamedTuple):
    """Files from the second input placed on top of the first.

    `destination` is absolute and keeps a trailing slash; `unpack` is ADD's handling of local archives.
    """

    word: str
    sources: tuple[str, ...]
    files: tuple[InlineFile, ...]
    destination: str
    chown: str
    chmod: str
    exclude: tuple[str, ...]
    unpack: bool
    epoch: int


class MakeDirectory(NamedTuple):
    """WORKDIR's effect on the files: the directory exists, its missing parents too, owned by `user`."""

    path: str
    user: str
    epoch: int


Operation = ImageSource | ContextSource | Exec | Copy | MakeDirectory


class Vertex(NamedTuple):
    key: Digest
    operation: Operation
    inputs: tuple[Digest, ...]
    title: str
    place: Place


class Graph:
    """Vertices by key. `add` is how one comes to be; inputs come before what reads them."""

    def __init__(self) -> None:
        self.vertices: dict[Digest, Vertex] = {}

    def add(self, operation: Operation, inputs: tuple[Digest, ...], title: str, place: Place) -> Digest:
        """The key of the vertex that does this; the one that is there already if there is one."""
        key = Digest.of(document.encode([type(operation).__name__, definition(operation), list(inputs)]))
        self.vertices.setdefault(key, Vertex(key, operation, inputs, title, place))
        return key

    def needed(self, targets: tuple[Digest, ...]) -> list[Vertex]:
        """Every vertex the targets need, inputs first."""
        order: dict[Digest, Vertex] = {}
        pending = [(key, False) for key in reversed(targets)]
        while pending:
            key, expanded = pending.pop()
            vertex = self.vertices[key]
            if expanded:
                order[key] = vertex
            elif key not in order:
                pending.append((key, True))
                pending += [(name, False) for name in reversed(vertex.inputs)]
        return list(order.values())


def definition(operation: Operation) -> list[document.JSON]:
    """What the operation is, as JSON: the part of a cache key that is written in the Dockerfile."""
    match operation:
        case ImageSource():
            return [list(operation.layers)]
        case ContextSource():
            return [operation.name]
        case Exec():
            hosts: list[document.JSON] = [list(pair) for pair in operation.hosts]
            script: list[document.JSON] = list(operation.script or ())
            return [
                list(operation.args), list(operation.env), operation.user, operation.workdir,
                operation.network, hosts, operation.epoch, script,
            ]  # fmt: skip
        case Copy():
            files: list[document.JSON] = [list(file) for file in operation.files]
            return [
                operation.word, list(operation.sources), files, operation.destination, operation.chown,
                operation.chmod, list(operation.exclude), operation.unpack, operation.epoch,
            ]  # fmt: skip
        case MakeDirectory():
            return list(operation)
    assert_never(operation)
