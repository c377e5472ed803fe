"""What the commands say of the machine and of the installation."""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fixtures_cli import Program

pytestmark = pytest.mark.root


def test_doctor_finds_what_these_tests_need(tmp_path: Path) -> None:
    found = json.loads(Program(tmp_path / "store")("doctor", "--format", "json"))
    assert not [finding for finding in found if finding["needed"] and not finding["ok"]]
    assert {"kernel", "runtime", "overlay", "nftables", "gpu"} <= {finding["name"] for finding in found}


def test_info_counts_what_is_there(sealift: Program) -> None:
    sealift("create", "tiny")
    found = json.loads(sealift("info", "--format", "json"))
    assert (found["Containers"], found["ContainersRunning"], found["Images"]) == (1, 0, 1)
    assert found["DockerRootDir"] == str(sealift.root)
    assert "Containers: 1\n  Running: 0\n" in sealift("info")
    assert sealift("system", "info", "-f", "{{.OSType}}") == "linux\n"


def shell(program: Program, line: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", line], env=program.environment, capture_output=True, text=True, check=False
    )


def test_streams_that_are_closed_or_broken_make_no_traceback(sealift: Program) -> None:
    listing = " ".join(sealift.command("ps"))
    for how, code in (("<&- >&- 2>&-", 0), (">&-", 0), ("2>&-", 0), (">/dev/full", 1)):
        done = subprocess.run(
            ["sh", "-c", f"{listing} {how}"],
            env=sealift.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (how, done.returncode) == (how, code), done.stderr
        assert "Traceback" not in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as broken:  # noqa: PTH123
        assert sealift.start("logs", "no-such", stderr=broken).wait(20) in (1, 141)


def test_closed_streams_do_not_reach_the_container(sealift: Program) -> None:
    line = " ".join(sealift.command("run", "--rm", "--network", "none", "tiny", "echo", "hello"))
    done = shell(sealift, f"{line} <&- 2>&-")
    assert (done.returncode, done.stdout) == (0, "hello\n")


def as_nobody(program: Program, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        program.command(*words), env=program.environment, cwd="/", user=65534, group=65534, extra_groups=[],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_ordinary_users_are_told_of_root() -> None:
    with TemporaryDirectory(dir="/var/tmp") as open_to_all:
        Path(open_to_all).chmod(0o777)
        program = Program(Path(open_to_all) / "store")
        try:
            as_nobody(program, "version").check_returncode()
        except (PermissionError, subprocess.CalledProcessError):
            pytest.skip("Python or the sources are root's alone")
        info = as_nobody(program, "info")
        assert (info.returncode, "Storage: none" in info.stdout) == (0, True), info.stderr
        run = as_nobody(program, "run", "app")
        assert run.returncode == 125
        assert "sudo sealift" in run.stderr
