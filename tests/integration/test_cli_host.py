"""What the commands say of the machine and of the installation."""

import json
from pathlib import Path

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
