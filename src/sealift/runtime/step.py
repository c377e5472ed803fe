"""A Dockerfile's RUN: one command in a container of its own, its output passed on while it runs."""

import os
import selectors
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sealift.runtime import failures, programs
from sealift.runtime.engine import Engine
from sealift.runtime.processes import Process

_PREFIX = "step-"
_CHUNK = 64 * 1024
_STOP = 0

# Called with the stream (1 for stdout, 2 for stderr) and the bytes, from the thread that called `run_step`.
EmitOutput = Callable[[int, bytes], None]


def step_id() -> str:
    """A container ID for a step: it tells who owns the container, so that others see when it is orphaned."""
    me = Process.of(os.getpid())
    started = me.started if me else 0
    return f"{_PREFIX}{os.getpid()}-{started}-{os.urandom(6).hex()}"


def run_step(
    engine: Engine, container: str, bundle: Path, emit_output: EmitOutput, stop: int | None = None
) -> int:
    """Run the bundle's process to its end and return its exit code; 128+n when signal n ended it.

    `container` comes from `step_id()`, and is in the bundle's cgroup path. Standard input is empty, there is
    no terminal. `StartFailed` when the command could not be started; `InterruptedError` when `stop`, a file
    descriptor, became readable, as another thread wants it to end. Whatever happens, an exception of the
    caller's included (KeyboardInterrupt, one from `emit_output`), no process of the step is left afterwards.
    """
    sweep_steps(engine)
    log = bundle / "oci-log"
    log.unlink(missing_ok=True)
    command = engine.command("run", "--bundle", str(bundle), container)
    command[1:1] = ["--log", str(log)]
    engine.state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _watched(engine, container), _deleted(engine, container):
        process = subprocess.Popen(
            [*_dying_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=programs.environment(),
            # Ctrl-C on our terminal reaches us alone: we end the step, and in order.
            start_new_session=True,
        )
        with process:
            try:
                _pass_on(process, emit_output, stop)
                code = process.wait()
            except BaseException:
                process.kill()
                raise
    if code != 0:
        _raise_runtime_failure(log)
    return code if code >= 0 else 128 - code


def sweep_steps(engine: Engine) -> list[str]:
    """End and remove the steps whose owner is gone (killed, or crashed); their IDs."""
    orphans = [name for name in engine.containers() if name.startswith(_PREFIX) and not owner_alive(name)]
    for name in orphans:
        engine.delete(name, force=True)
    return orphans


def owner_alive(container: str) -> bool:
    """Whether the process that made this ID with `step_id` still runs."""
    try:
        pid, started = map(int, container.removeprefix(_PREFIX).split("-")[:2])
    except ValueError:
        return True  # not a name of ours: leave it alone
    return Process(pid, started).alive


@contextmanager
def _deleted(engine: Engine, container: str) -> Iterator[None]:
    try:
        yield
    finally:
        engine.delete(container, force=True)


@contextmanager
def _watched(engine: Engine, container: str) -> Iterator[None]:
    """Meanwhile a shell waits to see our end of a pipe close without a word: then we were killed, and it ends
    the container, which the runtime's own death does not end.
    """
    end = engine.command("delete", "--force", container)
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _ || exec "$@"', "sh", *end],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=programs.environment(),
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            watcher.communicate(b"\n")


def _dying_with_us() -> list[str]:
    """A prefix that has the kernel kill the runtime when the thread that runs the step is gone."""
    setpriv = programs.find("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _pass_on(process: subprocess.Popen[bytes], emit_output: EmitOutput, stop: int | None) -> None:
    """Both streams, as they come, until both are closed."""
    with selectors.DefaultSelector() as selector:
        for stream, file in ((1, process.stdout), (2, process.stderr)):
            if file is not None:
                selector.register(file, selectors.EVENT_READ, stream)
        streams = 2
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ, _STOP)
        while streams:
            for key, _ in selector.select():
                if key.data == _STOP:
                    raise InterruptedError
                data = os.read(key.fd, _CHUNK)
                if data:
                    emit_output(key.data, data)
                else:
                    selector.unregister(key.fileobj)
                    streams -= 1


def _raise_runtime_failure(log: Path) -> None:
    """The runtime exits with 1 both when it fails itself and when the command does: its log tells which."""
    try:
        text = log.read_bytes()
    except FileNotFoundError:
        return
    if failures.message_of(text):
        raise failures.start_failure(text)
