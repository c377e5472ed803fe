"""Whatever is killed, and whenever: nothing half-made is seen, names are free again, the host is clean."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures_container import Box
from sealift.container import RestartPolicy
from sealift.container import status as states
from sealift.core.errors import NotFound
from sealift.runtime.processes import Process

pytestmark = pytest.mark.root


def processes(box: Box, name: str) -> tuple[Process, Process]:
    """A container's first process, and its conmon."""
    status = states.read(box.parts.registry.directory(box.containers.find(name).id))
    assert status.process is not None
    assert status.monitor is not None
    return status.process, status.monitor


def is_clean(box: Box) -> bool:
    box.parts.networks.sweep(())
    box.parts.snapshots.collect(())
    return not (box.mounts() or box.parts.engine.containers() or box.parts.networks.attachments())


def test_killed_supervisor_does_not_end_the_container(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one"))
    process, monitor = processes(box, "one")
    monitor.signal(signal.SIGKILL)
    box.until(lambda: not monitor.alive, "killed")
    assert box.status("one") == "running"
    box.containers.stop("one", 0)
    assert not process.alive
    state = box.containers.find("one").state
    assert (state.status, state.exit_code) == ("exited", 255)
    assert "supervisor" in state.error
    assert is_clean(box)
    box.containers.start("one")


def test_process_that_ends_unsupervised_is_seen_at_the_next_look(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one"))
    process, monitor = processes(box, "one")
    monitor.signal(signal.SIGKILL)
    process.signal(signal.SIGKILL)
    box.until(lambda: not process.alive and not monitor.alive, "killed")
    assert box.status("one") == "exited"
    assert is_clean(box)


def test_container_to_be_removed_is_gone_when_all_is_killed(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one", auto_remove=True))
    for process in reversed(processes(box, "one")):
        process.signal(signal.SIGKILL)
    box.until(lambda: box.status("one") == "gone", "gone")
    assert is_clean(box)


def reboot(box: Box, name: str) -> None:
    """The state a restart of the host leaves: processes and mounts gone, another boot written down."""
    container = box.containers.find(name).id
    for process in reversed(processes(box, name)):
        process.signal(signal.SIGKILL)
    directory = box.parts.registry.directory(container)
    status = states.read(directory)
    box.until(lambda: not status.alive and not status.supervised, "killed")
    box.parts.engine.delete(container, force=True)
    box.parts.snapshots.release(box.parts.registry.snapshot(container))
    me = Process.of(os.getpid())  # a number that means another process now
    states.write(directory, status._replace(boot="0" * 32, process=me, monitor=me))


def test_after_a_reboot_containers_have_exited(box: Box) -> None:
    box.containers.run(box.sh("test -e /kept || echo x > /kept; echo up; sleep 1000", name="one"))
    box.until(lambda: box.log("one") == b"up\n", "written")
    reboot(box, "one")
    state = box.containers.find("one").state
    assert (state.status, state.exit_code, state.pid) == ("exited", 255, 0)
    assert "restarted" in state.error
    box.containers.start("one")
    root = box.parts.registry.snapshot(box.containers.find("one").id) / "rootfs"
    assert (root / "kept").read_text() == "x\n"


def test_after_a_reboot_the_restart_policy_applies(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one", restart=RestartPolicy("unless-stopped")))
    box.containers.run(box.spec("sleep", "1000", name="two", restart=RestartPolicy("always")))
    box.containers.run(box.spec("sleep", "1000", name="six", restart=RestartPolicy("unless-stopped")))
    reboot(box, "one")
    for name in ("two", "six"):
        box.containers.stop(name, 0)
        directory = box.parts.registry.directory(box.containers.find(name).id)
        states.write(directory, states.read(directory)._replace(boot="0" * 32))
    assert box.status("one") in ("restarting", "running")
    for name in ("one", "two"):
        box.until(lambda name=name: box.status(name) == "running", f"{name} started")  # type: ignore[misc]
    assert box.status("six") == "exited"


def test_killed_restarter_is_replaced_at_the_next_look(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.05; exit 1", name="one", restart=RestartPolicy("always")))
    directory = box.parts.registry.directory(box.containers.find("one").id)

    def restarter() -> Process | None:
        status = states.read(directory)
        return status.owner if status.status == states.RESTARTING and status.failures > 2 else None

    box.until(lambda: (owner := restarter()) is not None and owner.signal(signal.SIGKILL), "killed")
    count = states.read(directory).restarts
    box.until(lambda: box.containers.find("one").state.restart_count > count, "restarted again")


def test_damaged_state_is_no_obstacle(box: Box) -> None:
    box.foreground(box.spec("true", name="one"))
    directory = box.parts.registry.directory(box.containers.find("one").id)
    for content in (b"", b"{", b"[]", b'{"status": "exited", "unknown": 1}'):
        (directory / states.FILE).write_bytes(content)
        assert box.status("one") == "created"
    box.containers.remove("one")


_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sealift import wiring
from sealift.container import ContainerSpec
from sealift.core.settings import Settings
from sealift.runtime.spec import Streams
containers = wiring.containers(Settings(Path(sys.argv[2]), {}))
removed = sys.argv[3] == "rm"
spec = ContainerSpec("box:latest", ("sleep", "0.4"), name="one", network="bridge", auto_remove=removed)
print("go", flush=True)
if removed:
    containers.run_attached(spec, Streams())
else:
    containers.run(spec)
"""


@pytest.mark.parametrize("how", ["rm", "background"])
def test_command_killed_at_any_step_leaves_nothing_half_made(box: Box, how: str) -> None:
    source = str(Path(states.__file__).parents[2])
    seen = set()
    for step in range(14):
        with subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, source, str(box.store.root), how], stdout=subprocess.PIPE
        ) as command:
            assert command.stdout is not None
            assert command.stdout.readline() == b"go\n"
            time.sleep(step * 0.025)
            command.kill()
        found = [one for one in box.containers.all() if one.name == "one"]
        seen.add(found[0].state.status if found else "nothing")
        assert all(one.state.status in ("running", "exited") for one in found), found
        for one in found:
            box.containers.remove(one.id, force=True)
        assert box.foreground(box.spec("true", name="one", auto_remove=True)).code == 0
    assert "nothing" in seen
    box.containers.prune()
    box.until(lambda: is_clean(box), "clean")
    assert sorted(path.name for path in box.parts.registry.root.iterdir()) == [".names"]


@pytest.mark.parametrize("flags", [("--rm",), ("-d",), ()])
def test_command_interrupted_at_any_step_clears_up_itself(box: Box, flags: tuple[str, ...]) -> None:
    words = [sys.executable, "-m", "sealift", "--root", str(box.store.root), "run", *flags, "--name", "one"]
    source = str(Path(states.__file__).parents[2])
    for step in range(12):
        with subprocess.Popen(
            [*words, "box:latest", "sleep", "0.3"], env={"PYTHONPATH": source, "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as command:  # fmt: skip
            time.sleep(0.06 + step * 0.02)
            command.send_signal(signal.SIGINT)
            _, errors = command.communicate(timeout=30)
        if b"Traceback" in errors:
            assert b"import" in errors, errors.decode()  # while Python itself was starting
        else:
            assert command.returncode in (0, 130, -2), errors.decode()
        if box.status("one") != "gone":
            assert box.status("one") in ("running", "exited")
            box.containers.remove("one", force=True)
        assert not list(box.parts.registry.root.glob(".new-*"))
    box.until(lambda: is_clean(box), "clean")


def test_two_removals_at_once_do_not_disturb_each_other(box: Box) -> None:
    import threading

    box.containers.run(box.spec("sleep", "1000", name="one"))
    container = box.containers.find("one").id
    results: list[str] = []

    def remove() -> None:
        try:
            results.append(box.containers.remove(container, force=True))
        except NotFound:
            results.append("gone")

    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([container, "gone", "gone", "gone"])
    assert is_clean(box)


def test_record_survives_as_json_that_others_can_read(box: Box) -> None:
    made = box.containers.create(box.spec("true", name="one"))
    value = json.loads((box.parts.registry.directory(made.id) / "container.json").read_bytes())
    assert value["name"] == "one"
    assert value["spec"]["command"] == ["true"]
    assert (box.parts.registry.directory(made.id)).stat().st_mode & 0o777 == 0o700


def test_name_of_a_killed_command_is_free_at_once(box: Box) -> None:
    source = str(Path(states.__file__).parents[2])
    for step in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, source, str(box.store.root), "rm"], stdout=subprocess.PIPE
        ) as command:
            assert command.stdout is not None
            command.stdout.readline()
            time.sleep(step * 0.01)
            command.kill()
        if box.status("one") == "running":
            break
        assert box.foreground(box.spec("true", name="one", auto_remove=True)).code == 0
