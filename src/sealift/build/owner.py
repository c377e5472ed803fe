"""Owners and modes as COPY's `--chown` and `--chmod` spell them."""

import re
from collections.abc import Callable

from sealift.core.errors import Invalid

MAX_ID = 2**31 - 1  # CVE-2024-40635: larger ones wrapped around to root
Read = Callable[[str], bytes | None]

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)", re.ASCII)
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)", re.ASCII)
_SHIFT = {"u": 6, "g": 3, "o": 0}


def find_owner(text: str, read: Read) -> tuple[int, int]:
    """uid and gid for `user[:group]`. Names are looked up in the image, whose files `read` gives.

    A user without a group has that user's own group when it is a name, and the same number when it is one.
    """
    user, colon, group = text.partition(":")
    uid, primary = _user(user, read)
    if not colon or not group:
        return uid, primary
    return uid, _group(group, read)


def _user(text: str, read: Read) -> tuple[int, int]:
    for fields in _lines(read("etc/passwd"), 4):
        if fields[0] == text and fields[2].isdigit() and fields[3].isdigit():
            return _checked(fields[2], text), _checked(fields[3], text)
    if not _is_number(text):
        raise Invalid(
            f"no user {text!r} in the image's /etc/passwd", fix="create it in an earlier RUN, or use a number"
        )
    uid = _checked(text, text)
    return uid, uid


def _group(text: str, read: Read) -> int:
    for fields in _lines(read("etc/group"), 3):
        if fields[0] == text and fields[2].isdigit():
            return _checked(fields[2], text)
    if not _is_number(text):
        raise Invalid(
            f"no group {text!r} in the image's /etc/group", fix="create it in an earlier RUN, or use a number"
        )
    return _checked(text, text)


def _lines(data: bytes | None, least: int) -> list[list[str]]:
    rows = (line.split(":") for line in (data or b"").decode("utf-8", "replace").splitlines())
    return [row for row in rows if len(row) >= least]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _checked(digits: str, text: str) -> int:
    if len(digits) > 10 or int(digits) > MAX_ID:
        raise Invalid(f"owner {text!r}: ids are at most {MAX_ID}")
    return int(digits)


def check_mode(text: str) -> None:
    """`Invalid` unless `text` is an octal mode up to 7777 or a symbolic one like `u+x,go-w`."""
    change_mode(text, 0, directory=False)


def change_mode(text: str, mode: int, *, directory: bool) -> int:
    """The permission bits that `--chmod=text` gives a file that has `mode` now. The umask plays no part."""
    if text[:1].isdigit():
        if not re.fullmatch(r"0*[0-7]{1,4}", text):
            raise Invalid(
                f"invalid --chmod {text!r}", fix="an octal number up to 7777, or letters like u+x,go-w"
            )
        return int(text, 8)
    for clause in text.split(","):
        parsed = _CLAUSE.fullmatch(clause)
        if parsed is None:
            raise Invalid(
                f"invalid --chmod {text!r}", fix="an octal number up to 7777, or letters like u+x,go-w"
            )
        for action, letters in _ACTION.findall(parsed[2]):
            mode = _act(mode, parsed[1] or "a", action, letters, directory)
    return mode


def _act(mode: int, who: str, action: str, letters: str, directory: bool) -> int:
    bits = 0
    mask = 0
    for target in "ugo" if "a" in who else who:
        mask |= 0o7 << _SHIFT[target]
        bits |= _permissions(mode, letters, directory) << _SHIFT[target]
        special = {"u": 0o4000, "g": 0o2000, "o": 0}[target]
        mask |= special
        bits |= special if "s" in letters else 0
    if "t" in letters:
        bits |= 0o1000
        mask |= 0o1000
    if action == "+":
        return mode | bits
    if action == "-":
        return mode & ~bits
    return (mode & ~mask) | bits


def _permissions(mode: int, letters: str, directory: bool) -> int:
    if letters in _SHIFT:
        return (mode >> _SHIFT[letters]) & 0o7
    result = 0
    for letter in letters:
        if letter == "X":
            result |= 1 if directory or mode & 0o111 else 0
        else:
            result |= {"r": 4, "w": 2, "x": 1}.get(letter, 0)
    return result
