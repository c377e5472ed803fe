"""Directories as snapshots in a user namespace, where root is not the machine's."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

TESTS = Path(__file__).parents[1]


def test_the_contract_holds_in_a_user_namespace(tmp_path: Path) -> None:
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "pytest", "-q",
               "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}", "--rootdir", str(TESTS.parent),
               str(TESTS / "contract/test_snapshot_contract.py"),
               str(TESTS / "contract/test_snapshot_lifecycle.py")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)
    assert done.returncode == 0, done.stdout[-4000:]
    last = done.stdout.strip().splitlines()[-1]
    assert "passed" in last
    assert "skipped" not in last


def test_what_can_be_mounted_is_found_out(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from sealift.snapshot import choose
from sealift.store import Store
snapshots = choose(Store.open(Path({str(tmp_path / "store")!r})))
print(type(snapshots).__name__, snapshots.unprivileged)
"""
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    shown = [
        subprocess.run(
            [*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for prefix in (inside, [], inside)
    ]
    assert shown == ["DirectorySnapshots True\n", "ErofsSnapshots False\n", "DirectorySnapshots True\n"]
