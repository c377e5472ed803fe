"""Containers from creation to removal, with the real runtime and supervisor."""

import os
import threading
import time
from pathlib import Path

import pytest

from fixtures_container import Box
from sealift.container import RestartPolicy
from sealift.core.errors import Conflict, Invalid, NotFound, StartFailed
from sealift.runtime.spec import Streams

pytestmark = pytest.mark.root


def test_foreground_keeps_streams_apart_and_gives_exit_code(box: Box) -> None:
    run = box.foreground(box.sh("echo out; echo err >&2; exit 7", auto_remove=True))
    assert run == (7, b"out\n", b"err\n")
    assert box.containers.all() == []


def test_foreground_passes_on_standard_input(box: Box) -> None:
    run = box.foreground(box.spec("wc", "-c", interactive=True, auto_remove=True), b"12345")
    assert run == (0, b"5\n", b"")


def test_foreground_passes_on_much_in_both_directions(box: Box) -> None:
    given = os.urandom(60_000)
    run = box.foreground(box.spec("cat", interactive=True, auto_remove=True), given)
    assert run.code == 0
    assert run.out == given
    run = box.foreground(box.sh("yes | head -c 3000000", auto_remove=True))
    assert len(run.out) == 3_000_000


def test_container_is_found_by_name_id_and_prefix(box: Box) -> None:
    made = box.containers.create(box.spec("true", name="one"))
    for text in ("one", "/one", made.id, made.id[:12], made.id[:4]):
        assert box.containers.find(text).id == made.id
    assert made.state.status == "created"
    for text in ("two", "on", "zzz", "", "..", "../x", ".names", "f" * 64):
        with pytest.raises(NotFound):
            box.containers.find(text)


def test_prefix_of_several_ids_is_refused(box: Box) -> None:
    ids = [box.containers.create(box.spec("true")).id for _ in range(17)]
    prefix = next(text for text in (one[0] for one in ids) if sum(one[0] == text for one in ids) > 1)
    with pytest.raises(Conflict, match="beginning of"):
        box.containers.find(prefix)


def test_taken_name_is_refused_and_free_again_after_removal(box: Box) -> None:
    box.containers.create(box.spec("true", name="one"))
    with pytest.raises(Conflict, match="'one' is in use") as caught:
        box.containers.create(box.spec("true", name="one"))
    assert "sealift rm one" in caught.value.fix
    assert len(box.containers.all()) == 1
    box.containers.remove("one")
    box.containers.create(box.spec("true", name="one"))


def test_unknown_image_leaves_nothing(box: Box) -> None:
    with pytest.raises(NotFound):
        box.containers.create(box.spec("true", image="nothing:here", name="one"))
    assert box.containers.all() == []
    box.containers.create(box.spec("true", name="one"))


def test_container_in_the_background_is_cleaned_up_when_it_ends(box: Box) -> None:
    started = box.containers.run(box.sh("echo up; sleep 0.3; exit 5", name="job"))
    assert started.state.status == "running"
    assert started.state.pid > 0
    assert box.containers.wait("job") == 5
    ended = box.containers.find("job").state
    assert (ended.status, ended.exit_code, ended.pid) == ("exited", 5, 0)
    assert ended.finished > ended.started > 0
    assert box.log("job") == b"up\n"
    assert box.mounts() == []
    assert box.parts.engine.containers() == []


def test_container_in_the_background_is_removed_when_asked_for(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.3; exit 3", name="job", auto_remove=True))
    assert box.containers.wait("job") == 3
    box.until(lambda: box.status("job") == "gone", "removed")
    assert os.listdir(box.parts.registry.root / ".names") == []  # noqa: PTH208


def test_stop_sends_the_stop_signal_first(box: Box) -> None:
    line = "trap 'echo bye; exit 9' {}; echo up; while :; do sleep 0.05; done"
    for name, signal, given in (("aa", "TERM", ""), ("bb", "USR1", "SIGUSR1"), ("cc", "INT", "2")):
        box.containers.run(box.sh(line.format(signal), name=name, stop_signal=given))
        box.until(lambda name=name: box.log(name) == b"up\n", "started")  # type: ignore[misc]
        box.containers.stop(name)
        state = box.containers.find(name).state
        assert (state.status, state.exit_code) == ("exited", 9)
        assert box.log(name) == b"up\nbye\n"


def test_stop_kills_what_does_not_end_in_time(box: Box) -> None:
    box.containers.run(box.sh("trap '' TERM; echo deaf; while :; do sleep 0.05; done", name="aa"))
    box.until(lambda: box.log("aa") == b"deaf\n", "the signal is ignored")
    begun = time.monotonic()
    box.containers.stop("aa", 0.3)
    assert 0.3 <= time.monotonic() - begun < 5
    assert box.containers.find("aa").state.exit_code == 137
    box.containers.stop("aa")  # nothing to do is no error


def test_start_again_keeps_what_was_written(box: Box) -> None:
    box.containers.run(box.sh("cat /note; echo x >> /note; echo $?", name="aa"))
    box.containers.wait("aa")
    box.containers.start("aa")
    box.containers.wait("aa")
    assert box.log("aa").decode().split("\n")[-3:] == ["x", "0", ""]


def test_start_attached_misses_nothing(box: Box) -> None:
    box.containers.create(box.sh("echo first", name="aa"))
    for _ in range(3):
        run = box.streamed(lambda streams: box.containers.start_attached("aa", streams))
        assert run == (0, b"first\n", b"")


def test_restart_gives_a_new_process(box: Box) -> None:
    before = box.containers.run(box.spec("sleep", "1000", name="aa"))
    after = box.containers.restart("aa", 0)
    assert after.state.status == "running"
    assert after.state.pid != before.state.pid
    assert after.state.restart_count == 0


def test_kill_sends_any_signal(box: Box) -> None:
    box.containers.run(box.sh("trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done", name="aa"))
    box.until(lambda: box.log("aa") == b"up\n", "started")
    box.containers.kill("aa", "USR1")
    box.until(lambda: box.log("aa") == b"up\nusr1\n", "signal seen")
    with pytest.raises(Invalid, match="signal"):
        box.containers.kill("aa", "NOPE")
    box.containers.kill("aa")
    state = box.containers.find("aa").state
    assert (state.status, state.exit_code) == ("exited", 137)
    with pytest.raises(Conflict, match="not running"):
        box.containers.kill("aa")


def test_paused_container_does_nothing_until_unpaused(box: Box) -> None:
    box.containers.run(box.sh("while :; do echo x; sleep 0.02; done", name="aa"))
    box.until(lambda: len(box.log("aa")) > 4, "running")
    box.containers.pause("aa")
    assert box.status("aa") == "paused"
    size = len(box.log("aa"))
    time.sleep(0.2)
    assert len(box.log("aa")) == size
    with pytest.raises(Conflict, match="paused"):
        box.containers.pause("aa")
    box.containers.unpause("aa")
    box.until(lambda: len(box.log("aa")) > size, "going on")
    box.containers.pause("aa")
    box.containers.stop("aa", 0)
    assert box.status("aa") == "exited"


def test_rename_frees_the_old_name(box: Box) -> None:
    made = box.containers.create(box.spec("true", name="old"))
    box.containers.create(box.spec("true", name="other"))
    with pytest.raises(Conflict):
        box.containers.rename("old", "other")
    with pytest.raises(Invalid):
        box.containers.rename("old", "no/slash")
    box.containers.rename("old", "new")
    assert box.containers.find("new").id == made.id
    assert box.status("old") == "gone"
    box.containers.create(box.spec("true", name="old"))


def test_running_container_is_removed_only_by_force(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="aa"))
    with pytest.raises(Conflict, match="running"):
        box.containers.remove("aa")
    box.containers.remove("aa", force=True)
    assert box.status("aa") == "gone"
    assert box.mounts() == []
    assert box.parts.engine.containers() == []


@pytest.mark.parametrize(
    ("command", "code"), [(("nope",), 127), (("/no/such",), 127), (("/data/seed",), 126), (("/etc",), 126)]
)
def test_what_cannot_start_stays_as_created(box: Box, command: tuple[str, ...], code: int) -> None:
    for spec in (box.spec(*command, name="aa"), box.spec(*command, name="bb", auto_remove=True)):
        with pytest.raises(StartFailed) as caught:
            box.foreground(spec)
        assert caught.value.exit_code == code
    state = box.containers.find("aa").state
    assert (state.status, state.exit_code) == ("created", code)
    assert command[0] in state.error
    assert box.status("bb") == "gone"
    assert box.mounts() == []
    with pytest.raises(StartFailed):
        box.containers.start("aa")


def test_killed_process_gives_128_plus_the_signal(box: Box) -> None:
    assert box.foreground(box.sh("sh -c 'kill -9 $$'; exit $?", auto_remove=True)).code == 137
    box.containers.run(box.spec("sleep", "1000", name="aa", init=False))
    os.kill(box.containers.find("aa").state.pid, 9)
    assert box.containers.wait("aa") == 137


def test_wait_tells_the_code_to_everyone(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.5; exit 4", name="aa"))
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(box.containers.wait("aa"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [4, 4, 4, 4]
    assert box.containers.wait("aa") == 4


def test_out_of_memory_is_reported(box: Box) -> None:
    from sealift.runtime import Resources

    line = "dd if=/dev/zero of=/dev/null bs=200M count=1"
    limits = Resources(memory=16 << 20, memory_swap=16 << 20)
    box.foreground(box.sh(f"exec {line}", name="aa", resources=limits))
    state = box.containers.find("aa").state
    assert state.exit_code == 137
    assert state.oom_killed


def test_failing_container_is_restarted_as_often_as_said(box: Box) -> None:
    spec = box.sh("echo try; exit 3", name="aa", restart=RestartPolicy.parse("on-failure:2"))
    box.containers.run(spec)
    box.until(lambda: box.status("aa") == "exited", "given up")
    state = box.containers.find("aa").state
    assert (state.restart_count, state.exit_code) == (2, 3)
    assert box.log("aa") == b"try\n" * 3


def test_wait_ends_with_a_run_though_another_follows(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.5; exit 4", name="aa", restart=RestartPolicy("always")))
    assert box.containers.wait("aa") == 4
    assert box.status("aa") in ("restarting", "running")


def test_stop_ends_what_restarts_always(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.1", name="aa", restart=RestartPolicy("always")))
    box.until(lambda: box.containers.find("aa").state.restart_count >= 2, "restarted twice")
    box.containers.stop("aa", 0)
    assert box.status("aa") == "exited"
    count = box.containers.find("aa").state.restart_count
    time.sleep(0.7)
    assert box.status("aa") == "exited"
    assert box.containers.find("aa").state.restart_count == count


def test_container_waiting_for_its_restart_can_be_removed(box: Box) -> None:
    box.containers.run(box.sh("exit 1", name="aa", restart=RestartPolicy("always")))
    box.until(lambda: box.status("aa") == "restarting", "restarting")
    box.containers.remove("aa", force=True)
    time.sleep(0.5)
    assert box.containers.all() == []
    assert box.parts.engine.containers() == []


def test_attach_shows_what_comes_and_gives_the_code(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.5; echo later; exit 6", name="aa"))
    run = box.streamed(lambda streams: box.containers.attach("aa", streams, forward_signals=False))
    assert run == (6, b"later\n", b"")
    with pytest.raises(Conflict, match="not running"):
        box.containers.attach("aa", Streams())


def test_prune_removes_what_does_not_run(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="busy"))
    box.containers.create(box.spec("true", name="fresh"))
    box.containers.create(box.spec("true", name="kept", labels=(("keep", ""),)))
    box.foreground(box.sh("head -c 100000 /dev/zero > /file", name="done"))
    pruned = box.containers.prune(lambda container: ("keep", "") in container.labels)
    assert len(pruned.names) == 2
    assert pruned.freed >= 100_000
    assert {one.name for one in box.containers.all()} == {"busy", "kept"}


def test_twenty_at_a_time(box: Box) -> None:
    codes: dict[int, int | None] = {}

    def one(number: int) -> None:
        with Path(os.devnull).open("wb") as sink:
            streams = Streams(None, sink.fileno(), sink.fileno())
            spec = box.sh(f"exit {number}", auto_remove=True)
            codes[number] = box.containers.run_attached(spec, streams, forward_signals=False)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {number: number for number in range(20)}
    assert box.containers.all() == []
