"""What a command imports before it works is what every call of it costs."""

import subprocess
import sys

import pytest

from sealift.cli.table import COMMANDS

HEAVY = {
    "asyncio", "concurrent.futures", "dataclasses", "email", "http", "inspect", "logging", "random", "rich",
    "sqlite3", "tarfile", "tempfile", "typing_extensions", "urllib.request", "uuid", "zstandard",
}  # fmt: skip


def imported_by(code: str) -> set[str]:
    """The modules loaded after a fresh interpreter ran `code`, without those of its own start."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; before = set(sys.modules)\n{code}\n"
         "print(*sorted(set(sys.modules) - before))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_command_module_imports_nothing_heavy(name: str) -> None:
    module = COMMANDS[name].module
    loaded = imported_by(f"import sealift.cli.main, sealift.cli.arguments, sealift.cli.{module}")
    assert not loaded & HEAVY


@pytest.mark.parametrize("package", ["archive", "store", "snapshot", "runtime", "network", "container"])
def test_package_on_the_way_of_run_imports_nothing_heavy(package: str) -> None:
    assert not imported_by(f"import sealift.{package}") & HEAVY


def test_version_loads_no_package_but_core_and_cli() -> None:
    loaded = imported_by("from sealift.cli.main import main\nmain(['version'])")
    ours = {name.split(".")[1] for name in loaded if name.startswith("sealift.")}
    assert ours == {"cli", "core"}
