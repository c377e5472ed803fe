"""What a tar says of one path."""

from typing import NamedTuple, Protocol

WHITEOUT = ".wh."
"""A file of this name plus NAME deletes NAME of the layers below (OCI image spec, layer.md, "Whiteouts")."""

OPAQUE = ".wh..wh..opq"
"""A file of this name hides all that the layers below have in its directory."""

FILE, DIR, SYMLINK, HARDLINK = "file", "dir", "symlink", "hardlink"
CHAR, BLOCK, FIFO = "char", "block", "fifo"


class Entry(NamedTuple):
    """One member of a layer.

    `path` is relative, without '.', '..' and empty parts; '' is the root. Names that are not UTF-8 carry
    their bytes by `surrogateescape`. `mode` has the 12 permission bits, `mtime` whole unix seconds. `target`
    is a path like `path` for a hard link, and any text for a symbolic one. `offset` is where the data lies
    in the tar, in bytes. `segments` is set for sparse files alone, and never empty for them: (logical
    offset, length, offset in the tar) each, in order; `size` is then the logical size.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int = 0
    target: str = ""
    offset: int = 0
    major: int = 0
    minor: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()
    segments: tuple[tuple[int, int, int], ...] = ()


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object: ...


class Source(Protocol):
    """Where bytes come from; an empty answer is the end."""

    def read(self, size: int, /) -> bytes: ...


def travels(xattr: str) -> bool:
    """Whether a layer carries this extended attribute: file capabilities and the user's own. Labels of the
    host's security modules and what overlayfs keeps for itself mean nothing elsewhere; a name with '=' is
    one that no tar can hold.
    """
    if xattr == "security.capability":
        return True
    return xattr.startswith("user.") and not xattr.startswith("user.overlay.") and "=" not in xattr
