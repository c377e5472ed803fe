"""Docker's USER, read from the image's own /etc/passwd and /etc/group, which are not to be trusted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from sealift.core.errors import Invalid
from sealift.runtime.inside import read_inside
from sealift.runtime.spec import User

MAX_ID = 2**31 - 1
Entry = TypeVar("Entry")
_MAX_FILE = 16 << 20  # bytes; a directory service dumped into a file has a few


class _Account(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


class _Group(NamedTuple):
    name: str
    gid: int
    members: tuple[str, ...]


def lookup(rootfs: Path, text: str) -> User:
    """The user that `user[:group]` names, each a name or a number, in the tree at `rootfs`. Empty means root.

    As docker: an unknown number is taken as it is, an unknown name is `Invalid`; supplementary groups come
    from /etc/group, unless a group is given.
    """
    name, colon, group = text.partition(":")
    account = _account(rootfs, name or "0")
    groups: tuple[int, ...] = ()
    gid = account.gid
    if colon and group:
        gid = group_id(rootfs, group)
    elif account.name:
        # (not only when asked for by name: docker gives a numeric user its name's groups, too)
        groups = tuple(
            sorted(
                {entry.gid for entry in _groups(rootfs) if account.name in entry.members and entry.gid != gid}
            )
        )
    return User(account.uid, gid, groups, account.name, account.home or "/")


def _account(rootfs: Path, wanted: str) -> _Account:
    number = _number(wanted)
    by_number = None
    for account in _accounts(rootfs):
        if account.name == wanted:
            return account
        if account.uid == number and by_number is None:
            by_number = account
    if by_number:
        return by_number
    if number is None:
        raise Invalid(
            f"unable to find user {wanted[:100]}: no matching entries in passwd file",
            fix="a name from the image's /etc/passwd, or a number",
        )
    return _Account("", number, 0, "/")


def group_id(rootfs: Path, wanted: str) -> int:
    """The number of a group that is given by name or number."""
    number = _number(wanted)
    for group in _groups(rootfs):
        if group.name == wanted:
            return group.gid
    if number is None:
        raise Invalid(
            f"unable to find group {wanted[:100]}: no matching entries in group file",
            fix="a name from the image's /etc/group, or a number",
        )
    return number


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()):
        return None
    if len(text) > 10 or int(text) > MAX_ID:
        raise Invalid(f"uids and gids must be in range 0-{MAX_ID}: {text[:40]}")
    return int(text)


def _accounts(rootfs: Path) -> Iterator[_Account]:
    def parse(fields: list[str]) -> _Account:
        return _Account(fields[0], int(fields[2]), int(fields[3]), fields[5] if len(fields) > 5 else "")

    return (
        account for account in _lines(rootfs, "/etc/passwd", parse) if _in_range(account.uid, account.gid)
    )


def _groups(rootfs: Path) -> Iterator[_Group]:
    def parse(fields: list[str]) -> _Group:
        return _Group(fields[0], int(fields[2]), tuple(fields[3].split(",")) if len(fields) > 3 else ())

    return (group for group in _lines(rootfs, "/etc/group", parse) if _in_range(group.gid))


def _in_range(*ids: int) -> bool:
    return all(0 <= value <= MAX_ID for value in ids)


def _lines(rootfs: Path, path: str, parse: Callable[[list[str]], Entry]) -> Iterator[Entry]:
    """The entries of a file; lines that are not entries are passed over, as libc does."""
    data = read_inside(rootfs, path, _MAX_FILE)
    for line in (data or b"").decode("utf-8", "surrogateescape").split("\n"):
        try:
            yield parse(line.strip().split(":"))
        except (ValueError, IndexError):
            continue
