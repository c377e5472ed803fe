"""What this kernel lets us mount: found out by doing it once, and remembered until the next boot.

Nothing a probe mounts is ever attached to a directory, so nothing stays, even of one that is killed.
"""

import fcntl
import json
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from sealift.host import syscalls
from sealift.host.boot import boot_id, in_user_namespace
from sealift.host.files import remove_tree

FILES, LOOPS = "files", "loops"
CACHE = "probes.json"
_PLACE = ".tmp-probe"

_TINY_INDEX = """
eNpjYBgFo2AUjFTw6OHXByCaCYg5oTQ6YAViZiLN4wGTjGCz6AEYR6OQ4vB768jAoAPls+AJU2xpAxTPKo0MDBxQvgIOdbjjajQG
BwNQQYo1VSAbxlMHxo+enl5BUX5S6mgoDT8AAACACRo=
"""

TINY_TAR = b"sealift\n".ljust(512, b"\0")
_CONTENT = b"sealift\n"


class Abilities(NamedTuple):
    """How EROFS can be mounted here ("files", "loops" or ""; what went wrong), and why overlays cannot be."""

    erofs: str
    erofs_problem: str
    overlay_problem: str


def tiny_index() -> bytes:
    """An EROFS of one file, `probe`, whose content is the first bytes of its one device."""
    import zlib
    from base64 import b64decode

    return zlib.decompress(b64decode(_TINY_INDEX))


def abilities(directory: Path) -> Abilities:
    """What can be mounted with files in `directory`, where the answer is remembered too."""
    cache = directory / CACHE
    key = [boot_id(), os.geteuid(), Path("/proc/self/ns/user").stat().st_ino]
    with suppress(OSError, ValueError, TypeError):
        known, *found = json.loads(cache.read_bytes())
        if known == key:
            return Abilities(*found)
    result = probe(directory)
    with suppress(OSError):  # a full disk: ask again next time; torn, it is not understood
        cache.write_text(json.dumps([key, *result]))
    return result


def probe(directory: Path) -> Abilities:
    """Find out, whatever is remembered. One at a time: each clears what a killed one left."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    place = directory / _PLACE
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_tree(place)
        place.mkdir(mode=0o700)
        kind, problem = _erofs(place)
        found = Abilities(kind, problem, _overlay(place))
        remove_tree(place)
        return found
    finally:
        os.close(lock)


def _erofs(place: Path) -> tuple[str, str]:
    index, tar = place / "index", place / "tar"
    index.write_bytes(tiny_index())
    tar.write_bytes(TINY_TAR)
    problems: list[str] = []
    for kind in (FILES, LOOPS):
        try:
            with ExitStack() as stack:
                names = [_name(path, kind, stack) for path in (index, tar)]
                _read_probe(names, stack)
            return kind, "; ".join(problems)
        except OSError as error:
            problems.append(f"from {kind}: {error.strerror}")
    return "", "; ".join(problems)


def _name(path: Path, kind: str, stack: ExitStack) -> str:
    from sealift.host import loop

    descriptor = loop.attach(path) if kind == LOOPS else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return loop.path(descriptor) if kind == LOOPS else f"/proc/self/fd/{descriptor}"


def _read_probe(names: list[str], stack: ExitStack) -> None:
    """Mount the tiny index and read the file in it: its data comes from the tar."""
    tree = _detached("erofs", [("source", names[0]), ("ro", None), ("device", names[1])], stack)
    file = os.open("probe", os.O_RDONLY | os.O_CLOEXEC, dir_fd=tree)
    stack.callback(os.close, file)
    if os.read(file, 512) != _CONTENT:
        raise OSError(0, "the content is wrong")


def _overlay(place: Path) -> str:
    """Why no overlay can be written to with its upper directory in `place`; nothing if it can."""
    try:
        with ExitStack() as stack:
            options: list[tuple[str, str | None]] = []
            for key in ("lowerdir", "upperdir", "workdir"):
                (place / key).mkdir()
                descriptor = os.open(place / key, os.O_PATH | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                options.append((key, f"/proc/self/fd/{descriptor}"))
            if in_user_namespace():
                options.append(("userxattr", None))
            (place / "lowerdir" / "gone").touch()
            tree = _detached("overlay", options, stack)
            os.unlink("gone", dir_fd=tree)
            os.mkdir("made", dir_fd=tree)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _detached(kind: str, options: list[tuple[str, str | None]], stack: ExitStack) -> int:
    """A mount that is attached nowhere, as a descriptor of its root directory; it goes with the stack."""
    context = syscalls.fsopen(kind)
    stack.callback(os.close, context)
    for key, value in options:
        command = syscalls.FSCONFIG_SET_FLAG if value is None else syscalls.FSCONFIG_SET_STRING
        syscalls.fsconfig(context, command, key, value)
    syscalls.fsconfig(context, syscalls.FSCONFIG_CMD_CREATE)
    tree = syscalls.fsmount(context, 0)
    stack.callback(os.close, tree)
    return tree
