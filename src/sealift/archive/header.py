"""The fields of a tar header block (POSIX.1-2017, pax, "ustar Interchange Format", and GNU's variant)."""

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from sealift.core.errors import Invalid

MAX_PATH_BYTES = 4095
MAX_NAME_BYTES = 255

_unpack = Struct("100s8s8s8s12s12s8sc100s8s64x8s8s155s12s").unpack
_SUM_AT = slice(148, 156)


class Header(NamedTuple):
    """The fields as they lie there."""

    name: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    size: bytes
    mtime: bytes
    checksum: bytes
    kind: bytes
    link: bytes
    magic: bytes
    major: bytes
    minor: bytes
    prefix: bytes
    trailer: bytes


def split(block: bytes) -> Header:
    """The header in `block`, or `Invalid` if its checksum is wrong."""
    header = Header._make(_unpack(block))
    stored = octal(header.checksum)
    if stored != sum(block) - sum(header.checksum) + 256 and stored != _signed_sum(block):
        raise Invalid("wrong header checksum")
    return header


def _signed_sum(block: bytes) -> int:
    """As tars of some old systems summed: with signed characters."""
    rest = block[: _SUM_AT.start] + b" " * 8 + block[_SUM_AT.stop :]
    return sum(rest) - 256 * sum(byte > 127 for byte in rest)


@lru_cache(8192)
def octal(field: bytes) -> int:
    """A number field: octal digits, or GNU's base 256."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            return int.from_bytes(field, "big", signed=True)
        return int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
    text = field.strip(b" \0").partition(b"\0")[0]
    if not text:
        return 0
    if not text.isdigit() or b"8" in text or b"9" in text:
        raise Invalid(f"not an octal number: {text!r}")
    return int(text, 8)


def name(header: Header) -> bytes:
    """The name that stands in the header itself, with the prefix where the format has one."""
    short = header.name.partition(b"\0")[0]
    if header.magic[:6] != b"ustar\0":
        return short
    prefix = (
        header.prefix[:131] if header.trailer[8:] == b"tar\0" else header.prefix
    )  # star keeps times there
    long = prefix.partition(b"\0")[0]
    return long + b"/" + short if long else short


def clean(raw: bytes, what: str = "name") -> str:
    """A member's name as a path: relative, without empty and '.' parts. Names that climb are refused."""
    if b"\0" in raw:
        raise Invalid(f"{what} with a zero byte: {shown(raw)}")
    parts = [part for part in raw.decode("utf-8", "surrogateescape").split("/") if part and part != "."]
    if ".." in parts:
        raise Invalid(f"{what} that climbs out: {shown(raw)}")
    if len(raw) > MAX_NAME_BYTES:
        _check_length(raw, what)
    return "/".join(parts)


def _check_length(raw: bytes, what: str) -> None:
    if len(raw) > MAX_PATH_BYTES or any(len(part) > MAX_NAME_BYTES for part in raw.split(b"/")):
        raise Invalid(f"{what} is too long: {shown(raw)}")


def shown(raw: bytes) -> str:
    """A name for an error message: short, on one line, with nothing that a terminal would obey."""
    text = ascii(raw.decode("utf-8", "surrogateescape"))
    return text if len(text) <= 120 else f"{text[:117]}..."
