"""PAX extended headers (POSIX.1-2017, pax, "pax Header Block"): records, read strictly."""

from sealift.archive.entry import travels
from sealift.core.errors import Invalid

MAX_BYTES = 1 << 20
"""The longest extended header: what Go's reader takes, and far above any real one."""

MAX_SPARSE_SEGMENTS = 1 << 17
XATTR = b"SCHILY.xattr."
_REFUSED = ("trusted.overlay.", "user.overlay.")
_SPARSE_LIST = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")

Records = dict[bytes, bytes]


def parse(data: bytes) -> Records:
    """The records of one extended header; a later one of the same name wins, an empty value takes it back.

    The repeated records of GNU's sparse format 0.0 are joined into the map that format 0.1 has.
    """
    records: Records = {}
    sparse: list[bytes] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        digits = data[position : max(space, position)]
        end = position + int(digits) if digits.isdigit() else 0
        if end <= space or end <= position or end > len(data) or data[end - 1] != 0x0A:
            raise Invalid("malformed extended header")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key or b"\0" in key:
            raise Invalid("malformed extended header")
        if key in _SPARSE_LIST:
            _join(sparse, key, value)
        else:
            records[key] = value
        position = end
    if sparse:
        records[b"GNU.sparse.map"] = b",".join(sparse)
    return records


def _join(sparse: list[bytes], key: bytes, value: bytes) -> None:
    if (key == _SPARSE_LIST[0]) == bool(len(sparse) % 2) or len(sparse) > 2 * MAX_SPARSE_SEGMENTS:
        raise Invalid("malformed sparse map")
    sparse.append(value)


def number(records: Records, key: bytes, default: int) -> int:
    """The decimal value of a record, never negative; `default` where there is none."""
    value = records.get(key)
    if not value:
        return default
    if not value.isdigit() or len(value) > 20:
        raise Invalid(f"{key.decode()} is not a number: {value[:40]!r}")
    return int(value)


def seconds(records: Records, default: int) -> int:
    """The modification time, rounded down to whole seconds; `default` where there is none."""
    value = records.get(b"mtime")
    if not value:
        return default
    whole, _, fraction = value.partition(b".")
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 20 or (fraction and not fraction.isdigit()):
        raise Invalid(f"mtime is not a time: {value[:40]!r}")
    return int(whole) - (1 if whole.startswith(b"-") and fraction.strip(b"0") else 0)


def xattrs(records: Records) -> tuple[tuple[str, bytes], ...]:
    """The extended attributes that travel with a layer, by name. Those that steer overlayfs are refused:
    they would make a layer show what other layers and the host have.
    """
    found = []
    for key, value in records.items():
        if not key.startswith(XATTR):
            continue
        name = key[len(XATTR) :].decode("utf-8", "surrogateescape")
        if name.startswith(_REFUSED):
            raise Invalid(f"extended attribute {name[:80]!r} is not allowed in a layer")
        if travels(name):
            if len(name) > 255 or len(value) > 65536:
                raise Invalid(f"extended attribute {name[:80]!r} is too long")
            found.append((name, value))
    return tuple(sorted(found))
