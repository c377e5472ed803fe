"""conmon, the supervisor of each container: it outlives us, keeps the log, and writes down the exit code.

Files in a container's bundle: `pidfile`, `conmon.pid`, `attach` (socket), `ctl` (FIFO), `ctr.log`,
`persist/exit` and `persist/oom`.
"""

import math
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sealift.core.errors import Corrupt, StartFailed
from sealift.runtime import failures, programs
from sealift.runtime.conmon import Conmon, common_words, exit_words, read_answer, read_process
from sealift.runtime.engine import Engine
from sealift.runtime.processes import Process

LOG = "ctr.log"
_PERSIST = "persist"
_ORPHAN_PATIENCE = 5.0  # seconds for an orphaned conmon to finish what it does
_FORK_PATIENCE = 0.1  # seconds for it to have written its number


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

    def create(self, container: str, bundle: Path, how: Supervision) -> Created:
        """Make the container of a written bundle; its process waits for `Engine.start`.

        `StartFailed` with docker's exit code when the runtime refuses. Nothing is left then.
        """
        return self.begin(container, bundle, how).finish()

    def begin(self, container: str, bundle: Path, how: Supervision) -> "Creation":
        """Start conmon for a bundle that is still to be written."""
        self._prepare(container, bundle)
        sync, theirs = os.pipe()
        try:
            conmon = Conmon.start(self._command(container, bundle, how), bundle, {"_OCI_SYNCPIPE": theirs})
        except BaseException:
            os.close(sync)
            raise
        finally:
            os.close(theirs)
        return Creation(self, container, bundle, conmon, sync)

    def forget(self, container: str, bundle: Path) -> None:
        """Clear away what a caller began who was killed meanwhile: its conmon may still be at work."""
        begun = time.monotonic()
        while self.engine.process(container) is None:
            waited = time.monotonic() - begun
            there = read_process(bundle / "conmon.pid") is not None
            if waited > (_ORPHAN_PATIENCE if there else _FORK_PATIENCE):
                break
            time.sleep(0.005)
        self.engine.delete(container, force=True)

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

    def sweep_records(self, older: float) -> None:
        """Forget the exit codes that are remembered for more than so many seconds."""
        for path in self.exits.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older:
                    path.unlink()

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
            *common_words(self.program, self.engine, container, bundle, bundle),
            *("--persist-dir", str(bundle / _PERSIST), "--exit-dir", str(self.exits), "--log-path", log),
        ]
        command += ["--terminal"] if how.terminal else []
        command += ["--stdin"] if how.stdin else []
        command += ["--leave-stdin-open"] if how.keep_stdin or how.terminal else []
        return command + exit_words(how.exit_command)


class Creation:
    """A container about to be made: conmon is there, and waits until the bundle is, too."""

    def __init__(self, monitor: Monitor, container: str, bundle: Path, conmon: Conmon, sync: int) -> None:
        self._monitor = monitor
        self._container = container
        self._bundle = bundle
        self._conmon = conmon
        self._sync = sync

    def finish(self, meanwhile: Callable[[], None] | None = None) -> Created:
        """What `Monitor.create` does; the bundle is written. `meanwhile` is called once conmon is at work,
        which takes it some 30 ms.
        """
        try:
            self._conmon.go(meanwhile)
            with os.fdopen(self._sync, "rb", closefd=False) as answers:
                answer = read_answer(answers.readline(), self._conmon.errors)
        finally:
            self.abandon()
        if answer.data <= 0:
            (self._bundle / "attach").unlink(missing_ok=True)  # conmon is there a moment longer
            raise failures.start_failure(answer.message)
        process = Process.of(answer.data)
        supervisor = read_process(self._bundle / "conmon.pid")
        if process is None or supervisor is None:
            self._monitor.engine.delete(self._container, force=True)
            raise StartFailed("the container's process was killed before it could be started")
        return Created(process, supervisor)

    def abandon(self) -> None:
        """Let go of everything; a conmon that was not let go has made nothing, and is ended."""
        self._conmon.close()
        if self._sync >= 0:
            os.close(self._sync)
            self._sync = -1


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
