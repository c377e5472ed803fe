"""Layers as tars: read with suspicion, written canonically, unpacked, and made from changed directories."""

from sealift.archive.changes import diff
from sealift.archive.compression import decompress
from sealift.archive.data import open_data
from sealift.archive.entry import Entry, Sink, Source
from sealift.archive.reader import read_entries
from sealift.archive.unpack import apply
from sealift.archive.writer import TarWriter

__all__ = [
    "Entry", "Sink", "Source", "TarWriter", "apply", "decompress", "diff", "open_data",
    "read_entries",
]  # fmt: skip
