"""One build from Dockerfile to named image."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sealift.build import commit, context
from sealift.build.connection import Connections
from sealift.build.context import Recipe
from sealift.build.environment import host_environment
from sealift.build.files import FileSteps
from sealift.build.origins import BaseImage
from sealift.build.plan import Options, Plan, plan
from sealift.build.run import RunSteps, workspaces
from sealift.build.solve import Cancel, solve
from sealift.build.steps import Steps
from sealift.build.work import Result, Worker
from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.core.events import Emit, Warned
from sealift.core.platform import Platform
from sealift.core.reference import Reference
from sealift.dockerfile import parse
from sealift.runtime import Engine
from sealift.runtime.step import owner_alive
from sealift.snapshot import Snapshots
from sealift.store import ImageRecord, Store

MIN_THREADS = 4


class BuildRequest(NamedTuple):
    """What to build. `context` is None where there is none; `environment` is the caller's.

    `hosts` are names with addresses for RUN steps; `fresh` says that cached steps are not to be used.
    """

    recipe: Recipe
    context: Path | None
    tags: tuple[Reference, ...] = ()
    target: str = ""
    build_args: Mapping[str, str] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})
    network: str = "default"
    hosts: tuple[tuple[str, str], ...] = ()
    fresh: bool = False
    environment: Mapping[str, str] = MappingProxyType({})


class Built(NamedTuple):
    """What was built, and the names it got."""

    image: ImageRecord
    tags: tuple[Reference, ...]


class Builder:
    """Builds images into one store. The engine is asked for when a command has to run."""

    def __init__(
        self, store: Store, snapshots: Snapshots, engine: Callable[[], Engine], connections: Connections
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._engine = engine
        self._connections = connections

    def build(self, request: BuildRequest, emit: Emit) -> Built:
        """Build and name the image. Interrupted, it ends its steps; killed, the next build tidies up."""
        # The lease comes first: an image that is found stays until the new one names its layers.
        with self._store.lease(), Cancel() as cancel:
            planned = self._plan(request)
            self._tell(planned, emit)
            self.sweep()
            results = self._solve(request, planned, cancel, emit)
            image = commit.commit(self._store, planned, results, request.tags, emit)
        return Built(image, request.tags)

    def _tell(self, planned: Plan, emit: Emit) -> None:
        for place, message in planned.warnings:
            emit(Warned(f"{place}: {message}"))
        if planned.unused:
            emit(Warned(f"build arguments that no ARG takes: {', '.join(planned.unused)}"))

    def sweep(self) -> None:
        """Remove what builds left that were killed."""
        for directory in workspaces(self._store).iterdir():
            if not owner_alive(directory.name):
                self._engine().delete(directory.name, force=True)
                self._connections.forget(directory.name)
                self._snapshots.remove(directory)
                shutil.rmtree(directory, ignore_errors=True)

    def _plan(self, request: BuildRequest) -> Plan:
        options = Options(
            request.build_args, request.labels, request.target, request.network, request.hosts,
            _epoch(request), Platform.of_machine(),
        )  # fmt: skip
        return plan(parse(request.recipe.text, request.recipe.name), options, self._find)

    def _find(self, name: str) -> BaseImage:
        record = self._store.images.find(name)
        config = record.config
        return BaseImage(name, config.diff_ids, config)

    def _solve(
        self, request: BuildRequest, planned: Plan, cancel: Cancel, emit: Emit
    ) -> dict[Digest, Result]:
        host = host_environment(request.environment, request.build_args)
        runs = RunSteps(
            self._store, self._snapshots, self._engine, self._connections, host, cancel, emit, time.time()
        )
        files = FileSteps(self._store, self._snapshots, cancel.check)
        cache = self._store.directory("build") / "stat"
        with context.opened(request.context, request.recipe, cache) as open_context:
            worker = Worker(Steps(self._store), files, runs, open_context, emit, fresh=request.fresh)
            order = planned.graph.needed((planned.target,))
            threads = max(MIN_THREADS, os.cpu_count() or 1)
            return solve(order, worker.perform, threads=min(threads, len(order)), cancel=cancel)


def _epoch(request: BuildRequest) -> int | None:
    """SOURCE_DATE_EPOCH as build argument, else from the environment."""
    text = request.build_args.get("SOURCE_DATE_EPOCH", request.environment.get("SOURCE_DATE_EPOCH", ""))
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 11:
        raise Invalid(
            f"SOURCE_DATE_EPOCH is not a time: {text[:40]!r}",
            fix="whole seconds since 1970: git log -1 --pretty=%ct",
        )
    return int(text)
