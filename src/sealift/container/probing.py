"""One health check: a command in the container, its exit code and what it printed, within its time.

Straight through the runtime, without a conmon: nobody attaches to it, and we are there to see its end.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sealift.container import health
from sealift.container.values import HealthResult
from sealift.core import document
from sealift.runtime import execs, failures, programs

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from sealift.container.parts import Parts
    from sealift.container.record import Record

_MAX_OUTPUT = 4096
_FAILED = -1


def probe(parts: Parts, record: Record) -> HealthResult:
    """Run the container's check once."""
    check = record.spec.healthcheck
    if check is None:
        raise ValueError("the container has no health check")
    begun = time.time_ns()
    timeout = (check.timeout or health.DEFAULT_TIMEOUT) / 1e9
    directory = parts.registry.bundle(record.id) / "health"
    directory.mkdir(mode=0o700, exist_ok=True)
    args = health.command(check, record.shell)
    code, output = _run(parts, record.id, directory, args, timeout)
    return HealthResult(begun, time.time_ns(), code, output.decode("utf-8", "replace"))


def _run(
    parts: Parts, container: str, directory: Path, args: tuple[str, ...], timeout: float
) -> tuple[int, bytes]:
    import subprocess

    bundle = parts.registry.bundle(container)
    process = execs.like_first(bundle, args)
    (directory / "process.json").write_bytes(document.encode(process))
    pid_file, log = directory / "pidfile", directory / "oci-log"
    pid_file.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    command = parts.engine.command("--log", str(log), "exec", "--process", str(directory / "process.json"))
    with subprocess.Popen(
        [*command, "--pid-file", str(pid_file), container],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=programs.environment(),
        start_new_session=True,
    ) as running:
        output, ended = _collect(running, time.monotonic() + timeout)
        if not ended:
            _kill(pid_file)
            running.kill()
            return _FAILED, f"Health check exceeded timeout ({timeout:g}s)".encode()
        code = running.wait()
    problem = failures.last_words(log)
    if code != 0 and problem:
        return _FAILED, problem.encode()[:_MAX_OUTPUT]
    return (128 - code if code < 0 else code), output


def _collect(running: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bool]:
    """What it prints until it ends, as much as is kept; False where it did not end in time.

    Its end counts, not the end of its output: something it left behind may keep that open.
    """
    if running.stdout is None:
        raise ValueError("no pipe")
    pipe, kept = running.stdout.fileno(), b""
    os.set_blocking(pipe, False)
    ended = os.pidfd_open(running.pid)
    try:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        poll.register(ended, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(int(left * 1000) + 1)}
            if pipe in ready:
                data = _read(pipe)
                kept = (kept + data)[:_MAX_OUTPUT]
                if not data:
                    poll.unregister(pipe)
            elif ended in ready:
                return kept, True
        return kept, False
    finally:
        os.close(ended)


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return b""


def _kill(pid_file: Path) -> None:
    """End the check's process in the container, and what it started: the runtime made it the first of a
    group. The runtime's own process is not enough.
    """
    from sealift.runtime.conmon import read_process

    process = read_process(pid_file)
    if process is None:
        return
    with suppress(ProcessLookupError):
        if os.getpgid(process.pid) == process.pid and process.alive:
            os.killpg(process.pid, signal.SIGKILL)
    process.signal(signal.SIGKILL)
