"""What processes in a container find: accounts, variables, files, mounts, rights; other processes in it."""

import os
import pty
import threading
from pathlib import Path

import pytest

from fixtures_container import Box, Run
from sealift.container import ExecSpec, MountSpec, SecuritySpec
from sealift.core.errors import Conflict, Invalid, StartFailed
from sealift.runtime.spec import Streams

pytestmark = pytest.mark.root


def execute(box: Box, name: str, *command: str, given: bytes | None = None, **members: object) -> Run:
    spec = ExecSpec(command)._replace(**members)  # type: ignore[arg-type]
    return box.streamed(lambda streams: box.containers.exec(name, spec, streams), given)


def test_default_rights_are_few(box: Box) -> None:
    lines = box.output(box.spec("cat", "/proc/self/status")).splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(fields["CapEff"], 16).bit_count() == 11
    assert fields["CapEff"] == fields["CapBnd"] == fields["CapPrm"]
    assert int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0
    assert fields["Seccomp"] == "2"
    assert fields["NoNewPrivs"] == "0"


def test_rights_are_added_and_taken(box: Box) -> None:
    security = SecuritySpec(cap_add=("net_admin",), cap_drop=("ALL",), no_new_privileges=True)
    status = box.output(box.spec("cat", "/proc/self/status", security=security))
    assert "CapEff:\t0000000000001000" in status
    assert "NoNewPrivs:\t1" in status


def test_process_has_three_descriptors(box: Box) -> None:
    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        listed = box.output(box.sh("ls /proc/1/fd; true")).split()
    finally:
        os.close(leak)
    assert listed == ["0", "1", "2"]


def test_kernel_views_are_masked(box: Box) -> None:
    assert box.output(box.sh("wc -c < /proc/interrupts; ls /sys/firmware | wc -l")).split() == ["0", "0"]
    run = box.foreground(box.sh("echo x > /proc/sys/kernel/hostname", auto_remove=True))
    assert b"Read-only file system" in run.err


def test_user_groups_and_home(box: Box) -> None:
    assert box.output(box.sh("id -u; id -G; echo $HOME", user="app")) == "1000\n1000 44\n/home/app\n"
    assert box.output(box.sh("id -u; id -g; echo $HOME", user="7:8")) == "7\n8\n/\n"
    assert box.output(box.sh("id -G", user="7", group_add=("video", "99"))) == "0 44 99\n"
    with pytest.raises(Invalid, match="unable to find user nobody"):
        box.containers.run(box.spec("true", user="nobody"))


def test_variables_host_name_and_directory(box: Box) -> None:
    spec = box.sh(
        "env; hostname; pwd; cat /etc/hostname", env=("A=b c", "HOME=/x"), hostname="deck", working_dir="/tmp"
    )
    lines = box.output(spec).splitlines()
    assert {"A=b c", "HOME=/x", "HOSTNAME=deck", "PATH=/bin"} <= set(lines)
    assert lines[-3:] == ["deck", "/tmp", "deck"]


def test_hosts_and_resolver_are_as_asked(box: Box) -> None:
    spec = box.sh(
        "cat /etc/hosts /etc/resolv.conf", extra_hosts=(("db", "10.9.8.7"),), dns=("192.0.2.1",),
        dns_search=("example.org",), dns_options=("ndots:2",),
    )  # fmt: skip
    out = box.output(spec)
    assert "10.9.8.7\tdb" in out
    assert "127.0.0.1\tlocalhost" in out
    assert "nameserver 192.0.2.1\n" in out
    assert "search example.org\n" in out
    assert "options ndots:2\n" in out


def test_missing_working_directory_is_made(box: Box) -> None:
    assert box.output(box.spec("pwd", working_dir="/made/up")) == "/made/up\n"


def test_read_only_tree_with_writable_places(box: Box, tmp_path: Path) -> None:
    line = "touch /x 2>/dev/null || echo ro; touch /tmp/y && echo tmp; touch /mnt/z && echo mnt"
    mounts = (MountSpec("tmpfs", "/tmp"), MountSpec("bind", "/mnt", str(tmp_path)))
    assert box.output(box.sh(line, read_only=True, mounts=mounts)) == "ro\ntmp\nmnt\n"
    assert (tmp_path / "z").exists()


def test_read_only_bind_and_missing_source(box: Box, tmp_path: Path) -> None:
    bind = MountSpec("bind", "/mnt", str(tmp_path), read_only=True)
    assert box.output(box.sh("touch /mnt/x 2>/dev/null || echo ro", mounts=(bind,))) == "ro\n"
    missing = MountSpec("bind", "/mnt", str(tmp_path / "none"))
    with pytest.raises(Invalid, match="does not exist"):
        box.containers.create(box.spec("true", mounts=(missing,)))
    box.output(box.spec("true", mounts=(missing._replace(make_source=True),)))
    assert (tmp_path / "none").is_dir()


def test_init_reaps_orphans_and_passes_signals(box: Box) -> None:
    box.containers.run(box.sh("exec sleep 1000", name="one", init=True))
    assert b"docker-init" in execute(box, "one", "cat", "/proc/1/cmdline").out
    box.containers.stop("one", 5)
    assert box.containers.find("one").state.exit_code == 143


def test_terminal_has_a_size_and_can_be_left(box: Box) -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    seen = bytearray()

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.extend(data)
        except OSError:
            return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    spec = box.spec("sh", name="one", terminal=True, interactive=True)
    streams = Streams(theirs, theirs, theirs)
    os.write(ours, b"tty; echo a''b\n")
    timer = threading.Timer(1.0, lambda: os.write(ours, b"\x10\x11"))
    timer.start()
    code = box.containers.run_attached(spec, streams, detach_keys=b"\x10\x11", forward_signals=False)
    assert code is None
    assert box.status("one") == "running"
    box.until(lambda: b"ab\r\n" in seen, "echoed")
    assert b"/dev/pts/0" in seen
    box.containers.stop("one", 0)
    os.close(theirs)
    os.close(ours)


def test_exec_gives_streams_and_code(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one", env=("A=1",)))
    assert execute(box, "one", "sh", "-c", "echo out; echo err >&2; exit 4") == (4, b"out\n", b"err\n")
    assert execute(box, "one", "wc", "-c", given=b"123", interactive=True) == (0, b"3\n", b"")
    run = execute(
        box, "one", "sh", "-c", "echo $A$B; id -u; pwd", env=("B=2",), user="app", working_dir="/tmp"
    )
    assert run.out == b"12\n1000\n/tmp\n"
    assert execute(box, "one", "sh", "-c", "kill -9 $$").code == 137


@pytest.mark.parametrize(("command", "code"), [(("nope",), 127), (("/data/seed",), 126)])
def test_exec_of_what_cannot_start(box: Box, command: tuple[str, ...], code: int) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one"))
    with pytest.raises(StartFailed) as caught:
        execute(box, "one", *command)
    assert caught.value.exit_code == code


def test_exec_needs_a_running_container(box: Box) -> None:
    box.containers.create(box.spec("sleep", "1000", name="one"))
    with pytest.raises(Conflict, match="not running"):
        execute(box, "one", "true")
    box.containers.start("one")
    box.containers.pause("one")
    with pytest.raises(Conflict, match="paused"):
        execute(box, "one", "true")


def test_detached_exec_goes_on_alone(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one"))
    box.containers.exec_detached("one", ExecSpec(("sh", "-c", "sleep 0.2; touch /done")))
    box.until(lambda: execute(box, "one", "test", "-e", "/done").code == 0, "done")
    execs = box.parts.registry.bundle(box.containers.find("one").id) / "execs"
    box.until(lambda: not list(execs.iterdir()), "its files are removed")


def test_exec_does_not_outlive_its_container(box: Box) -> None:
    box.containers.run(box.sh("sleep 0.7", name="one"))
    assert execute(box, "one", "sleep", "1000").code == 137


def test_top_shows_the_processes(box: Box) -> None:
    box.containers.run(box.sh("sleep 1001 & sleep 1002", name="one"))
    box.until(lambda: len(box.containers.top("one")[1]) == 2, "started")
    titles, rows = box.containers.top("one", ("-o", "pid,args", "-A"))
    assert titles == ["PID", "COMMAND"]
    assert {row[1] for row in rows} >= {"sleep 1001", "sleep 1002"}
    with pytest.raises(Invalid):
        box.containers.top("one", ("--nonsense",))


def test_stats_count_what_is_used(box: Box) -> None:
    from sealift.container.service import usage
    from sealift.runtime import Resources

    limits = Resources(memory=64 << 20, pids=50)
    box.containers.run(box.sh("while :; do :; done", name="one", resources=limits))
    before = box.containers.stats("one")
    box.until(lambda: (box.containers.stats("one") or before).cpu > 300_000_000, "busy")  # type: ignore[union-attr]
    now = box.containers.stats("one")
    assert before is not None
    assert now is not None
    used = usage(before, now)
    assert 5 < used.cpu_percent < 220
    assert (used.memory_limit, now.pids_limit) == (64 << 20, 50)
    assert used.pids >= 1
    assert 0 < used.memory < 64 << 20
    box.containers.kill("one")
    assert box.containers.stats("one") is None


def test_inspect_has_the_shape_of_dockers(box: Box) -> None:
    from sealift.core.config import Healthcheck

    spec = box.sh("sleep 1000", name="one", labels=(("a", "b"),), healthcheck=Healthcheck(("CMD", "true")))
    box.containers.run(spec)
    found = box.containers.inspect("one")
    assert found["Name"] == "/one"
    assert found["Path"] == "sh"
    assert found["Args"] == ["-c", "sleep 1000"]
    state = found["State"]
    assert isinstance(state, dict)
    assert (state["Status"], state["Running"], state["FinishedAt"]) == (
        "running",
        True,
        "0001-01-01T00:00:00Z",
    )
    assert isinstance(state["Health"], dict)
    config = found["Config"]
    assert isinstance(config, dict)
    assert config["Labels"] == {"a": "b"}
    assert config["Cmd"] == ["sh", "-c", "sleep 1000"]
    host = found["HostConfig"]
    assert isinstance(host, dict)
    assert host["NetworkMode"] == "none"
    assert {"Mounts", "NetworkSettings", "GraphDriver", "LogPath", "RestartCount"} <= set(found)


def test_network_of_another_container_is_shared(box: Box) -> None:
    box.containers.run(box.spec("sleep", "1000", name="one", hostname="deck"))
    run = box.output(box.sh("hostname; ip link | wc -l", network="container:one"))
    assert run.startswith("deck\n")
    one = str(Path(f"/proc/{box.containers.find('one').state.pid}/ns/net").readlink())
    assert box.output(box.spec("readlink", "/proc/self/ns/net", network="container:one")).strip() == one
    ours = box.output(box.spec("readlink", "/proc/self/ns/net", network="host")).strip()
    assert ours == str(Path("/proc/self/ns/net").readlink())
    box.containers.stop("one", 0)
    with pytest.raises(Conflict, match="not running"):
        box.containers.run(box.spec("true", network="container:one"))


def test_containers_on_the_bridge_find_each_other_by_name(box: Box) -> None:
    box.containers.run(box.sh("while :; do echo hello | nc -l -p 80; done", name="web", network="bridge"))
    box.until(
        lambda: box.foreground(
            box.sh("nc web 80 < /dev/null || nc web 80", network="bridge", auto_remove=True)
        ).out == b"hello\n",
        "answered",
    )  # fmt: skip
    view = box.containers.find("web")
    assert view.address
    box.containers.stop("web", 0)
    assert box.containers.find("web").address == ""
