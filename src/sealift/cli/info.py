"""`sealift info`: this installation and this machine, in the words of `docker info`."""

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealift.cli.app import App
from sealift.core.errors import Denied, Unavailable

if TYPE_CHECKING:
    from sealift.store import Store

EPILOG = """\
Examples:
  sealift info
  sealift info --format json
  sealift info --format '{{.DockerRootDir}}'
"""
_SHOWN = (
    ("Containers", "Containers"), ("  Running", "ContainersRunning"), ("  Paused", "ContainersPaused"),
    ("  Stopped", "ContainersStopped"), ("Images", "Images"), ("Version", "ServerVersion"),
    ("Storage", "Driver"), ("Runtime", "DefaultRuntime"), ("Cgroup Version", "CgroupVersion"),
    ("Kernel Version", "KernelVersion"), ("Operating System", "OperatingSystem"), ("OSType", "OSType"),
    ("Architecture", "Architecture"), ("CPUs", "NCPU"), ("Total Memory", "MemTotal"), ("Name", "Name"),
    ("Root Dir", "DockerRootDir"),
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("-f", "--format", metavar="FORMAT", default="", help="json, or a Go template")


def run(args: argparse.Namespace, app: App) -> int:
    from sealift.ui import formats, units

    found = _facts(app)
    if args.format:
        app.stdout.write(formats.render(args.format, [found]))
        return 0
    for label, field in _SHOWN:
        value = units.binary_size(found[field]) if field == "MemTotal" else found[field]
        app.print(f"{label}: {value}")
    return 0


def _facts(app: App) -> dict[str, Any]:
    from sealift import __version__, wiring
    from sealift.runtime.engine import choose_runtime

    store = wiring.store(app.settings)
    states = Counter(container.state.status for container in wiring.containers(app.settings).all())
    runtime = choose_runtime()
    system = os.uname()
    return {
        "Containers": states.total(),
        "ContainersRunning": states["running"],
        "ContainersPaused": states["paused"],
        "ContainersStopped": states.total() - states["running"] - states["paused"],
        "Images": sum(1 for _ in store.images.all()),
        "ServerVersion": __version__,
        "Driver": _driver(store),
        "DefaultRuntime": runtime.name,
        "Runtimes": {runtime.name: {"path": runtime.path}},
        "CgroupVersion": "2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "1",
        "KernelVersion": system.release,
        "OperatingSystem": _distribution(),
        "OSType": "linux",
        "Architecture": system.machine,
        "NCPU": os.cpu_count() or 1,
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "Name": system.nodename,
        "DockerRootDir": str(store.root),
        "SecurityOptions": ["name=seccomp,profile=default"],
    }


def _driver(store: "Store") -> str:
    """How layers are mounted; "none" where they cannot be, which `sealift doctor` explains."""
    from sealift.snapshot import ErofsSnapshots, choose

    try:
        return "erofs" if isinstance(choose(store), ErofsSnapshots) else "directories"
    except (Denied, Unavailable):
        return "none"


def _distribution() -> str:
    """As /etc/os-release names it."""
    import platform

    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "Linux"
