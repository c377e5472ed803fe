"""Fixtures and marks every test shares."""

import os
from pathlib import Path

import pytest

# Each area's fixtures live in a module of their own beside this file.
pytest_plugins = [path.stem for path in sorted(Path(__file__).parent.glob("fixtures_*.py"))]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `root` need root: elsewhere they are skipped, on CI that is a failure."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("the tests marked `root` must run on CI: run them as root")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))
