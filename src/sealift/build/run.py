"""RUN: a command in a container of its own on top of the layers so far; what it changed becomes a layer."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sealift.build import upper
from sealift.build.connection import Connection, Connections
from sealift.build.environment import CERTIFICATES, HostEnvironment
from sealift.build.graph import Exec, Vertex
from sealift.build.lower import Lower
from sealift.build.noise import normalise
from sealift.build.solve import Cancel, Cancelled
from sealift.build.steps import Made
from sealift.core.digest import Digest
from sealift.core.errors import StepFailed
from sealift.core.events import Emit, Output
from sealift.runtime import BundleSpec, Engine, Mount, ProcessSpec, bundle, users
from sealift.runtime.step import run_step, step_id
from sealift.snapshot import Snapshots
from sealift.store import Store

HOSTNAME = "buildkitsandbox"
"""What docker calls the machine inside every step: the same everywhere, as programs record it."""

SCRIPTS = "/dev/pipes"
TAIL_BYTES = 1 << 14
TAIL_LINES = 20
COMMAND_SHOWN = 160
SECONDS_A_DAY = 86_400


class RunSteps:
    """Runs commands for one build. `now` is unix seconds."""

    def __init__(
        self,
        store: Store,
        snapshots: Snapshots,
        engine: Callable[[], Engine],
        connections: Connections,
        host: HostEnvironment,
        cancel: Cancel,
        emit: Emit,
        now: float,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._engine = engine
        self._connections = connections
        self._host = host
        self._cancel = cancel
        self._emit = emit
        self._day = int(now // SECONDS_A_DAY)

    def run(self, vertex: Vertex, operation: Exec, below: Sequence[Digest]) -> Made:
        """Run the command; the layer it leaves, or none if nothing changed. `StepFailed` with its code."""
        self._cancel.check()
        container = step_id()
        with self._workspace(container) as directory:
            self._execute(vertex, operation, below, container, directory)
            return self._commit(operation, below, directory)

    def _execute(
        self, vertex: Vertex, operation: Exec, below: Sequence[Digest], container: str, directory: Path
    ) -> None:
        rootfs = self._snapshots.prepare(below, directory, lasting=False)  # it becomes a layer, or nothing
        with self._connections.open(operation.network, container, operation.hosts) as connection:
            mounts = self._mounts(operation, connection, directory)
            files = [mount.destination[1:] for mount in mounts if not mount.destination.startswith("/dev/")]
            made = upper.place_mount_points(rootfs, files)
            spec = self._spec(operation, rootfs, container, connection, mounts)
            bundle.write(directory / "bundle", spec)
            tail = _Tail(self._emit, vertex.key)
            try:
                code = run_step(self._engine(), container, directory / "bundle", tail, self._cancel.fd)
            except InterruptedError:
                raise Cancelled from None
        self._snapshots.release(directory)
        if code:
            self._cancel.check()  # a step that was ended with the build has not failed by itself
            raise _failure(vertex, operation, code, tail.lines())
        upper.remove_mount_points(directory / "upper", made)

    def _commit(self, operation: Exec, below: Sequence[Digest], directory: Path) -> Made:
        changes = directory / "upper"
        normalise(changes, operation.epoch, self._day)
        with Lower(below, self._store.layers, self._snapshots) as lower:
            upper.remove_untouched(changes, lower)
        if not any(changes.iterdir()):
            return Made(None)
        with self._store.layers.writer() as writer:
            changed = self._snapshots.commit(below, directory, writer, operation.epoch)
            return Made(writer.commit() if changed else None)

    def _spec(
        self, operation: Exec, rootfs: Path, container: str, connection: Connection, mounts: list[Mount]
    ) -> BundleSpec:
        user = users.lookup(rootfs, operation.user)
        return BundleSpec(
            rootfs=rootfs,
            process=ProcessSpec(
                args=operation.args, env=self._environment(operation, user.home), cwd=operation.workdir,
                user=user,
            ),
            cgroup=self._engine().cgroup(container).path,
            hostname=HOSTNAME,
            network=connection.network,
            mounts=tuple(mounts),
        )  # fmt: skip

    def _environment(self, operation: Exec, home: str) -> tuple[str, ...]:
        """The step's own variables come before those of the host that the Dockerfile knows nothing of."""
        own = dict(variable.split("=", 1) for variable in operation.env)
        given = {"HOME": home, "SOURCE_DATE_EPOCH": str(operation.epoch), **dict(self._host.variables)}
        return tuple(f"{name}={value}" for name, value in {**given, **own}.items())

    def _mounts(self, operation: Exec, connection: Connection, directory: Path) -> list[Mount]:
        files = {"/etc/hosts": connection.hosts, "/etc/resolv.conf": connection.resolv_conf}
        if self._host.certificates is not None:
            files[CERTIFICATES] = self._host.certificates.read_bytes()
        if operation.script is not None:
            files[f"{SCRIPTS}/{operation.script.name}"] = operation.script.data.encode(
                "utf-8", "surrogateescape"
            )
        mounts = []
        for number, (destination, data) in enumerate(files.items()):
            file = directory / f"file-{number}"
            file.write_bytes(data)
            file.chmod(0o755 if destination.startswith(SCRIPTS) else 0o644)
            mounts.append(Mount.bind(file, destination, read_only=not destination.startswith("/etc/")))
        return mounts

    @contextmanager
    def _workspace(self, container: str) -> Iterator[Path]:
        directory = workspaces(self._store) / container
        directory.mkdir(mode=0o700)
        try:
            yield directory
        finally:
            self._snapshots.remove(directory)
            shutil.rmtree(directory, ignore_errors=True)


def workspaces(store: Store) -> Path:
    """Where steps work: one directory for each that runs, named as its container."""
    directory = store.directory("build") / "work"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


class _Tail:
    """Passes a step's output on, and keeps its end for the error message."""

    def __init__(self, emit: Emit, key: str) -> None:
        self._emit = emit
        self._key = key
        self._kept = b""

    def __call__(self, stream: int, data: bytes) -> None:
        self._emit(Output(self._key, stream, data))
        self._kept = (self._kept + data)[-TAIL_BYTES:]

    def lines(self) -> list[str]:
        return self._kept.decode("utf-8", "replace").splitlines()[-TAIL_LINES:]


def _failure(vertex: Vertex, operation: Exec, code: int, tail: list[str]) -> StepFailed:
    args = operation.args
    command = args[-1] if len(args) == 3 and args[1] == "-c" else " ".join(args)
    shown = " ".join(command.split())
    shown = f"{shown[:COMMAND_SHOWN]}…" if len(shown) > COMMAND_SHOWN else shown
    output = "".join(f"  | {line}\n" for line in tail)
    text = f"{vertex.place}: RUN failed with exit code {code}: {shown}\n{output}{vertex.place.quote()}"
    return StepFailed(text, exit_code=code)
