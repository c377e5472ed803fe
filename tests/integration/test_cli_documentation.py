"""The examples of the reference are commands, and they run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures_cli import Program

pytestmark = pytest.mark.root
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli-containers.md"


def test_examples_run_one_after_the_other(sealift: Program, tmp_path: Path) -> None:
    sealift("tag", "tiny", "app")
    programs, here = tmp_path / "programs", tmp_path / "here"
    programs.mkdir()
    here.mkdir()
    program = programs / "sealift"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sealift --root {sealift.root} "$@"\n')
    program.chmod(0o755)
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) > 10
    for block in blocks:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", block], cwd=here, timeout=100, check=False,
            env={**sealift.environment, "PATH": f"{programs}:{sealift.environment['PATH']}"},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
