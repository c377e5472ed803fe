"""RUN steps with the real runtime."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures_runtime import shell, write
from sealift.core.errors import StartFailed
from sealift.runtime import Engine, User
from sealift.runtime.processes import Process
from sealift.runtime.step import run_step, step_id, sweep_steps

pytestmark = pytest.mark.root


class Recorder:
    def __init__(self) -> None:
        self.out = {1: b"", 2: b""}

    def __call__(self, stream: int, data: bytes) -> None:
        self.out[stream] += data


def run(engine: Engine, tmp_path: Path, rootfs: Path, line: str, **process: object) -> tuple[int, Recorder]:
    container = step_id()
    recorder = Recorder()
    directory = write(tmp_path / "bundle", shell(rootfs, engine, container, line, **process))
    return run_step(engine, container, directory, recorder), recorder


def test_step_keeps_streams_apart_and_gives_exit_code(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    code, recorder = run(engine, tmp_path, busybox, "echo out; echo err >&2; exit 7")
    assert code == 7
    assert recorder.out == {1: b"out\n", 2: b"err\n"}
    assert engine.containers() == []


def test_step_passes_output_on_while_it_runs(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    seen: list[tuple[float, bytes]] = []
    container = step_id()
    directory = write(tmp_path / "bundle", shell(busybox, engine, container, "echo a; sleep 0.6; echo b"))
    run_step(engine, container, directory, lambda _stream, data: seen.append((time.monotonic(), data)))
    assert [data for _, data in seen] == [b"a\n", b"b\n"]
    assert seen[1][0] - seen[0][0] > 0.4


def test_step_has_empty_stdin_and_no_terminal(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    code, recorder = run(engine, tmp_path, busybox, "wc -c; tty")
    assert code == 1
    assert recorder.out[1] == b"0\nnot a tty\n"


def test_step_has_only_three_descriptors(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        _, recorder = run(engine, tmp_path, busybox, "ls /proc/1/fd")
    finally:
        os.close(leak)
    # ls itself is process 1 here (the shell executes its last command) and has the directory open as 3
    assert recorder.out[1].split() in ([b"0", b"1", b"2"], [b"0", b"1", b"2", b"3"])


def test_step_runs_as_its_user_without_capabilities(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    _, recorder = run(
        engine, tmp_path, busybox, "id -u; id -G; cat /proc/self/status", user=User(1000, 1000, (44,))
    )
    lines = recorder.out[1].decode().splitlines()
    assert lines[:2] == ["1000", "1000 44"]
    assert "CapEff:\t0000000000000000" in lines
    assert "Seccomp:\t2" in lines


def test_step_ends_when_another_thread_asks(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    container = step_id()
    directory = write(tmp_path / "bundle", shell(busybox, engine, container, "echo begun; sleep 60"))
    reader, writer = os.pipe()
    began = time.monotonic()
    try:
        with pytest.raises(InterruptedError):
            run_step(engine, container, directory, lambda *_: os.close(writer), reader)
    finally:
        os.close(reader)
    assert time.monotonic() - began < 10
    assert engine.containers() == []


@pytest.mark.parametrize(
    ("args", "code"), [(("nope",), 127), (("/no/such",), 127), (("/etc/passwd",), 126), (("/etc",), 126)]
)
def test_step_that_cannot_start_says_why(
    engine: Engine, busybox: Path, tmp_path: Path, args: tuple[str, ...], code: int
) -> None:
    with pytest.raises(StartFailed) as caught:
        run(engine, tmp_path, busybox, "", args=args)
    assert caught.value.exit_code == code, caught.value.message
    assert args[0] in caught.value.message


def test_step_killed_by_signal_gives_128_plus_n(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    code, _ = run(engine, tmp_path, busybox, "sh -c 'kill -9 $$'; exit $?")
    assert code == 137


def test_cancelled_step_leaves_no_process(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    container = step_id()
    directory = write(
        tmp_path / "bundle", shell(busybox, engine, container, "sleep 1000 & sleep 1000 & echo up; wait")
    )
    pids: list[int] = []

    def interrupt(_stream: int, _data: bytes) -> None:
        pids.extend(engine.pids(container))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_step(engine, container, directory, interrupt)
    assert len(pids) >= 3
    assert not [pid for pid in pids if Process.of(pid)]  # (a zombie is no process)
    assert engine.containers() == []


@contextmanager
def killed_owner(engine: Engine, busybox: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A step that runs in a process of its own, which is killed at the end of the block."""
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[3])\n"
        "from fixtures_runtime import shell, write\n"
        "from sealift.runtime import Engine\n"
        "from sealift.runtime.step import run_step, step_id\n"
        "engine = Engine.open(Path(sys.argv[1])); container = step_id()\n"
        "spec = shell(Path(sys.argv[2]), engine, container, 'echo up; sleep 1000')\n"
        "run_step(engine, container, write(Path(sys.argv[1]) / 'b', spec),\n"
        "         lambda s, d: (print('up', flush=True)))\n"
    )
    tests = str(Path(__file__).parents[1])
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(engine.root), str(busybox), tests], stdout=subprocess.PIPE
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        (container,) = engine.containers()
        yield container, owner
        owner.send_signal(signal.SIGKILL)


def watchers(owner: int) -> list[int]:
    """The shells that wait for the end of the process `owner`."""
    threads = Path(f"/proc/{owner}/task").iterdir()
    children = [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]
    return [pid for pid in children if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sh\0")]


def test_step_of_a_killed_owner_is_swept(engine: Engine, busybox: Path) -> None:
    with killed_owner(engine, busybox) as (container, owner):
        assert sweep_steps(engine) == []
        (watcher,) = watchers(owner.pid)
        os.kill(watcher, signal.SIGKILL)
    assert sweep_steps(engine) == [container]
    assert engine.pids(container) == []
    assert engine.containers() == []


def test_step_of_a_killed_owner_ends_with_it(engine: Engine, busybox: Path) -> None:
    with killed_owner(engine, busybox) as (container, _):
        assert engine.pids(container)
    until = time.monotonic() + 5
    while engine.containers() and time.monotonic() < until:
        time.sleep(0.01)
    assert engine.pids(container) == []
    assert sweep_steps(engine) == []


def test_steps_run_side_by_side(engine: Engine, busybox: Path, tmp_path: Path) -> None:
    codes: dict[int, int] = {}

    def one(number: int) -> None:
        container = step_id()
        directory = write(tmp_path / f"b{number}", shell(busybox, engine, container, f"exit {number}"))
        codes[number] = run_step(engine, container, directory, lambda _s, _d: None)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {number: number for number in range(6)}
