"""RUN steps: what they see, what stays of them, and what is left when they end badly."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures_build import Workshop
from sealift import wiring
from sealift.build import BuildRequest, Recipe
from sealift.core.errors import StepFailed
from sealift.core.events import Event, Output

pytestmark = pytest.mark.root


def run(workshop: Workshop, text: str, **changes: object) -> str:
    """The output of the RUN steps in `FROM base` and `text`."""
    workshop.build(f"FROM base\n{text}", "", environment={}, **changes)
    return workshop.told.output()


def test_a_step_sees_the_stages_environment_user_and_directory(based: Workshop) -> None:
    text = (
        'ARG A=1\nENV B="x y"\nUSER app\nWORKDIR /w\n'
        "RUN id -u; id -G; pwd; echo $A $B $HOME $UNSET; cat /etc/hosts\n"
    )
    lines = run(based, text, hosts=(("db", "10.9.8.7"),)).splitlines()
    assert lines[:4] == ["1000", "1001 44", "/w", "1 x y /home/app"]
    assert "10.9.8.7\tdb" in lines


def test_json_form_shell_and_heredocs(based: Workshop) -> None:
    assert run(based, 'RUN ["/bin/echo", "$HOME", "a b"]') == "$HOME a b\n"
    traced = run(based, 'SHELL ["/bin/sh", "-exc"]\nRUN echo $0')
    assert sorted(traced.splitlines()) == ["+ echo /bin/sh", "/bin/sh"]  # (two streams have no order)
    assert run(based, "RUN <<EOF\necho one\necho two\nEOF") == "one\ntwo\n"
    assert run(based, "RUN <<EOF\n#!/bin/cat\nhello\nEOF") == "#!/bin/cat\nhello\n"
    assert run(based, "RUN cat <<A - <<B 3<<C\na\nA\nb\nB\nc\nC") == "b\n"


def test_only_changes_become_a_layer(based: Workshop) -> None:
    built = based.build("FROM base\nRUN true\nRUN cat /etc/passwd > /dev/null; touch /tmp/x; rm /tmp/x\n")
    assert len(built.image.layers) == 1
    assert [entry.empty_layer for entry in built.image.config.history[-2:]] == [True, True]
    built = based.build("FROM base\nRUN rm /etc/group && echo x > /new && chmod 700 /root\n")
    assert sorted(based.files(built)) == ["etc", "etc/.wh.group", "new", "root"]


def test_mount_points_made_for_a_step_are_no_part_of_the_image(based: Workshop) -> None:
    shutil.copy(shutil.which("busybox") or "", based.context / "busybox")
    text = "FROM scratch\nCOPY busybox /bin/sh\n"
    built = based.build(f"{text}RUN echo x > /y\n")
    assert sorted(based.files(built)) == ["y"]
    built = based.build(f"{text}RUN echo x > /etc/mine; echo nameserver > /etc/resolv.conf\n")
    assert sorted(based.files(built)) == ["etc", "etc/mine"]


def test_a_failing_step_shows_its_output_its_lines_and_its_code(based: Workshop) -> None:
    with pytest.raises(StepFailed) as caught:
        based.build("FROM base\n\nRUN echo before && \\\n    echo wrong >&2 && \\\n    exit 42\n")
    error = caught.value
    assert error.exit_code == 42
    assert error.message.startswith("Dockerfile:3: RUN failed with exit code 42: ")
    assert "  | before\n" in error.message and "  | wrong\n" in error.message  # (two streams have no order)
    assert (
        "     3 | RUN echo before && \\\n     4 |     echo wrong >&2 && \\\n     5 |     exit 42"
        in error.message
    )


def test_a_command_that_is_not_there_is_named(based: Workshop) -> None:
    with pytest.raises(StepFailed, match="nowhere"):
        based.build('FROM base\nRUN ["/nowhere/to/be/found"]\n')
    with pytest.raises(StepFailed) as caught:
        based.build("FROM scratch\nRUN x\n")
    assert "Dockerfile:2" in caught.value.message


def test_networks_of_steps(based: Workshop) -> None:
    assert run(based, "RUN ls /sys/class/net", network="none").split() == ["lo"]
    assert "eth0" in run(based, "RUN ls /sys/class/net # bridge", network="default").split()
    host = Path("/proc/self/ns/net").readlink()
    assert str(host) in run(based, "RUN ls -l /proc/self/ns/net", network="host")
    assert str(host) not in run(based, "RUN ls -l /proc/self/ns/net # bridge", network="default")


def test_a_step_keeps_its_network_while_containers_are_swept(based: Workshop) -> None:
    networks = wiring.networks(based.settings, based.store)

    output = b""

    def emit(event: Event) -> None:
        nonlocal output
        if isinstance(event, Output):
            output += event.data
            if output == b"up\n":
                networks.sweep(())

    text = "FROM base\nRUN echo up; sleep 0.5; ip addr show eth0 | grep inet\n"
    based.builder.build(BuildRequest(Recipe(text, "Dockerfile"), based.context), emit)
    assert b"inet " in output
    assert networks.attachments() == []


def test_variables_of_the_host_reach_steps_but_neither_image_nor_history(
    based: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text("CERTIFICATE")
    environment = {"HTTPS_PROXY": "http://canary.example:1", "SSL_CERT_FILE": str(tmp_path / "ca.crt")}
    text = "FROM base\nRUN echo $HTTPS_PROXY; cat $SSL_CERT_FILE; touch /x\n"
    built = based.build(text, environment=environment)
    assert based.told.output() == "http://canary.example:1\nCERTIFICATE"
    assert "canary" not in str(built.image.config)
    assert sorted(based.files(built)) == ["x"]
    assert based.build(text).image.image_id == built.image.image_id
    for path in based.store.root.rglob("*.json"):
        assert b"canary" not in path.read_bytes()


def test_times_and_noise_do_not_change_the_layer(based: Workshop) -> None:
    noise = "touch /etc/passwd-; mkdir -p /var/log/apt; date > /var/log/apt/history.log"
    text = f"FROM base\nRUN touch /x; {noise}\n"
    first = based.build(text)
    again = based.build(text, fresh=True)
    assert again.image.image_id == first.image.image_id
    assert sorted(based.files(first)) == ["var", "var/log", "var/log/apt", "x"]
    assert {entry.mtime for entry in based.files(first).values()} == {1_700_000_000}


def test_steps_that_do_not_wait_for_each_other_run_side_by_side(based: Workshop) -> None:
    began = time.monotonic()
    based.build(
        "FROM base AS one\nRUN sleep 1.2; touch /1\nFROM base AS two\nRUN sleep 1.2; touch /2\n"
        "FROM scratch\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n"
    )
    assert time.monotonic() - began < 2.2


def test_the_first_failure_ends_the_other_steps(based: Workshop) -> None:
    began = time.monotonic()
    with pytest.raises(StepFailed, match="exit code 3"):
        based.build(
            "FROM base AS one\nRUN sleep 60\nFROM base AS two\nRUN sleep 0.3; exit 3\n"
            "FROM scratch\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n"
        )
    assert time.monotonic() - began < 15


def test_an_interruption_ends_the_step_and_leaves_nothing(based: Workshop) -> None:
    def emit(event: Event) -> None:
        if isinstance(event, Output):
            os.kill(os.getpid(), signal.SIGINT)

    request = BuildRequest(
        Recipe("FROM base\nRUN echo up; sleep 60\n", "Dockerfile"), based.context, network="none"
    )
    with pytest.raises(KeyboardInterrupt):
        based.builder.build(request, emit)
    assert based.leftovers() == []
    assert [record.references for record in based.store.images.all()] == [("docker.io/library/base:latest",)]


def test_what_a_killed_build_leaves_is_swept_by_the_next(based: Workshop) -> None:
    (based.context / "Dockerfile").write_text("FROM base\nRUN touch /x; echo up; sleep 1000\n")
    words = ["build", "--network", "default", "--progress", "plain", str(based.context)]
    command = [sys.executable, "-m", "sealift", "--root", str(based.store.root), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr is not None
        assert any(line.endswith(" up\n") for line in iter(killed.stderr.readline, ""))
        assert based.leftovers() != []
        killed.send_signal(signal.SIGKILL)
    based.build("FROM base\nENV a=1\n")
    assert based.leftovers() == []


def test_a_build_that_is_terminated_ends_its_steps(based: Workshop) -> None:
    (based.context / "Dockerfile").write_text("FROM base\nRUN echo up; sleep 1000\n")
    words = ["build", "--network", "none", "--progress", "plain", str(based.context)]
    command = [sys.executable, "-m", "sealift", "--root", str(based.store.root), *words]
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as ended:
            assert ended.stderr is not None
            assert any(line.endswith(" up\n") for line in iter(ended.stderr.readline, ""))
            ended.send_signal(number)
            assert "Traceback" not in ended.stderr.read()
        assert ended.returncode == 130
        assert based.leftovers() == []
