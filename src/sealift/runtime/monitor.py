"""conmon, the supervisor of each container: it outlives us, keeps the log, and writes down the exit code.

Files in a container's bundle: `pidfile`, `conmon.pid`, `attach` (socket), `ctl` (FIFO), `ctr.log`,
`persist/exit` and `persist/oom`. The dialogue with conmon is that of its API version 1 (conmon's own
`docs/conmon.8.md`, and podman's `libpod/oci_conmon_common.go`).
"""

import json
import math
import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sealift.core.errors import Corrupt, StartFailed
from sealift.runtime import failures, programs
from sealift.runtime.cgroups import MOUNT
from sealift.runtime.engine import Engine
from sealift.runtime.processes import Process

LOG = "ctr.log"
_PERSIST = "persist"


class Supervision(NamedTuple):
    """How a container is watched over.

    `stdin` keeps a pipe open for whoever attaches; `keep_stdin` leaves it open when they go (with a terminal
    it always stays open). `log` is whether the output is kept. `exit_command` (absolute path first) is run by
    conmon after the container ended, and after a failed `create`, too.
    """

    terminal: bool = False
    stdin: bool = False
    keep_stdin: bool = False
    log: bool = True
    exit_command: tuple[str, ...] = ()


class Created(NamedTuple):
    """A container that waits for `Engine.start`: its first process, and its conmon."""

    process: Process
    monitor: Process


class Exit(NamedTuple):
    """How a container ended: 128+n for signal n; `finished` in nanoseconds since 1970."""

    code: int
    finished: int
    out_of_memory: bool


class Monitor:
    """Makes containers that are supervised, and reads how they ended."""

    def __init__(self, engine: Engine, program: str) -> None:
        self.engine = engine
        self.program = program
        self.exits = engine.root / "run" / "exits"

    @classmethod
    def open(cls, engine: Engine) -> "Monitor":
        """The monitor for an engine; `Unavailable` where conmon is missing."""
        return cls(engine, programs.need("conmon", "conmon"))

    def create(
        self, container: str, bundle: Path, how: Supervision, meanwhile: Callable[[], None] | None = None
    ) -> Created:
        """Make the container of a written bundle; its process waits for `Engine.start`.

        `meanwhile` is called once conmon is at work, which takes it some 30 ms.
        `StartFailed` with docker's exit code when the runtime refuses. Nothing is left then.
        """
        self._prepare(container, bundle)
        answer = _converse(self._command(container, bundle, how), bundle, meanwhile)
        if answer.data <= 0:
            (bundle / "attach").unlink(missing_ok=True)  # conmon is there a moment longer
            raise failures.start_failure(answer.message)
        process = Process.of(answer.data)
        monitor = read_process(bundle / "conmon.pid")
        if process is None or monitor is None:
            self.engine.delete(container, force=True)
            raise StartFailed("the container's process was killed before it could be started")
        return Created(process, monitor)

    def exit(self, bundle: Path) -> Exit | None:
        """How the bundle's container ended, or None while it has not."""
        path = bundle / _PERSIST / "exit"
        try:
            text = path.read_text()
            finished = path.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        try:
            code = int(text)
        except ValueError as error:
            raise Corrupt(f"not an exit code: {path}: {text[:40]!r}") from error
        return Exit(code, finished, (bundle / _PERSIST / "oom").exists())

    def recorded(self, container: str) -> int | None:
        """The exit code of a container whose bundle is gone already, as long as it is remembered."""
        try:
            return int((self.exits / container).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def wait(self, bundle: Path, created: Created, timeout: float | None = None) -> Exit | None:
        """How the container ended, once it did; None after `timeout` seconds, or when conmon was killed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = self.exit(bundle)
        if ended is None and _wait_for(created.process, timeout):
            ended = self._exit_soon(bundle, created.monitor, deadline)
        return ended

    def _exit_soon(self, bundle: Path, monitor: Process, deadline: float | None) -> Exit | None:
        """The container's process is gone; conmon writes down how once it has passed on all output.

        Asked for again and again, as that takes 1 ms as a rule, where an inotify watch takes 10 to close.
        """
        pause = 0.0002
        while True:
            alive = monitor.alive
            ended = self.exit(bundle)
            if ended is not None or not alive or (deadline is not None and time.monotonic() >= deadline):
                return ended
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def _prepare(self, container: str, bundle: Path) -> None:
        """Make the directories, and forget how an earlier run ended."""
        persist = bundle / _PERSIST
        for directory in (persist, self.exits, self.engine.state_directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (
            persist / "exit",
            persist / "oom",
            bundle / "oom",
            bundle / "pidfile",
            bundle / "conmon.pid",
            self.exits / container,
        ):
            path.unlink(missing_ok=True)

    def _command(self, container: str, bundle: Path, how: Supervision) -> list[str]:
        log = f"k8s-file:{LOG}" if how.log else "none"
        command = [
            *common_words(self, container, bundle, bundle),
            *("--persist-dir", str(bundle / _PERSIST), "--exit-dir", str(self.exits), "--log-path", log),
        ]
        command += ["--terminal"] if how.terminal else []
        command += ["--stdin"] if how.stdin else []
        command += ["--leave-stdin-open"] if how.keep_stdin or how.terminal else []
        return command + exit_words(how.exit_command)


class Answer(NamedTuple):
    """A line of conmon's: a number (a PID, an exit code, or below zero for a failure) and why."""

    data: int
    message: str = ""


def common_words(monitor: Monitor, container: str, bundle: Path, files: Path) -> list[str]:
    """conmon's command line as far as `create` and `exec` share it; its files go to the directory `files`."""
    # The log's path is relative to the bundle, where conmon runs: it would cut an absolute one at a colon.
    runtime = monitor.engine.command("--log", str(files / "oci-log"))
    return [
        *(
            monitor.program,
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


def _wait_for(process: Process, timeout: float | None) -> bool:
    """Wait until a process is gone; False when the time is over before."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.alive:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(None if timeout is None else max(0, math.ceil(timeout * 1000))))
    finally:
        os.close(descriptor)


def read_process(pid_file: Path) -> Process | None:
    """The living process whose number a file holds."""
    try:
        return Process.of(int(pid_file.read_text()))
    except (FileNotFoundError, ValueError):
        return None


def _converse(command: list[str], directory: Path, meanwhile: Callable[[], None] | None) -> Answer:
    """Start conmon and hear what became of `create`."""
    sync, sync_theirs = os.pipe()
    start_theirs, start = os.pipe()
    with os.fdopen(sync, "rb") as answers, os.fdopen(start, "wb", buffering=0) as signal:
        try:
            errors = launch(
                command,
                directory,
                {"_OCI_SYNCPIPE": sync_theirs, "_OCI_STARTPIPE": start_theirs},
                signal.fileno(),
                meanwhile,
            )
        finally:
            os.close(sync_theirs)
            os.close(start_theirs)
        return read_answer(answers.readline(), errors)


def launch(
    command: list[str],
    directory: Path,
    pipes: dict[str, int],
    start: int,
    meanwhile: Callable[[], None] | None = None,
) -> Path:
    """Start conmon in `directory`, let it go on, and wait until it has gone to the background.

    Returns the file that has what it says before it has other ways of saying it.
    """
    errors = directory / "conmon-errors"
    with errors.open("wb") as error_file:
        process = subprocess.Popen(
            command,
            cwd=directory,  # conmon drops a marker named `oom` where it runs
            env={**programs.environment(), **{name: str(pipe) for name, pipe in pipes.items()}},
            pass_fds=tuple(pipes.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=error_file,
            start_new_session=True,
        )
    os.write(start, b"\0")
    if meanwhile is not None:
        meanwhile()
    process.wait()
    return errors


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
