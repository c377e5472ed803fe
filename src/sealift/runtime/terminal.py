"""The user's terminal: raw while a container has it, itself again afterwards; its size; the keys to leave."""

import fcntl
import os
import re
import struct
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sealift.core.errors import Invalid

_EXAMPLE = "ctrl-p,ctrl-q"
_MAX_SIDE = 1000  # conmon refuses more


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """The terminal hands on every key as it is; whatever happens, it is afterwards as it was before."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSANOW)
        yield
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSANOW, before)


def size(descriptor: int) -> tuple[int, int] | None:
    """Rows and columns of the terminal, or None where it is none or has no size."""
    try:
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8))
    except OSError:
        return None
    return (rows, columns) if rows and columns else None


def resize(bundle: Path, rows: int, columns: int) -> bool:
    """Tell a container's (or exec's) terminal its size; False when nobody listens (any more)."""
    message = f"1 {min(rows, _MAX_SIDE)} {min(columns, _MAX_SIDE)}\n".encode()
    try:
        control = os.open(bundle / "ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.write(control, message) == len(message)
    except OSError:
        return False
    finally:
        os.close(control)


def parse_keys(text: str) -> bytes:
    """docker's `--detach-keys`: letters or `ctrl-X`, separated by commas. Empty switches detaching off."""
    return bytes(_key(word, text) for word in text.split(",")) if text else b""


def _key(word: str, text: str) -> int:
    if len(word) == 1 and word.isascii():
        return ord(word)
    match = re.fullmatch(r"ctrl-([a-z@\[\\\]^_])", word, re.IGNORECASE)
    if match is None:
        raise Invalid(f"invalid detach keys: {text!r}", fix=f"like {_EXAMPLE}, or one character each")
    return ord(match[1].upper()) & 0x1F


class DetachKeys:
    """Finds the keys in what the user types. What may be their beginning is held back until it is clear."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What to hand on of `data` and of what was held back, and whether the keys are complete."""
        if not self._keys:
            return data, False
        text = self._held + data
        found = text.find(self._keys)
        if found >= 0:
            self._held = b""
            return text[:found], True
        keep = next(
            (
                size
                for size in range(min(len(text), len(self._keys) - 1), 0, -1)
                if text.endswith(self._keys[:size])
            ),
            0,
        )
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False
