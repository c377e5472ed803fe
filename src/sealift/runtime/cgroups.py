"""Control groups of containers: where they are, who is in them, what they use, and how they end.

Both layouts: v2 (one unified tree) and v1 (one tree per controller, "hybrid" where a v2 tree is beside them).
Kernel documentation: admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/.
"""

import errno
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MOUNT = Path("/sys/fs/cgroup")
_PATIENCE = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128)  # seconds between attempts


class Stats(NamedTuple):
    """What a container uses now. CPU times in nanoseconds since it started, memory and I/O in bytes.

    `memory` is without the page cache that could be dropped at once, as docker counts; a limit of 0 is none.
    """

    cpu: int
    system_cpu: int
    online_cpus: int
    memory: int
    memory_limit: int
    pids: int
    pids_limit: int
    read_bytes: int
    written_bytes: int


def unified() -> bool:
    """Whether the host has the v2 layout alone."""
    return (MOUNT / "cgroup.controllers").exists()


def hybrid() -> bool:
    """Whether the host has v1 controllers with a v2 tree beside them."""
    return (MOUNT / "unified" / "cgroup.procs").exists()


class Cgroup(NamedTuple):
    """One container's control group: `path` below the mounts, as the config's `cgroupsPath` has it."""

    path: str

    def directory(self, controller: str) -> Path:
        """Where the files of a controller are ("memory"; on v2 all are in one place)."""
        relative = self.path.lstrip("/")
        return MOUNT / relative if unified() else MOUNT / controller / relative

    def directories(self) -> list[Path]:
        """Every directory this group has: one on v2, one for each controller on v1."""
        relative = self.path.lstrip("/")
        if unified():
            return [MOUNT / relative]
        # A controller may be reachable under two names (`cpu` -> `cpu,cpuacct`): symlinks are not followed.
        with os.scandir(MOUNT) as entries:
            return [Path(entry.path) / relative for entry in entries if entry.is_dir(follow_symlinks=False)]

    def pids(self) -> list[int]:
        """The processes in the group and in groups below it, as the host numbers them."""
        top = self.directory("pids")
        found: list[int] = []
        for directory, _, _ in os.walk(top):
            found.extend(int(line) for line in _read(Path(directory) / "cgroup.procs").split())
        return sorted(found)

    def kill(self) -> None:
        """End every process in the group with SIGKILL, frozen or not, and wait until they are gone.

        TimeoutError when some are still there: a process may be stuck in the kernel.
        """
        for pause in (*_PATIENCE, *(0.25,) * 20):
            pids = self.pids()
            if not pids:
                return
            self._kill_once(pids)
            self.thaw()
            time.sleep(pause)
        raise TimeoutError(errno.ETIMEDOUT, f"processes {self.pids()[:10]} do not end", self.path)

    def _kill_once(self, pids: Iterable[int]) -> None:
        if unified() and _write(self.directory("pids") / "cgroup.kill", "1"):
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def thaw(self) -> None:
        """Let a paused group go on, where it is paused."""
        if unified():
            _write(self.directory("freezer") / "cgroup.freeze", "0")
        else:
            _write(self.directory("freezer") / "freezer.state", "THAWED")

    def remove(self) -> bool:
        """Remove the group, once its processes are gone; False when something is still in it."""
        results = [_remove(directory) for directory in self.directories()]  # each, whatever the others say
        return all(results)

    def remove_if_empty(self) -> None:
        """Remove the group where nothing is in it: no process, and no other group."""
        for directory in self.directories():
            with suppress(OSError):
                directory.rmdir()

    def stats(self) -> Stats | None:
        """What the group uses, or None where it does not exist (any more)."""
        return _stats_v2(MOUNT / self.path.lstrip("/")) if unified() else _stats_v1(self)

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process here for lack of memory."""
        if unified():
            return _keyed(_read(self.directory("memory") / "memory.events")).get("oom_kill", 0) > 0
        return _keyed(_read(self.directory("memory") / "memory.oom_control")).get("oom_kill", 0) > 0


def _stats_v1(group: Cgroup) -> Stats | None:
    usage = _read(group.directory("cpuacct") / "cpuacct.usage")
    if not usage:
        return None
    memory = group.directory("memory")
    cache = _keyed(_read(memory / "memory.stat")).get("total_inactive_file", 0)
    read, written = _io_v1(_read(group.directory("blkio") / "blkio.throttle.io_service_bytes_recursive"))
    pids = group.directory("pids")
    return Stats(
        cpu=int(usage),
        system_cpu=_system_cpu(),
        online_cpus=os.cpu_count() or 1,
        memory=max(0, _number(_read(memory / "memory.usage_in_bytes")) - cache),
        memory_limit=_limit(_read(memory / "memory.limit_in_bytes")),
        pids=_number(_read(pids / "pids.current")),
        pids_limit=_limit(_read(pids / "pids.max")),
        read_bytes=read,
        written_bytes=written,
    )


def _stats_v2(directory: Path) -> Stats | None:
    usage = _read(directory / "cpu.stat")
    if not usage:
        return None
    cache = _keyed(_read(directory / "memory.stat")).get("inactive_file", 0)
    read, written = _io_v2(_read(directory / "io.stat"))
    return Stats(
        cpu=_keyed(usage).get("usage_usec", 0) * 1000,
        system_cpu=_system_cpu(),
        online_cpus=os.cpu_count() or 1,
        memory=max(0, _number(_read(directory / "memory.current")) - cache),
        memory_limit=_limit(_read(directory / "memory.max")),
        pids=_number(_read(directory / "pids.current")),
        pids_limit=_limit(_read(directory / "pids.max")),
        read_bytes=read,
        written_bytes=written,
    )


def _system_cpu() -> int:
    """Nanoseconds all CPUs of the host have spent since the boot, idle or not (proc(5), /proc/stat)."""
    with Path("/proc/stat").open() as file:
        fields = file.readline().split()[1:9]
    return sum(map(int, fields)) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def _io_v1(text: str) -> tuple[int, int]:
    read = written = 0
    for words in map(str.split, text.splitlines()):
        if len(words) == 3 and words[1] == "Read":
            read += int(words[2])
        elif len(words) == 3 and words[1] == "Write":
            written += int(words[2])
    return read, written


def _io_v2(text: str) -> tuple[int, int]:
    pairs = [pair for line in text.splitlines() for pair in line.split()[1:]]
    return _total(pairs, "rbytes="), _total(pairs, "wbytes=")


def _total(pairs: list[str], key: str) -> int:
    return sum(int(pair.removeprefix(key)) for pair in pairs if pair.startswith(key))


def _keyed(text: str) -> dict[str, int]:
    pairs: Iterator[list[str]] = (line.split() for line in text.splitlines())
    return {words[0]: int(words[1]) for words in pairs if len(words) == 2}


def _number(text: str) -> int:
    return int(text) if text else 0


def _limit(text: str) -> int:
    """A limit, 0 for none: v2 writes "max", v1 the largest number of pages."""
    value = text.strip()
    if not value or value == "max" or int(value) >= 1 << 62:
        return 0
    return int(value)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno == errno.ENODEV:  # the group was removed while its file was open
            return ""
        raise


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text)
    except OSError:
        return False
    return True


def _remove(directory: Path) -> bool:
    """rmdir, groups below first; patient, as the kernel takes a moment to let go of ended processes."""
    for pause in (*_PATIENCE, None):
        try:
            directory.rmdir()
            return True
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
                return False
        _remove_below(directory)
        if pause is not None:
            time.sleep(pause)
    return False


def _remove_below(directory: Path) -> None:
    for below, _, _ in os.walk(directory, topdown=False):
        if below != str(directory):
            try:
                Path(below).rmdir()
            except OSError:
                return
