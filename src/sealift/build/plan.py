"""A Dockerfile -> the graph of what is to be done, and the config the image will have."""

from collections.abc import Mapping
from typing import NamedTuple

from sealift.build.arguments import Arguments
from sealift.build.environment import DEFAULT_PATH
from sealift.build.graph import ContextSource, Graph, ImageSource
from sealift.build.history import parse_timestamp, timestamp
from sealift.build.origins import BaseImage, FindImage, Needed, Origins
from sealift.build.stage import StageBuilder, StageSettings, StepHistory, Titles, counted
from sealift.core.config import ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound, SealiftError
from sealift.core.platform import Platform
from sealift.dockerfile import Dockerfile, Instruction, Place, Warning
from sealift.dockerfile.expand import Mode
from sealift.dockerfile.instructions import CopyFiles

CONTEXT = "context"


class Options(NamedTuple):
    """What a caller decides about a build besides the Dockerfile. `epoch`: unix seconds, None where the base
    image decides.
    """

    build_args: Mapping[str, str]
    labels: Mapping[str, str]
    target: str
    network: str
    hosts: tuple[tuple[str, str], ...]
    epoch: int | None
    platform: Platform


class Plan(NamedTuple):
    """`config` lacks its layers and history: they are known when `target` is solved."""

    graph: Graph
    target: Digest
    config: ImageConfig
    history: tuple[StepHistory, ...]
    warnings: tuple[Warning, ...]
    unused: tuple[str, ...]


def plan(dockerfile: Dockerfile, options: Options, find_image: FindImage) -> Plan:
    """The plan for the target stage; stages it does not need are not looked at beyond their syntax."""
    return _Planner(dockerfile, options, find_image).plan()


class _Planner:
    def __init__(self, dockerfile: Dockerfile, options: Options, find_image: FindImage) -> None:
        self._dockerfile = dockerfile
        self._options = options
        self._mode = Mode(dockerfile.directives.escape)
        self._arguments = Arguments(options.build_args, options.platform, options.target, self._mode)
        self._origins = Origins(dockerfile, self._arguments, find_image, options.platform)
        self._graph = Graph()
        top = Place(dockerfile.file, 1, 1, "")
        self._settings = StageSettings(
            self._graph, self._arguments, self._mode,
            self._graph.add(ContextSource(CONTEXT), (), "load build context", top),
            options.network, options.hosts,
        )  # fmt: skip
        self._stages: dict[int, StageBuilder] = {}

    def plan(self) -> Plan:
        self._arguments.declare(self._dockerfile.arguments)
        needed = self._origins.needed(self._options.target)
        for one in needed:
            self._stages[one.number] = self._stage(one)
        last = self._stages[needed[-1].number]
        labels = {**dict(last.config.labels), **self._options.labels}
        config = last.config._replace(created=timestamp(last.epoch), labels=tuple(sorted(labels.items())))
        return Plan(
            self._graph, last.top, config._replace(history=(), diff_ids=()), tuple(last.history),
            self._dockerfile.warnings, tuple(self._arguments.unused()),
        )  # fmt: skip

    def _stage(self, needed: Needed) -> StageBuilder:
        builder = self._begin(needed)
        for instruction in needed.instructions:
            try:
                builder.apply(instruction, self._copied(instruction, needed.number))
            except SealiftError as error:
                raise _placed(error, instruction) from None
        return builder

    def _begin(self, needed: Needed) -> StageBuilder:
        base, place = needed.base, needed.stage.place
        titles = self._titles(needed)
        if isinstance(base, int):
            below = self._stages[base]
            config = below.config._replace(on_build=())
            builder = StageBuilder(self._settings, config, below.top, below.epoch, titles)
            builder.inherit(below)
            return builder
        layers, config = (base.layers, base.config) if base else ((), _scratch(self._options.platform))
        title = titles.first(f"FROM {base.name}") if base else "FROM scratch"
        top = self._graph.add(ImageSource(base.name if base else "scratch", layers), (), title, place)
        epoch = self._options.epoch
        if epoch is None:
            epoch = parse_timestamp(config.created) if base else 0
        return StageBuilder(self._settings, _inherited(config), top, epoch, titles)

    def _titles(self, needed: Needed) -> Titles:
        total = counted(needed.instructions) + isinstance(needed.base, BaseImage)
        name = needed.stage.start.name or f"stage-{needed.number}"
        return Titles(name if len(self._dockerfile.stages) > 1 else "", total)

    def _copied(self, instruction: Instruction, index: int) -> Digest | None:
        body = instruction.body
        if not isinstance(body, CopyFiles) or not body.origin:
            return None
        found = self._origins.copied(body.origin, index)
        if isinstance(found, int):
            return self._stages[found].top
        return self._graph.add(
            ImageSource(found.name, found.layers), (), f"FROM {found.name}", instruction.place
        )


def _scratch(platform: Platform) -> ImageConfig:
    return ImageConfig(platform, working_dir="/", env=(f"PATH={DEFAULT_PATH}",))


def _inherited(config: ImageConfig) -> ImageConfig:
    """A base image's config as the stage begins with it: its triggers are used up, a PATH is always there."""
    env = config.env
    if not any(variable.startswith("PATH=") for variable in env):
        env = (*env, f"PATH={DEFAULT_PATH}")
    return config._replace(on_build=(), env=env)


def _placed(error: SealiftError, instruction: Instruction) -> SealiftError:
    if type(error) not in (Invalid, NotFound):
        return error
    place = instruction.place
    return type(error)(f"{place}: {error.message}\n{place.quote()}", fix=error.fix)
