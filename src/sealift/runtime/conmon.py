"""conmon's program: how it is called, started, and what it answers.

It is started before everything it needs is there, as it waits for a byte on its start pipe: by then it has
loaded its libraries. The dialogue is that of its API version 1 (conmon's own `docs/conmon.8.md`, and podman's
`libpod/oci_conmon_common.go`).
"""

import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sealift.runtime import programs
from sealift.runtime.cgroups import MOUNT
from sealift.runtime.engine import Engine
from sealift.runtime.processes import Process

_SHELL = "/bin/sh"
_IN_DIRECTORY = 'cd "$1" && shift && exec "$@"'


class Conmon:
    """A conmon that waits to be let go. `errors` has what it says before it can say it otherwise."""

    def __init__(self, pid: int, start: int, errors: Path) -> None:
        self._pid = pid
        self._start = start
        self.errors = errors

    @classmethod
    def start(cls, command: list[str], directory: Path, pipes: Mapping[str, int]) -> "Conmon":
        """Start it in `directory`. `pipes` are ends for it to have, by the variable that tells it of each."""
        theirs, ours = os.pipe()
        errors = directory / "conmon-errors"
        try:
            pid = _spawn(command, directory, {**pipes, "_OCI_STARTPIPE": theirs}, errors)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(pid, ours, errors)

    def go(self, meanwhile: Callable[[], None] | None = None) -> None:
        """Let it go on, and wait until it has gone to the background; `meanwhile` is called in between."""
        self.tell()
        if meanwhile is not None:
            meanwhile()
        os.waitpid(self._pid, 0)
        self._pid = 0

    def tell(self) -> None:
        """One byte: it may go on."""
        os.write(self._start, b"\0")

    def close(self) -> None:
        """Let it alone; one that was never let go is ended."""
        if self._pid:
            # An interruption may have come right after it was waited for: it is no child of ours any more.
            with suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG) == (0, 0):
                    os.kill(self._pid, signal.SIGKILL)
                    os.waitpid(self._pid, 0)
            self._pid = 0
        if self._start >= 0:
            os.close(self._start)
            self._start = -1


class Answer(NamedTuple):
    """A line of conmon's: a number (a PID, an exit code, or below zero for a failure) and why."""

    data: int
    message: str = ""


def common_words(program: str, engine: Engine, container: str, bundle: Path, files: Path) -> list[str]:
    """conmon's command line as far as `create` and `exec` share it; its files go to the directory `files`."""
    # The log's path is relative to the bundle, where conmon runs: it would cut an absolute one at a colon.
    runtime = engine.command("--log", str(files / "oci-log"))
    return [
        *(
            program,
            "--api-version",
            "1",
            "--cid",
            container,
            "--cuuid",
            container,
            "--name",
            container,
        ),
        *("--runtime", runtime[0], *(f"--runtime-arg={word}" for word in runtime[1:])),
        *("--bundle", str(bundle), "--full-attach", "--log-level", "error", "--no-sync-log"),
        *("--container-pidfile", str(files / "pidfile"), "--conmon-pidfile", str(files / "conmon.pid")),
    ]


def exit_words(command: tuple[str, ...]) -> list[str]:
    """The flags that have conmon run a command at the end."""
    if not command:
        return []
    words = ["--exit-command", command[0]]
    for word in command[1:]:
        words += ["--exit-command-arg", word]
    return words


def read_process(pid_file: Path) -> Process | None:
    """The living process whose number a file holds."""
    try:
        return Process.of(int(pid_file.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def read_answer(line: bytes, errors: Path) -> Answer:
    """What conmon said; its own complaints where it said nothing."""
    try:
        value = json.loads(line)
        return Answer(int(value["data"]), str(value.get("message") or ""))
    except (ValueError, KeyError, TypeError):
        said = errors.read_text(errors="replace").strip() if errors.exists() else ""
        return Answer(-1, said or "conmon ended without an answer")


def leave_session(monitor: Process) -> None:
    """Move conmon out of a login session's or a service's cgroup, or systemd ends it together with them.

    Not when there is none: the move takes the kernel up to 20 ms, so it is done when the container runs.
    """
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if path == "/" or controllers not in ("", "name=systemd"):
            continue
        tree = (
            MOUNT / "systemd" if controllers else MOUNT / "unified" if (MOUNT / "unified").exists() else MOUNT
        )
        target = tree / "sealift-monitors"
        try:
            target.mkdir(exist_ok=True)
            (target / "cgroup.procs").write_text(str(monitor.pid))
        except OSError:
            continue  # not ours to change: then it lives and dies with the session


def _spawn(command: list[str], directory: Path, pipes: Mapping[str, int], errors: Path) -> int:
    """Not by subprocess, whose import takes 3 ms, and without a working directory of its own: conmon drops a
    marker named `oom` where it runs, so a shell goes there first.
    """
    # Numbers above all of ours: giving one descriptor its number must not close another.
    first = max((*pipes.values(), 9)) + 1
    numbers = dict(zip(pipes, range(first, first + len(pipes)), strict=True))
    environment = {**programs.environment(), **{name: str(number) for name, number in numbers.items()}}
    return os.posix_spawn(
        _SHELL,
        (_SHELL, "-c", _IN_DIRECTORY, "sealift", str(directory), *command),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inherited()),
            *((os.POSIX_SPAWN_DUP2, pipe, numbers[name]) for name, pipe in pipes.items()),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
    )


def _inherited() -> list[int]:
    """Descriptors that whoever started us left open in us, and that conmon would get in turn."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return found
