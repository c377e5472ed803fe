"""Health checks, by a watcher and no daemon."""

import os
import signal
import time

import pytest

from fixtures_container import Box
from sealift.container.values import Health
from sealift.core.config import Healthcheck
from sealift.runtime.processes import Process

pytestmark = pytest.mark.root
MS = 1_000_000


def check(line: str, **members: int) -> Healthcheck:
    return Healthcheck(("CMD-SHELL", line), interval=150 * MS, timeout=2000 * MS)._replace(**members)  # type: ignore[arg-type]


def health(box: Box, name: str) -> Health:
    found = box.containers.find(name).state.health
    assert found is not None
    return found


def test_health_follows_what_the_check_says(box: Box) -> None:
    spec = box.sh("sleep 1000", name="one", healthcheck=check("echo seen; test -e /good", retries=2))
    started = box.containers.run(spec)
    assert started.state.health == Health("starting", 0, ())
    box.until(lambda: health(box, "one").status == "unhealthy", "unhealthy")
    found = health(box, "one")
    assert found.failing_streak >= 2
    assert (found.log[0].exit_code, found.log[0].output) == (1, "seen\n")
    root = box.parts.registry.snapshot(started.id) / "rootfs"
    (root / "good").touch()
    box.until(lambda: health(box, "one").status == "healthy", "healthy")
    assert health(box, "one").failing_streak == 0
    box.until(lambda: len(health(box, "one").log) == 5, "five results")
    time.sleep(0.5)
    assert len(health(box, "one").log) == 5


def test_checks_come_on_time(box: Box) -> None:
    box.containers.run(box.sh("sleep 1000", name="one", healthcheck=check("true", interval=300 * MS)))
    box.until(lambda: len(health(box, "one").log) >= 4, "four results")
    log = health(box, "one").log
    gaps = [(log[n + 1].start - log[n].end) / MS for n in range(3)]
    assert all(290 < gap < 700 for gap in gaps), gaps


def test_check_that_takes_too_long_is_ended(box: Box) -> None:
    slow = check("sleep 1003; true", timeout=300 * MS, retries=1)
    box.containers.run(box.sh("sleep 1000", name="one", healthcheck=slow))
    box.until(lambda: health(box, "one").status == "unhealthy", "unhealthy")
    result = health(box, "one").log[0]
    assert result.exit_code == -1
    assert "exceeded timeout" in result.output
    box.until(lambda: len(health(box, "one").log) >= 3, "what was ended thrice")
    rows = box.containers.top("one", ("-A", "-o", "pid,args"))[1]
    assert sum("1003" in row[1] for row in rows) <= 1


def test_failures_in_the_start_period_do_not_count(box: Box) -> None:
    young = check("false", start_period=1500 * MS, start_interval=100 * MS, retries=1, interval=200 * MS)
    begun = time.monotonic()
    box.containers.run(box.sh("sleep 1000", name="one", healthcheck=young))
    box.until(lambda: len(health(box, "one").log) >= 3, "checked often")
    assert time.monotonic() - begun < 1.4
    assert (health(box, "one").status, health(box, "one").failing_streak) == ("starting", 0)
    box.until(lambda: health(box, "one").status == "unhealthy", "unhealthy")
    assert time.monotonic() - begun > 1.4


def test_unknown_command_is_unhealthy_not_fatal(box: Box) -> None:
    wrong = Healthcheck(("CMD", "/nope"), interval=100 * MS, retries=1)
    box.containers.run(box.sh("sleep 1000", name="one", healthcheck=wrong))
    box.until(lambda: health(box, "one").status == "unhealthy", "unhealthy")
    assert health(box, "one").log[0].exit_code != 0
    assert "nope" in health(box, "one").log[0].output


def test_killed_watcher_is_replaced_at_the_next_look(box: Box) -> None:
    started = box.containers.run(box.sh("sleep 1000", name="one", healthcheck=check("true")))
    box.until(lambda: health(box, "one").status == "healthy", "healthy")
    watcher = watcher_of(started.id)
    os.kill(watcher.pid, signal.SIGKILL)
    box.until(lambda: not watcher.alive, "killed")
    seen = health(box, "one").log[-1].end
    box.until(lambda: health(box, "one").log[-1].end > seen, "checked again")


def test_watcher_ends_with_its_container_and_starts_with_it(box: Box) -> None:
    started = box.containers.run(box.sh("sleep 1000", name="one", healthcheck=check("true")))
    box.until(lambda: health(box, "one").status == "healthy", "healthy")
    watcher = watcher_of(started.id)
    box.containers.stop("one", 0)
    box.until(lambda: not watcher.alive, "ended")
    assert box.containers.start("one").state.health == Health("starting", 0, ())
    box.until(lambda: health(box, "one").status == "healthy", "healthy again")


def test_paused_container_is_not_checked(box: Box) -> None:
    box.containers.run(box.sh("sleep 1000", name="one", healthcheck=check("true")))
    box.until(lambda: health(box, "one").status == "healthy", "healthy")
    box.containers.pause("one")
    time.sleep(0.3)
    before = health(box, "one").log
    time.sleep(0.5)
    assert health(box, "one").log == before
    box.containers.unpause("one")
    box.until(lambda: health(box, "one").log != before, "checked again")


def watcher_of(container: str) -> Process:
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:  # noqa: PTH123
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"watch" in words and container.encode() in words and b"-c" in words:
                process = Process.of(int(name))
                if process is not None:
                    found.append(process)
    (one,) = found
    return one
