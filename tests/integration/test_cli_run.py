"""`run`, `create`, `start`, `exec` and `attach`, from words to exit codes."""

import json
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from fixtures_cli import Program, Terminal, eventually

pytestmark = pytest.mark.root


def test_output_and_exit_code_are_the_commands(sealift: Program) -> None:
    done = sealift.finish(
        "run", "--rm", "--network", "none", "tiny", "sh", "-c", "echo out; echo err >&2; exit 3"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 3)
    assert sealift("ps", "-aq") == ""


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["nothing-of-the-kind"], 127, "command not found in the container: 'nothing-of-the-kind'"),
        (["/etc"], 126, "cannot be executed"),
        (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137, ""),
    ],
)
def test_exit_codes_are_dockers(sealift: Program, command: list[str], code: int, message: str) -> None:
    done = sealift.finish("run", "--rm", "--network", "none", "tiny", *command)
    assert done.returncode == code
    assert message in done.stderr
    assert sealift("ps", "-aq") == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--detch", "tiny"], "unknown flag: --detch\n  did you mean: --detach?"),
        (["run", "no-such-image", "true"], "no such image: no-such-image"),
        (["run", "--gpus", "all", "tiny"], "--gpus is not supported"),
        (["run", "-v", "/a:/b:/c:/d", "tiny"], "invalid volume"),
        (["run", "UPPER CASE"], "invalid reference"),
        (["run", "--rm", "-u", "nobody-here", "tiny", "true"], "unable to find user nobody-here"),
        (["run"], "arguments are required: IMAGE"),
        (["run", "--env-file", "/missing", "tiny"], "no such file: /missing"),
    ],
)
def test_what_cannot_run_is_said_and_leaves_nothing(sealift: Program, words: list[str], message: str) -> None:
    assert message in sealift.fails(*words, code=125)
    assert sealift("ps", "-aq") == ""


def test_unknown_image_says_what_to_type_next(sealift: Program) -> None:
    assert "sealift build -t no-such-image" in sealift.fails("run", "no-such-image", code=125)


def test_flags_reach_the_process(sealift: Program, tmp_path: Path) -> None:
    variables = tmp_path / "variables"
    variables.write_text("FROM_FILE=a b\n")
    line = 'echo "$A $FROM_FILE $TOKEN"; pwd; busybox hostname; id -u; id -g; cat /data/file; touch /x'
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("content\n")
    sealift.environment["TOKEN"] = "secret"  # noqa: S105 - a value that must pass through
    done = sealift.finish(
        "run", "--rm", "--network=none", "-e", "A=1", "--env-file", str(variables), "-eTOKEN", "-w/tmp",
        "-h", "box", "-u", "12:34", "-v", f"{tmp_path}/data:/data:ro", "--read-only",
        "tiny", "sh", "-c", line,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["1 a b secret", "/tmp", "box", "12", "34", "content"]
    assert "Read-only file system" in done.stderr


def test_entrypoint_replaces_the_images(sealift: Program) -> None:
    assert sealift("run", "--rm", "--network=none", "--entrypoint", "echo", "tiny", "a", "b") == "a b\n"


def test_standard_input_is_passed_on_only_when_asked(sealift: Program) -> None:
    run = ("run", "--rm", "--network=none")
    assert sealift(*run, "-i", "tiny", "cat", stdin="some\nlines") == "some\nlines"
    assert sealift(*run, "tiny", "cat", stdin="ignored") == ""


def test_a_lot_of_output_arrives_whole(sealift: Program) -> None:
    out = sealift("run", "--rm", "--network=none", "tiny", "busybox", "seq", "200000")
    assert out.splitlines() == [str(number) for number in range(1, 200001)]


def test_a_reader_that_goes_away_ends_it(sealift: Program) -> None:
    process = sealift.start("run", "--rm", "--network=none", "tiny", "busybox", "yes")
    assert process.stdout is not None
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    process.stdout = None
    process.wait(20)
    assert eventually(lambda: sealift("ps", "-aq") == "")


def test_detached_container_runs_on(sealift: Program, tmp_path: Path) -> None:
    file = tmp_path / "id"
    printed = sealift(
        "run", "-d", "--name", "web", "--cidfile", str(file), "--network=none", "tiny", "sleep", "100"
    )
    assert len(printed) == 65
    assert file.read_text() == printed.strip()
    assert sealift.state("web") == "running"
    assert "the container ID file exists" in sealift.fails("run", "--cidfile", str(file), "tiny", code=125)
    taken = sealift.fails("run", "--name", "web", "tiny", code=125)
    assert "web" in taken
    assert "in use" in taken or "taken" in taken or "already" in taken


def test_create_then_start(sealift: Program) -> None:
    identity = sealift("create", "--name", "job", "--network=none", "tiny", "sh", "-c", "echo done; exit 4")
    assert sealift.state("job") == "created"
    assert sealift("start", "-a", "job", code=4) == "done\n"
    assert sealift("start", "job") == "job\n"
    assert sealift("wait", identity.strip()[:10]) == "4\n"


def test_published_port_answers(sealift: Program) -> None:
    serve = "echo hello > /tmp/index.html; exec busybox httpd -f -p 80 -h /tmp"
    sealift("run", "-d", "--name", "web", "-p", "127.0.0.1::80", "tiny", "sh", "-c", serve)
    address = sealift("port", "web", "80").strip()
    assert sealift("port", "web") == f"80/tcp -> {address}\n"
    assert f"{address}->80/tcp" in sealift("ps")

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=2) as response:
                return bool(response.read() == b"hello\n")
        except OSError:
            return False

    assert eventually(answers)
    assert "no public port '81' published for web" in sealift.fails("port", "web", "81")


def test_signals_go_to_the_container(sealift: Program) -> None:
    line = "trap 'echo got it; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    process = sealift.start("run", "--rm", "--network=none", "tiny", "sh", "-c", line)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 7
    assert process.stdout.read() == "got it\n"
    assert eventually(lambda: sealift("ps", "-aq") == "")


def test_interrupt_ends_and_cleans_up(sealift: Program) -> None:
    process = sealift.start("run", "--rm", "--init", "--network=none", "tiny", "sleep", "100")
    assert eventually(lambda: sealift("ps", "-q"))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert eventually(lambda: sealift("ps", "-aq") == "")


def test_third_interrupt_leaves_what_ignores_them(sealift: Program) -> None:
    for flags, left in ((["--rm"], ""), (["--name", "deaf"], "deaf\n")):
        process = sealift.start("run", *flags, "--network=none", "tiny", "sleep", "100")
        assert eventually(lambda: sealift("ps", "-q"))
        time.sleep(0.3)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert process.wait(20) == 130
        assert sealift("ps", "--format", "{{.Names}}") == left
    assert process.stderr is not None
    assert "deaf still runs" in process.stderr.read()


def test_exec_has_its_own_exit_code_and_settings(sealift: Program) -> None:
    sealift("run", "-d", "--name", "box", "-e", "A=1", "--network=none", "tiny", "sleep", "100")
    assert sealift("exec", "-e", "B=2", "-w", "/tmp", "box", "sh", "-c", "echo $A$B; pwd") == "12\n/tmp\n"
    assert sealift("exec", "-u", "5:6", "box", "sh", "-c", "id -u; id -g; exit 9", code=9) == "5\n6\n"
    assert sealift("exec", "-i", "box", "cat", stdin="typed") == "typed"
    assert "command not found" in sealift.fails("exec", "box", "missing-command", code=127)
    assert "cannot run this" in sealift.fails("exec", "-w", "/missing", "box", "pwd", code=126)
    sealift("exec", "-d", "box", "touch", "/tmp/made")
    assert eventually(lambda: sealift.finish("exec", "box", "ls", "/tmp/made").returncode == 0)
    sealift("kill", "box")
    assert "box" in sealift.fails("exec", "box", "true")


def test_attach_joins_and_leaves_with_its_exit_code(sealift: Program) -> None:
    sealift("run", "-di", "--name", "box", "--network=none", "tiny", "sh")
    assert sealift("attach", "box", stdin="echo hello; exit 5\n", code=5) == "hello\n"
    assert "box does not run" in sealift.fails("attach", "box")


def test_terminal_has_our_size_and_follows_it(sealift: Program) -> None:
    terminal = Terminal(sealift, "run", "--rm", "-it", "--network=none", "tiny", "sh")
    terminal.type("busybox stty size\n")
    terminal.read_until("30 100")
    terminal.resize(40, 120)
    terminal.process.send_signal(signal.SIGWINCH)
    time.sleep(0.3)
    terminal.type("busybox stty size; exit 6\n")
    terminal.read_until("40 120")
    assert terminal.process.wait(20) == 6


def test_detach_keys_leave_it_running(sealift: Program) -> None:
    words = ("run", "-it", "--name", "box", "--detach-keys", "ctrl-x,y", "--network=none", "tiny", "sh")
    terminal = Terminal(sealift, *words)
    terminal.type("echo rea''dy\n")
    terminal.read_until("ready")
    terminal.type("\x18y")
    assert terminal.process.wait(20) == 0
    assert sealift.state("box") == "running"
    again = Terminal(sealift, "attach", "box")
    again.type("exit 8\n")
    assert again.process.wait(20) == 8


def test_only_the_streams_asked_for_are_joined(sealift: Program) -> None:
    line = ("tiny", "sh", "-c", "echo out; echo err >&2")
    done = sealift.finish("run", "--rm", "--network=none", "-a", "stderr", *line)
    assert (done.stdout, done.stderr) == ("", "err\n")


def test_terminal_without_a_terminal_is_an_error(sealift: Program) -> None:
    assert "not a terminal" in sealift.fails("run", "-it", "tiny", "sh", code=125)


def test_inspect_says_what_the_flags_asked_for(sealift: Program) -> None:
    sealift(
        "create", "--name", "box", "--network=none", "-m", "64m", "--cpus", "0.5", "--label", "a=b",
        "--restart", "on-failure:3", "--init", "--stop-signal", "INT", "--health-cmd", "true", "-e", "X=1",
        "--cap-add", "NET_RAW", "--tmpfs", "/run", "--ulimit", "nofile=100:200", "tiny", "sleep", "1",
    )  # fmt: skip
    (found,) = json.loads(sealift("inspect", "box"))
    config, host = found["Config"], found["HostConfig"]
    assert found["Name"] == "/box"
    assert (config["Image"], config["Cmd"], config["Labels"]) == ("tiny", ["sleep", "1"], {"a": "b"})
    assert "X=1" in config["Env"]
    assert (config["StopSignal"], config["Healthcheck"]["Test"]) == ("INT", ["CMD-SHELL", "true"])
    assert (host["Memory"], host["NanoCpus"], host["NetworkMode"]) == (64 << 20, 500_000_000, "none")
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["Ulimits"] == [{"Name": "nofile", "Hard": 200, "Soft": 100}]
    assert host["CapAdd"] == ["NET_RAW"] or host["CapAdd"] == ["CAP_NET_RAW"]
    assert host["Tmpfs"].keys() == {"/run"}
