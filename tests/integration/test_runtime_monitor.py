"""conmon and its dialogue: created, attached to, waited for; also when nobody reads or all is killed."""

import os
import resource
import signal
import threading
import time
from pathlib import Path

import pytest

from fixtures_runtime import shell, write
from sealift.core.errors import Conflict, StartFailed
from sealift.runtime import Engine, ProcessSpec, Streams, execs
from sealift.runtime.attach import Attachment
from sealift.runtime.monitor import Created, Monitor, Supervision

pytestmark = pytest.mark.root


@pytest.fixture
def monitor(engine: Engine) -> Monitor:
    return Monitor.open(engine)


def created(
    monitor: Monitor, tmp_path: Path, rootfs: Path, line: str, how: Supervision | None = None
) -> tuple[Path, Created]:
    bundle = write(tmp_path / "bundle", shell(rootfs, monitor.engine, "one", line))
    return bundle, monitor.create("one", bundle, how or Supervision())


def test_exit_is_written_down(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(monitor, tmp_path, busybox, "exit 9")
    assert monitor.exit(bundle) is None
    before = time.time_ns()
    monitor.engine.start("one")
    ended = monitor.wait(bundle, made, 10)
    assert ended is not None
    assert (ended.code, ended.out_of_memory) == (9, False)
    assert before <= ended.finished + 10_000_000 <= time.time_ns() + 20_000_000
    assert monitor.recorded("one") == 9
    assert monitor.recorded("other") is None


def test_wait_gives_up_in_time(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(monitor, tmp_path, busybox, "sleep 1000")
    monitor.engine.start("one")
    begun = time.monotonic()
    assert monitor.wait(bundle, made, 0.2) is None
    assert 0.2 <= time.monotonic() - begun < 2
    monitor.engine.kill("one", 9)
    ended = monitor.wait(bundle, made, 10)
    assert ended is not None
    assert ended.code == 137


def test_wait_outlives_the_supervisor(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(monitor, tmp_path, busybox, "sleep 0.6")
    monitor.engine.start("one")
    made.monitor.signal(signal.SIGKILL)
    begun = time.monotonic()
    assert monitor.wait(bundle, made, 10) is None
    assert 0.3 < time.monotonic() - begun < 5


def test_exit_command_runs_at_the_end(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    mark = tmp_path / "mark"
    line = 'env > "$1.new"; mv "$1.new" "$1"'
    how = Supervision(exit_command=("/bin/sh", "-c", line, "x", str(mark)))
    os.environ["ONLY_OURS"] = "canary"
    try:
        bundle, made = created(monitor, tmp_path, busybox, "true", how)
    finally:
        del os.environ["ONLY_OURS"]
    monitor.engine.start("one")
    monitor.wait(bundle, made, 10)
    for _ in range(200):
        if mark.exists():
            break
        time.sleep(0.02)
    assert "canary" not in mark.read_text()


def test_failed_create_leaves_nothing(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle = write(tmp_path / "bundle", shell(busybox, monitor.engine, "one", "true", args=("/nope",)))
    with pytest.raises(StartFailed) as caught:
        monitor.create("one", bundle, Supervision())
    assert caught.value.exit_code == 127
    assert monitor.engine.containers() == []
    with pytest.raises(Conflict, match="not running"):
        Attachment.connect(bundle)


def test_attached_streams_have_every_byte(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(
        monitor, tmp_path, busybox, "head -c 300000 /dev/zero; echo end >&2", Supervision(log=False)
    )
    attachment = Attachment.connect(bundle)
    monitor.engine.start("one")
    out, err = os.memfd_create("out"), os.memfd_create("err")
    assert attachment.run(Streams(None, out, err)) is True
    attachment.close()
    assert os.fstat(out).st_size == 300_000
    assert os.pread(err, 100, 0) == b"end\n"
    assert monitor.wait(bundle, made, 10) is not None
    os.close(out)
    os.close(err)


def test_input_that_nobody_reads_costs_no_time(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(
        monitor, tmp_path, busybox, "sleep 1.5; echo done", Supervision(stdin=True, log=False)
    )
    attachment = Attachment.connect(bundle)
    monitor.engine.start("one")
    reader, writer = os.pipe()
    feeder = threading.Thread(target=_feed, args=(writer,))
    feeder.start()
    out = os.memfd_create("out")
    before = resource.getrusage(resource.RUSAGE_SELF)
    attachment.run(Streams(reader, out, out))
    after = resource.getrusage(resource.RUSAGE_SELF)
    os.close(reader)
    feeder.join()
    attachment.close()
    assert os.pread(out, 100, 0) == b"done\n"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4
    assert monitor.wait(bundle, made, 10) is not None
    os.close(out)


def _feed(writer: int) -> None:
    """More than any buffer on the way holds."""
    try:
        for _ in range(400):
            os.write(writer, b"x" * 65536)
    except BrokenPipeError:
        pass
    finally:
        os.close(writer)


def test_exec_in_a_container_that_ends(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    bundle, made = created(monitor, tmp_path, busybox, "sleep 0.5")
    monitor.engine.start("one")
    process = ProcessSpec(("sh", "-c", "echo in; sleep 1000"), env=("PATH=/bin",))
    execution, attachment = execs.start(monitor, "one", bundle, process)
    out = os.memfd_create("out")
    attachment.run(Streams(None, out, out))
    attachment.close()
    assert os.pread(out, 100, 0) == b"in\n"
    assert execution.wait() == 137
    os.close(out)
    assert monitor.wait(bundle, made, 10) is not None


def test_cgroup_counts_limits_and_ends_everything(monitor: Monitor, tmp_path: Path, busybox: Path) -> None:
    from sealift.runtime import Resources

    spec = shell(busybox, monitor.engine, "one", "sleep 1000 & sleep 1000 & wait")
    bundle = write(tmp_path / "bundle", spec._replace(resources=Resources(memory=32 << 20, pids=20)))
    made = monitor.create("one", bundle, Supervision())
    monitor.engine.start("one")
    group = monitor.engine.cgroup("one")
    for _ in range(200):
        if len(group.pids()) == 3:
            break
        time.sleep(0.02)
    assert made.process.pid in group.pids()
    stats = group.stats()
    assert stats is not None
    assert (stats.memory_limit, stats.pids_limit, stats.pids) == (32 << 20, 20, 3)
    assert stats.system_cpu > stats.cpu > 0
    monitor.engine.pause("one")
    group.kill()
    assert group.pids() == []
    monitor.wait(bundle, made, 10)
    monitor.engine.delete("one")
    assert group.stats() is None
    assert not group.out_of_memory()


def test_supervisor_leaves_the_session_it_was_started_in(
    monitor: Monitor, tmp_path: Path, busybox: Path
) -> None:
    """A login session's cgroup is imitated: a group of the tree that systemd would use."""
    from sealift.runtime.cgroups import MOUNT, unified
    from sealift.runtime.conmon import leave_session

    tree = MOUNT if unified() else MOUNT / "systemd"
    session = tree / f"session-{os.getpid()}.scope"
    ours = next(
        line.rpartition(":")[2]
        for line in Path("/proc/self/cgroup").read_text().splitlines()
        if line.split(":")[1] in ("", "name=systemd")
    )
    session.mkdir()
    try:
        (session / "cgroup.procs").write_text(str(os.getpid()))
        _, made = created(monitor, tmp_path, busybox, "sleep 1000")
        leave_session(made.monitor)
        assert "sealift-monitors" in Path(f"/proc/{made.monitor.pid}/cgroup").read_text()
    finally:
        (tree / ours.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))
        monitor.engine.delete("one", force=True)
        for _ in range(100):
            if not (session / "cgroup.procs").read_text():
                break
            time.sleep(0.02)
        session.rmdir()


def test_old_exit_codes_are_forgotten(monitor: Monitor) -> None:
    monitor.exits.mkdir(parents=True)
    for name, age in (("old", 7200), ("new", 5)):
        (monitor.exits / name).write_text("3")
        os.utime(monitor.exits / name, (time.time() - age,) * 2)
    monitor.sweep_records(3600)
    assert (monitor.recorded("old"), monitor.recorded("new")) == (None, 3)
