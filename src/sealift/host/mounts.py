"""Mounts: made whole before they appear, private, and taken away whatever still looks into them."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from sealift.host import syscalls

_PAGE = 4095  # bytes of options that mount(2) takes
_SPECIAL = frozenset("\\,:")
_TOO_OLD = (errno.ENOSYS, errno.EINVAL, errno.E2BIG, errno.EOPNOTSUPP)
_STABLE = ("index=off", "metacopy=off", "redirect_dir=nofollow")


class Overlay(NamedTuple):
    """An overlay mount: lower directories, topmost first, and what is written. Without `upper`, read-only.

    `unprivileged` keeps its marks in `user.overlay.*`: needed in a user namespace. `lasting` False is for
    what need not outlive a power cut: else unmounting waits until the file system below is on the disk.
    """

    lowers: Sequence[Path]
    upper: Path | None = None
    work: Path | None = None
    unprivileged: bool = False
    lasting: bool = True


def is_mounted(path: Path) -> bool:
    """Whether a file system of its own is mounted at `path`."""
    try:
        here = os.lstat(path)
        return here.st_dev != os.lstat(path.parent).st_dev
    except (FileNotFoundError, NotADirectoryError):
        return False


def attach(kind: str, options: Sequence[tuple[str, str | None]], target: Path, attributes: int = 0) -> None:
    """Mount a file system of this kind at `target` by the new mount API. Options are used in order."""
    context = syscalls.fsopen(kind)
    try:
        for key, value in options:
            command = syscalls.FSCONFIG_SET_FLAG if value is None else syscalls.FSCONFIG_SET_STRING
            syscalls.fsconfig(context, command, key, value)
        syscalls.fsconfig(context, syscalls.FSCONFIG_CMD_CREATE)
        detached = syscalls.fsmount(context, attributes)
    finally:
        os.close(context)
    try:
        syscalls.move_mount(detached, str(target))
    finally:
        os.close(detached)
    make_private(target)


def make_private(target: Path) -> None:
    """What is mounted below `target` reaches no other mount namespace, and nothing comes from there."""
    syscalls.mount(None, str(target), None, syscalls.MS_PRIVATE)


def detach(target: Path) -> None:
    """Unmount what is at `target`, all that is stacked there. Open files in it stay usable until closed."""
    while is_mounted(target):
        try:
            syscalls.umount(str(target))
        except OSError as error:
            if error.errno == errno.EBUSY:
                _detach_busy(target)
            elif is_mounted(target):  # else another process was faster
                raise


def _detach_busy(target: Path) -> None:
    try:
        syscalls.umount(str(target), syscalls.MNT_DETACH)
    except OSError:
        if is_mounted(target):
            raise


def mount_overlay(overlay: Overlay, target: Path) -> None:
    """Mount an overlay at `target`, by the plainest way that its paths fit into."""
    paths = _named(overlay, str)
    text = ",".join(f"{key}={value}" for key, value in _joined(paths))
    plain = not any(_SPECIAL.intersection(value) for _, value in paths)
    flags = syscalls.MS_RDONLY if overlay.upper is None else 0
    settings = ",".join((*_STABLE, *_marks(overlay)))
    if plain and len(os.fsencode(text)) + len(settings) < _PAGE:
        syscalls.mount("overlay", str(target), "overlay", flags, f"{text},{settings}")
        make_private(target)
    elif not (plain and _by_new_api(overlay, paths, target)):
        _by_descriptors(overlay, target, flags, settings)


def _by_new_api(overlay: Overlay, paths: list[tuple[str, str]], target: Path) -> bool:
    """One option for each lower directory (Linux 6.8). False where that cannot be."""
    if any(len(os.fsencode(value)) > syscalls.FSCONFIG_VALUE_LIMIT for _, value in paths):
        return False
    settings = [*_STABLE, *_marks(overlay)]
    options: list[tuple[str, str | None]] = [("source", "overlay"), *paths]
    for setting in settings:
        key, _, value = setting.partition("=")
        options.append((key, value or None))
    if overlay.upper is None:
        options.append(("ro", None))
    try:
        attach("overlay", options, target, syscalls.MOUNT_ATTR_RDONLY if overlay.upper is None else 0)
    except OSError as error:
        if error.errno not in _TOO_OLD:
            raise
        return False
    return True


def _by_descriptors(overlay: Overlay, target: Path, flags: int, settings: str) -> None:
    """Directories named by the numbers of descriptors open on them, relative to /proc/self/fd.

    Hundreds of any length fit into a page, on every kernel. The working directory that this needs is a
    thread's own.
    """
    import threading

    opened: list[int] = []
    failure: list[BaseException] = []

    def number(path: Path) -> str:
        opened.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        return str(opened[-1])

    def work(text: str) -> None:
        try:
            syscalls.unshare(syscalls.CLONE_FS)
            os.chdir("/proc/self/fd")
            syscalls.mount("overlay", str(target), "overlay", flags, text)
        except BaseException as error:
            failure.append(error)

    try:
        text = ",".join(f"{key}={value}" for key, value in _joined(_named(overlay, number)))
        thread = threading.Thread(target=work, args=(f"{text},{settings}",))
        thread.start()
        thread.join()
    finally:
        for descriptor in opened:
            os.close(descriptor)
    if failure:
        raise failure[0]
    make_private(target)


def _named(overlay: Overlay, name: Callable[[Path], str]) -> list[tuple[str, str]]:
    """The directories of an overlay, as options of the new mount API."""
    found = [("lowerdir+", name(path)) for path in overlay.lowers]
    if overlay.upper is not None and overlay.work is not None:
        found += [("upperdir", name(overlay.upper)), ("workdir", name(overlay.work))]
    return found


def _joined(paths: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same as options of mount(2), where the lower directories are one."""
    lowers = ":".join(value for key, value in paths if key == "lowerdir+")
    return [("lowerdir", lowers), *(pair for pair in paths if pair[0] != "lowerdir+")]


def _marks(overlay: Overlay) -> tuple[str, ...]:
    return (("userxattr",) if overlay.unprivileged else ()) + (() if overlay.lasting else ("volatile",))
