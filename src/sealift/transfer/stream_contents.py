"""An archive that comes as a stream. Its layers go into the store's files as they pass, before anybody knows
what they are; those that no image turns out to need are dropped.
"""

from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self, cast

from sealift.archive import Entry, read_entries
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid
from sealift.store import Layers, LayerWriter
from sealift.transfer import intake
from sealift.transfer.contents import Members, missing
from sealift.transfer.planned import MAX_DOCUMENT_BYTES, Layer
from sealift.transfer.streams import CHUNK, Forward, Part, Readable

MAX_PENDING = 400
"""Layers that wait for their image, an open file each."""

MAX_DOCUMENTS_BYTES = 64 << 20
_TRAILING_BYTES = 64 << 20


class Pending(NamedTuple):
    """A layer that has passed: not yet in the store, or (`writer` is None) there before. `found` is the hex
    SHA-256 of its bytes as they came.
    """

    writer: LayerWriter | None
    found: str


class StreamContents:
    """Use with `with`: layers that are not taken go then."""

    def __init__(self, source: Readable, layers: Layers, progress: intake.Progress) -> None:
        self._layers = layers
        self._progress = progress
        self._members = Members()
        self._documents: dict[str, bytes] = {}
        self._pending: dict[str, Pending] = {}
        self._bytes = 0
        self._stack = ExitStack()
        try:
            self._read(source)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def has(self, path: str) -> bool:
        return self._members.resolve(path) in self._documents

    def read(self, path: str) -> bytes:
        name = self._members.resolve(path)
        if name not in self._documents:
            if name in self._members.files:
                raise Invalid(f"{path[:200]!r} is no JSON document of at most {MAX_DOCUMENT_BYTES} bytes")
            raise missing(path)
        return self._documents[name]

    def take(self, layer: Layer) -> None:
        """Put a layer that has passed into the store, verified."""
        pending = self._pending.get(self._members.resolve(layer.path))
        if pending is None:
            if self._members.resolve(layer.path) in self._members.files:
                raise Invalid(f"{layer.path[:200]!r} is no layer: neither a tar nor a compressed one")
            raise missing(layer.path)
        if layer.digest is None or layer.digest.algorithm == "sha256":
            intake.check(layer, pending.found)
        if pending.writer is not None:
            intake.commit(pending.writer, layer)
        elif not self._layers.has(layer.diff_id):
            raise Corrupt(f"{layer.path} is not the layer {layer.diff_id}")

    def _read(self, source: Readable) -> None:
        stream = Forward(source)
        file = cast(BinaryIO, stream)
        for entry in read_entries(file):
            self._members.add(entry)
            if entry.kind == "file":
                stream.seek(entry.offset)
                part = Part(file, entry.size, entry.path)
                self._member(entry, part)
                while part.read(CHUNK):
                    pass
        left = _TRAILING_BYTES
        while left > 0 and (data := source.read(CHUNK)):
            left -= len(data)

    def _member(self, entry: Entry, part: Part) -> None:
        head = part.read(intake.MAGIC_BYTES)
        if intake.is_compressed(head) or intake.is_tar(head):
            self._layer(entry, part, head)
        elif entry.size <= MAX_DOCUMENT_BYTES and head.lstrip()[:1] in (b"{", b"["):
            self._document(entry, part, head)

    def _document(self, entry: Entry, part: Part, head: bytes) -> None:
        self._bytes += entry.size
        if self._bytes > MAX_DOCUMENTS_BYTES:
            raise Invalid(f"the archive has more than {MAX_DOCUMENTS_BYTES} bytes of documents")
        pieces = [head]
        while data := part.read(CHUNK):
            pieces.append(data)
        self._documents[entry.path] = b"".join(pieces)

    def _layer(self, entry: Entry, part: Part, head: bytes) -> None:
        name = entry.path.rpartition("/")[2].removesuffix(".tar")
        if self._is_stored(name):
            self._pending[entry.path] = Pending(None, name)
            return
        if len(self._pending) >= MAX_PENDING:
            raise Invalid(
                f"the archive has more than {MAX_PENDING} layers",
                fix="put it into a file and give it by -i FILE",
            )
        writer = self._stack.enter_context(self._layers.writer())
        found = intake.fill(
            writer, part, head, "sha256" if intake.is_compressed(head) else "", self._progress
        )
        self._pending[entry.path] = Pending(writer, found or writer.finish().hex)

    def _is_stored(self, name: str) -> bool:
        """Whether a layer of this name, when the name is a diff ID, is there already."""
        try:
            return self._layers.has(Digest.parse(f"sha256:{name}"))
        except Invalid:
            return False
