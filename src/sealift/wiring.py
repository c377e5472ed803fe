"""The only place that chooses implementations, from the settings and from what the host can do.

Each function makes one part and the parts below it. Imports are inside, so that a command loads what it uses.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealift.build import Builder
    from sealift.container import Containers
    from sealift.container.parts import Parts
    from sealift.core.settings import Settings
    from sealift.network import Networks
    from sealift.runtime import Engine
    from sealift.snapshot import Snapshots
    from sealift.store import Store
    from sealift.store.check import Finding


def store(settings: "Settings") -> "Store":
    """All state, below the one directory that the settings name."""
    from sealift.store import Store

    return Store.open(settings.root)


def snapshots(_settings: "Settings", store: "Store") -> "Snapshots":
    """The best way to mount layers that this host has."""
    from sealift.snapshot import choose

    return choose(store)


def findings(settings: "Settings", *, repair: bool) -> "list[Finding]":
    """What in the store is not what it claims to be, and what was made of it."""
    from sealift.snapshot import checking

    opened = store(settings)
    return [*opened.check(repair=repair), *checking.check(opened, repair=repair)]


def engine(_settings: "Settings", store: "Store") -> "Engine":
    """The container runtime, crun or runc, with its state below the store's root."""
    from sealift.runtime import Engine

    return Engine.open(store.root)


def networks(_settings: "Settings", store: "Store") -> "Networks":
    """The networks of the store."""
    from sealift.network import Networks

    return Networks.open(store)


def builder(settings: "Settings") -> "Builder":
    """What builds images into the store. An ordinary user's steps use the host's network."""
    import os
    from functools import cache

    from sealift.build import Builder
    from sealift.build.connection import Connections

    opened = store(settings)
    network = cache(lambda: networks(settings, opened)) if os.geteuid() == 0 else None
    return Builder(
        opened, snapshots(settings, opened), cache(lambda: engine(settings, opened)), Connections(network)
    )


def containers(settings: "Settings") -> "Containers":
    """The containers of the store."""
    from sealift.container.service import Containers

    return Containers(container_parts(settings))


def container_parts(settings: "Settings") -> "Parts":
    """What containers are made with."""
    from sealift.container.parts import Parts

    opened = store(settings)
    return Parts(
        opened,
        engine=lambda: engine(settings, opened),
        snapshots=lambda: snapshots(settings, opened),
        networks=lambda: networks(settings, opened),
        background=background_command(settings),
    )


def background_command(settings: "Settings") -> tuple[str, ...]:
    """How our own background work is started: lean, as it needs nothing that is not in the standard library,
    and untouched by the environment of whoever starts it.
    """
    import sys

    import sealift

    place = str(Path(sealift.__file__).parents[1])
    line = "import sys; sys.path.insert(0, sys.argv.pop(1)); from sealift.cli.background import main; main()"
    return (sys.executable, "-I", "-S", "-c", line, place, str(settings.root))
