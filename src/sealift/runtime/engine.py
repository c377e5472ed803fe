"""The OCI runtime, crun or runc, below one store: every step of a container's life as a method."""

import hashlib
import json
import os
import select
from pathlib import Path
from typing import NamedTuple

from sealift.core.errors import Conflict, NotFound, Unavailable
from sealift.runtime import failures, programs
from sealift.runtime.bundle import resources_json
from sealift.runtime.cgroups import Cgroup, hybrid
from sealift.runtime.processes import Process
from sealift.runtime.spec import Resources


class Runtime(NamedTuple):
    """The program that makes containers, and why it is this one."""

    name: str
    path: str
    reason: str


class State(NamedTuple):
    """What the runtime knows of a container. `status` is created, running, paused or stopped."""

    status: str
    process: Process | None


def choose_runtime() -> Runtime:
    """crun where it works, as it starts faster, else runc. crun refuses v1 cgroups beside a v2 tree."""
    crun = programs.find("crun")
    runc = programs.find("runc")
    if crun and not hybrid():
        return Runtime("crun", crun, "crun starts containers faster")
    if runc:
        why = "crun refuses this host's hybrid cgroups" if crun else "crun is not installed"
        return Runtime("runc", runc, why)
    if crun:
        raise Unavailable(
            "crun is installed, but refuses this host's hybrid cgroups", fix="apt-get install runc"
        )
    raise Unavailable("no container runtime is installed", fix="apt-get install runc")


class Engine:
    """Containers by ID, below `root`, the store's directory. Holds no state of its own: all is on disk."""

    def __init__(self, runtime: Runtime, root: Path) -> None:
        self.runtime = runtime
        self.root = root
        self.state_directory = root / "run" / "runtime"
        identity = hashlib.sha256(os.fsencode(root)).hexdigest()[:8]
        self._parent_cgroup = f"/sealift_{identity}"

    @classmethod
    def open(cls, root: Path, runtime: Runtime | None = None) -> "Engine":
        """The engine of the store at `root`. `Unavailable` where no runtime works."""
        return cls(runtime or choose_runtime(), root)

    def cgroup(self, container: str) -> Cgroup:
        """Where a container's control group is: derived from the store, so that two stores never meet."""
        return Cgroup(f"{self._parent_cgroup}/{container}")

    def command(self, *words: str) -> list[str]:
        """The command line for the runtime, with its global flags."""
        return [self.runtime.path, "--root", str(self.state_directory), "--log-format=json", *words]

    def create(self, container: str, bundle: Path, pid_file: Path) -> Process:
        """Make a container whose process waits for `start`, with this process's streams as its own."""
        import subprocess

        words = self.command("create", "--bundle", str(bundle), "--pid-file", str(pid_file), container)
        # stderr is the container's from here on, so the runtime's own words go to a file.
        log = bundle / "oci-log"
        done = subprocess.run(
            [words[0], "--log", str(log), *words[1:]],
            stdin=subprocess.DEVNULL,
            env=programs.environment(),
            check=False,
        )
        if done.returncode != 0:
            raise failures.start_failure(log.read_bytes() if log.exists() else b"")
        process = Process.of(int(pid_file.read_text()))
        if process is None:
            raise failures.start_failure("the container's process ended before it was started")
        return process

    def start(self, container: str) -> None:
        """Let a created container's process run its command. `StartFailed` where it cannot be executed."""
        if self.runtime.name == "runc" and self._release(container):
            return
        code, _, errors = programs.call(self.command("start", container))
        if code != 0:
            raise failures.start_failure(errors)

    def state(self, container: str) -> State:
        """What the runtime knows of the container; `NotFound` where it knows nothing."""
        code, output, errors = programs.call(self.command("state", container))
        if code != 0:
            raise failures.command_failure("inspect", container, errors)
        answer = json.loads(output)
        return State(answer["status"], Process.of(answer.get("pid", 0)))

    def process(self, container: str) -> Process | None:
        """The container's first process, without asking the runtime's program; None where it is gone."""
        name = "state.json" if self.runtime.name == "runc" else "status"
        try:
            known = json.loads((self.state_directory / container / name).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        if self.runtime.name == "runc":
            process = Process(known["init_process_pid"], known["init_process_start"])
        else:
            process = Process(known["pid"], known["process-start-time"])
        return process if process.alive else None

    def kill(self, container: str, signal: int = 15) -> None:
        """Send a signal to the container's first process; `NotFound` where it does not run."""
        process = self.process(container)
        if process is None or not process.signal(signal):
            raise NotFound(f"cannot kill container {container[:12]}: it is not running")
        if signal == 9:
            self.cgroup(container).thaw()  # a paused process would not notice

    def delete(self, container: str, *, force: bool = False) -> None:
        """Remove what is left of a container: its cgroup and the runtime's state. Idempotent.

        `Conflict` when it still runs and `force` is false; else its processes are killed first.
        """
        if not force and self.process(container) is not None:
            raise Conflict(f"container {container[:12]} is running", fix=f"sealift stop {container[:12]}")
        group = self.cgroup(container)
        if force:
            self._kill_first(container)
            group.kill()
        if self.runtime.name == "runc" and group.remove():
            # What `runc delete` does, without the 5 ms of starting it. No hooks of ours need it.
            self._forget(container)
            return
        code, _, errors = programs.call(self.command("delete", "--force", container))
        if code != 0 and b"does not exist" not in errors:
            raise failures.command_failure("delete", container, errors)
        group.remove()

    def pause(self, container: str) -> None:
        """Freeze every process of the container."""
        self._do("pause", container)

    def resume(self, container: str) -> None:
        """Let a paused container go on."""
        self._do("resume", container)

    def update(self, container: str, resources: Resources) -> None:
        """Change a container's limits while it runs."""
        given = json.dumps(resources_json(resources)).encode()
        code, _, errors = programs.call(self.command("update", "--resources", "-", container), given)
        if code != 0:
            raise failures.command_failure("update", container, errors)

    def pids(self, container: str) -> list[int]:
        """The container's processes, as the host numbers them."""
        return self.cgroup(container).pids()

    def containers(self) -> list[str]:
        """The IDs of which the runtime keeps state, running or not."""
        try:
            return sorted(path.name for path in self.state_directory.iterdir())
        except FileNotFoundError:
            return []

    def _release(self, container: str) -> bool:
        """What `runc start` does, without the 6 ms of starting it: the container's process waits until
        someone reads from a FIFO. False where it is not as expected; `runc start` can then say why.
        """
        path = self.state_directory / container / "exec.fifo"
        try:
            fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            poll = select.poll()
            poll.register(fifo, select.POLLIN)
            while not poll.poll(100):
                if self.process(container) is None:
                    return False
            if not os.read(fifo, 64):
                return False
        finally:
            os.close(fifo)
        path.unlink(missing_ok=True)
        return True

    def _do(self, action: str, container: str) -> None:
        code, _, errors = programs.call(self.command(action, container))
        if code != 0:
            raise failures.command_failure(action, container, errors)

    def _kill_first(self, container: str) -> None:
        """SIGKILL the first process: the kernel then ends every other in its PID namespace."""
        process = self.process(container)
        if process is not None:
            process.signal(9)

    def _forget(self, container: str) -> None:
        directory = self.state_directory / container
        try:
            for path in directory.iterdir():
                path.unlink(missing_ok=True)
            directory.rmdir()
        except FileNotFoundError:
            return
