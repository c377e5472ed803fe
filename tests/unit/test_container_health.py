"""docker's rules of health, result by result."""

from pathlib import Path

from sealift.container import health
from sealift.container.values import Health, HealthResult
from sealift.core.config import Healthcheck
from sealift.runtime.processes import Process

SECOND = 1_000_000_000
CHECK = Healthcheck(
    ("CMD", "x"), retries=2, start_period=10 * SECOND, start_interval=SECOND, interval=7 * SECOND
)


def result(second: int, code: int) -> HealthResult:
    return HealthResult(second * SECOND, second * SECOND, code, "")


def judged(*results: HealthResult) -> Health:
    found = Health()
    for one in results:
        found = health.judge(CHECK, found, one, started=0)
    return found


def test_first_success_is_healthy() -> None:
    assert judged(result(1, 0)).status == "healthy"


def test_failures_in_the_start_period_are_logged_and_not_counted() -> None:
    found = judged(result(1, 1), result(2, 1), result(9, 1))
    assert (found.status, found.failing_streak, len(found.log)) == ("starting", 0, 3)


def test_failures_count_after_the_start_period() -> None:
    assert judged(result(1, 1), result(11, 1))[:2] == ("starting", 1)
    assert judged(result(11, 1), result(12, 5))[:2] == ("unhealthy", 2)


def test_failures_count_after_the_first_success() -> None:
    assert judged(result(1, 0), result(2, 1))[:2] == ("healthy", 1)
    assert judged(result(1, 0), result(2, 1), result(3, -1))[:2] == ("unhealthy", 2)


def test_one_success_makes_it_well() -> None:
    assert judged(result(11, 1), result(12, 1), result(13, 1), result(14, 0))[:2] == ("healthy", 0)


def test_five_results_are_kept() -> None:
    found = judged(*(result(n, 0) for n in range(9)))
    assert [one.start // SECOND for one in found.log] == [4, 5, 6, 7, 8]


def test_checks_are_frequent_until_the_start() -> None:
    assert health.pause(CHECK, Health(), 0) == SECOND
    assert health.pause(CHECK, Health("healthy"), 0) == 7 * SECOND
    assert health.pause(CHECK, Health(), 10 * SECOND) == 7 * SECOND
    assert health.pause(Healthcheck(("CMD", "x")), Health(), 0) == 30 * SECOND


def test_shell_form_uses_the_images_shell() -> None:
    assert health.command(Healthcheck(("CMD", "a", "b")), ()) == ("a", "b")
    assert health.command(Healthcheck(("CMD-SHELL", "a b")), ()) == ("/bin/sh", "-c", "a b")
    assert health.command(Healthcheck(("CMD-SHELL", "a b")), ("/bin/bash", "-ec")) == (
        "/bin/bash",
        "-ec",
        "a b",
    )


def test_health_belongs_to_one_run(tmp_path: Path) -> None:
    first, second = Process(10, 1), Process(10, 2)
    known = Health("unhealthy", 3, (result(1, 1),))
    health.write(tmp_path, first, known)
    assert health.read(tmp_path, first) == known
    assert health.read(tmp_path, second) == Health()
    (tmp_path / health.FILE).write_bytes(b"{")
    assert health.read(tmp_path, first) == Health()
