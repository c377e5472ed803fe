"""What the service is made of. Each part comes about when first asked for: many commands need few."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from sealift.container.registry import Registry
from sealift.host import boot_id
from sealift.runtime.processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealift.container.volumes import Volumes
    from sealift.network import Networks
    from sealift.runtime import Engine
    from sealift.runtime.monitor import Monitor
    from sealift.snapshot import Snapshots
    from sealift.store import Store


class Parts:
    """One store's parts. `background` is the command line (program first) that runs our own background work:
    it is given an action ("clean-up" or "watch") and a container's ID.
    """

    def __init__(
        self,
        store: Store,
        engine: Callable[[], Engine],
        snapshots: Callable[[], Snapshots],
        networks: Callable[[], Networks],
        background: tuple[str, ...],
    ) -> None:
        self.store = store
        self.registry = Registry(store)
        self.background = background
        self._engine = engine
        self._snapshots = snapshots
        self._networks = networks

    @cached_property
    def engine(self) -> Engine:
        return self._engine()

    @cached_property
    def monitor(self) -> Monitor:
        from sealift.runtime.monitor import Monitor

        return Monitor.open(self.engine)

    @cached_property
    def snapshots(self) -> Snapshots:
        return self._snapshots()

    @cached_property
    def networks(self) -> Networks:
        return self._networks()

    @cached_property
    def volumes(self) -> Volumes:
        from sealift.container.volumes import Volumes

        return Volumes(self.store, self.registry)

    @cached_property
    def me(self) -> Process:
        """This process."""
        found = Process.of(os.getpid())
        if found is None:
            raise ProcessLookupError(os.getpid())
        return found

    @cached_property
    def boot(self) -> str:
        return boot_id()
