"""The commands about containers and volumes that are there."""

import json
import re
import signal
from collections.abc import Iterator

import pytest

from fixtures_cli import Program, Terminal, eventually

pytestmark = pytest.mark.root
SLEEP = ("--network=none", "tiny", "sleep", "100")


@pytest.fixture
def box(sealift: Program) -> Iterator[Program]:
    """The program, with a container `box` running."""
    sealift("run", "-d", "--name", "box", "--init", *SLEEP)
    yield sealift


def test_ps_shows_what_runs_in_dockers_columns(box: Program) -> None:
    box("run", "--name", "job", "--network=none", "tiny", "false", code=1)
    header, line = box("ps").splitlines()
    assert header.split() == [
        "CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES",
    ]  # fmt: skip
    assert re.match(r'[0-9a-f]{12}   tiny      "sleep 100"   .* ago   Up .*box$', line)
    everything = box("ps", "-a", "--format", "{{.Names}} {{.State}} {{.Status}}").splitlines()
    assert [line.split()[:2] for line in everything] == [["job", "exited"], ["box", "running"]]
    assert "Exited (1)" in everything[0]
    assert box("ps", "-l", "--format", "{{.Names}}") == "job\n"
    assert box("ps", "-n", "2", "--format", "{{.Names}}") == "job\nbox\n"
    assert box("ps", "-q", "--filter", "status=exited") != ""
    assert json.loads(box("ps", "--format", "json"))["Names"] == "box"
    identity = box("ps", "-q", "--no-trunc").strip()
    assert len(identity) == 64
    assert identity.startswith(box("ps", "-q").strip())
    assert re.search(r"\d+(\.\d+)?k?B \(virtual [\d.]+MB\)", box("ps", "-s"))


def test_stop_start_restart_and_kill(box: Program) -> None:
    assert box("stop", "-t", "5", "box") == "box\n"
    assert box.state("box") == "exited"
    assert box("stop", "box") == "box\n"
    assert box("start", "box") == "box\n"
    assert box("restart", "-t", "1", "box") == "box\n"
    assert box.state("box") == "running"
    assert box("kill", "--signal", "TERM", "box") == "box\n"
    assert box("wait", "box") == "143\n"
    assert "not running" in box.fails("kill", "box")


def test_several_names_are_done_whatever_happens_to_one(box: Program) -> None:
    box("run", "-d", "--name", "other", "--init", *SLEEP)
    done = box.finish("stop", "-t1", "box", "missing", "other")
    assert (done.returncode, done.stdout) == (1, "box\nother\n")
    assert "missing" in done.stderr
    assert box("ps", "-q") == ""


def test_pause_and_unpause(box: Program) -> None:
    assert box("pause", "box") == "box\n"
    assert "(Paused)" in box("ps")
    assert "paused" in box.fails("attach", "box")
    assert "paused" in box.fails("exec", "box", "true")
    assert box("unpause", "box") == "box\n"
    assert box("exec", "box", "echo", "awake") == "awake\n"


def test_rename(box: Program) -> None:
    box("rename", "box", "crate")
    assert box("ps", "--format", "{{.Names}}") == "crate\n"
    assert "box" in box.fails("stop", "box")


def test_rm_needs_force_for_what_runs(box: Program) -> None:
    assert "sealift stop" in box.fails("rm", "box") or "-f" in box.fails("rm", "box")
    assert box("rm", "-f", "box") == "box\n"
    assert "no such container" in box.fails("rm", "box").lower()
    assert "no such container" in box.fails("rm", "-f", "box", code=0).lower()


def test_top_and_stats(box: Program) -> None:
    header, *lines = box("top", "box").splitlines()
    assert header.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert any(line.endswith("sleep 100") for line in lines)
    assert box("top", "box", "-o", "pid,args").splitlines()[0].split()[0] == "PID"
    header, line = box("stats", "--no-stream").splitlines()
    assert header.split()[:3] == ["CONTAINER", "ID", "NAME"]
    assert re.search(r" box +\d+\.\d\d% +[\d.]+[KM]?i?B / [\d.]+[GTM]iB ", line)
    (row,) = map(json.loads, box("stats", "--no-stream", "--format", "json", "box").splitlines())
    assert int(row["PIDs"]) >= 1


def test_stats_redraw_on_a_terminal_until_interrupted(box: Program) -> None:
    terminal = Terminal(box, "stats")
    seen = terminal.read_until("box") + terminal.read_until("\x1b[H")
    assert "\x1b[H" in seen
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(20) == 130


def test_inspect_finds_objects_of_every_kind(box: Program) -> None:
    box("volume", "create", "data")
    found = json.loads(box("inspect", "box", "tiny", "data"))
    assert found[0]["State"]["Running"] is True
    assert found[1]["RepoTags"] == ["tiny:latest"]
    assert found[2]["Name"] == "data"
    assert box("container", "inspect", "-f", "{{.Config.Image}}", "box") == "tiny\n"
    done = box.finish("inspect", "missing", "box")
    assert done.returncode == 1
    assert [one["Name"] for one in json.loads(done.stdout)] == ["/box"]
    assert "no such object: missing" in done.stderr
    assert json.loads(box("inspect", "--size", "box"))[0]["SizeRootFs"] > 0


def test_inspect_shows_who_is_on_a_network(sealift: Program) -> None:
    identity = sealift("run", "-d", "--name", "box", "--init", "tiny", "sleep", "100").strip()
    (network,) = json.loads(sealift("inspect", "--type", "network", "bridge"))
    address = sealift("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "box").strip()
    assert network["Containers"][identity]["Name"] == "box"
    assert network["Containers"][identity]["IPv4Address"].startswith(f"{address}/")
    assert network["IPAM"]["Config"][0]["Gateway"]


def test_logs_keep_streams_order_and_times(sealift: Program) -> None:
    line = "for n in 1 2 3 4 5; do echo out $n; done; echo err >&2"
    sealift("run", "--name", "job", "--network=none", "tiny", "sh", "-c", line)
    done = sealift.finish("logs", "job")
    assert done.stdout == "".join(f"out {n}\n" for n in range(1, 6))
    assert done.stderr == "err\n"
    assert sealift("logs", "--tail", "3", "job") == "out 4\nout 5\n"
    assert sealift("logs", "-n0", "job") == ""
    stamped = sealift("logs", "-t", "job").splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out 1", stamped)
    assert sealift("logs", "--since", "1h", "job") == done.stdout
    assert sealift("logs", "--until", "1h", "job") == ""
    assert "invalid time" in sealift.fails("logs", "--since", "yesterday", "job")


def test_logs_follow_until_the_end(sealift: Program) -> None:
    line = "n=0; while [ $n -lt 5 ]; do echo $n; n=$((n+1)); sleep 0.2; done"
    sealift("run", "-d", "--name", "job", "--network=none", "tiny", "sh", "-c", line)
    assert sealift("logs", "-f", "job") == "0\n1\n2\n3\n4\n"


def test_prune_removes_what_does_not_run(box: Program) -> None:
    ended = box("create", "--label", "keep", *SLEEP).strip()
    other = box("create", *SLEEP).strip()
    asked = box("container", "prune", stdin="n\n")
    assert asked.startswith("WARNING! This will remove all stopped containers.")
    out = box("container", "prune", "-f", "--filter", "label!=keep")
    assert f"Deleted Containers:\n{other}\n" in out
    assert "Total reclaimed space: " in out
    assert set(box("ps", "-aq", "--no-trunc").split()) >= {ended}
    assert box.state("box") == "running"


def test_volumes_from_creation_to_pruning(sealift: Program) -> None:
    assert sealift("volume", "create", "--label", "a=b", "data") == "data\n"
    sealift("run", "--rm", "--network=none", "-v", "data:/d", "tiny", "sh", "-c", "echo kept > /d/file")
    assert sealift("run", "--rm", "--network=none", "-v", "data:/d", "tiny", "cat", "/d/file") == "kept\n"
    assert sealift("volume", "ls").splitlines() == ["DRIVER    VOLUME NAME", "local     data"]
    assert sealift("volume", "ls", "-q", "--filter", "label=a=c") == ""
    assert sealift("volume", "inspect", "-f", "{{.Driver}} {{.Labels.a}}", "data") == "local b\n"
    sealift("run", "--name", "user", "--network=none", "-v", "data:/d", "-v", "/anonymous", "tiny", "true")
    assert len(sealift("volume", "ls", "-q").split()) == 2
    assert sealift("volume", "ls", "-q", "--filter", "dangling=true") == ""
    assert "data" in sealift.fails("volume", "rm", "data")
    sealift("rm", "user")
    (anonymous,) = set(sealift("volume", "ls", "-q").split()) - {"data"}
    assert f"Deleted Volumes:\n{anonymous}\n" in sealift("volume", "prune", "-f")
    assert sealift("volume", "rm", "data") == "data\n"
    assert "data" in sealift.fails("volume", "rm", "data")
    assert sealift("volume", "rm", "-f", "data") == "data\n"


def test_completion_asks_for_names(box: Program) -> None:
    box("create", "--name", "other", *SLEEP)
    box("volume", "create", "data")
    assert set(box("completion", "names", "containers").split()) == {"box", "other"}
    assert box("completion", "names", "running") == "box\n"
    assert box("completion", "names", "images") == "tiny:latest\n"
    assert box("completion", "names", "volumes") == "data\n"


def test_health_shows_in_ps(sealift: Program) -> None:
    words = ("--health-cmd", "test -e /tmp/well", "--health-interval", "200ms", "--health-retries", "1")
    sealift("run", "-d", "--name", "box", *words, *SLEEP)
    assert eventually(lambda: "(unhealthy)" in sealift("ps"))
    sealift("exec", "box", "touch", "/tmp/well")
    assert eventually(lambda: "(healthy)" in sealift("ps", "--filter", "health=healthy"))
