"""Which stages a target needs, and what each begins with: another stage, an image, or nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sealift.build.arguments import Arguments
from sealift.core.config import ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound, SealiftError
from sealift.core.platform import Platform
from sealift.dockerfile import Dockerfile, Instruction, Stage, parse_trigger
from sealift.dockerfile.expand import Mode, expand
from sealift.dockerfile.instructions import CopyFiles, OnBuild

SCRATCH = "scratch"


class BaseImage(NamedTuple):
    """An image as a build sees it. `name` is what the Dockerfile calls it."""

    name: str
    layers: tuple[Digest, ...]
    config: ImageConfig


FindImage = Callable[[str], BaseImage]
"""The image of this name, or `NotFound`."""


class Needed(NamedTuple):
    """A stage that is built. `base` is a stage's number, an image, or None for scratch.

    `triggers` are the ONBUILD instructions of what it begins with; they come before its own.
    """

    number: int
    stage: Stage
    base: int | BaseImage | None
    triggers: tuple[Instruction, ...]

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return (*self.triggers, *self.stage.instructions)


class Origins:
    """Resolves the stages of one Dockerfile, from the target down, each that is needed once."""

    def __init__(
        self, dockerfile: Dockerfile, arguments: Arguments, find_image: FindImage, platform: Platform
    ) -> None:
        self._stages = dockerfile.stages
        self._mode = Mode(dockerfile.directives.escape)
        self._arguments = arguments
        self._find_image = find_image
        self._platform = platform
        self._images: dict[str, BaseImage] = {}

    def needed(self, target: str) -> list[Needed]:
        """The stages that `target` (a name, a number, '' for the last) needs, itself last."""
        wanted = {self.target(target)}
        found: list[Needed] = []
        for index in range(max(wanted), -1, -1):
            if index in wanted:
                needed = self._resolve(index)
                found.append(needed)
                wanted.update(self._reads(needed))
        return found[::-1]

    def target(self, name: str) -> int:
        if not name:
            return len(self._stages) - 1
        found = self.stage(name, len(self._stages))
        if found is None:
            names = [stage.start.name for stage in self._stages if stage.start.name]
            known = f"one of {', '.join(names)}" if names else "name a stage: FROM IMAGE AS NAME"
            raise NotFound(f"target stage {name[:80]!r} could not be found", fix=known)
        return found

    def stage(self, name: str, before: int) -> int | None:
        """The index of the last stage of this name, or number, in front of the stage `before`."""
        for index in range(before - 1, -1, -1):
            if self._stages[index].start.name == name.lower():
                return index
        if name.isascii() and name.isdigit() and int(name[:9]) < before:
            return int(name)
        return None

    def image(self, name: str) -> BaseImage:
        if name not in self._images:
            try:
                self._images[name] = self._find_image(name)
            except NotFound as error:
                if not any(stage.start.name == name.lower() for stage in self._stages):
                    raise
                fix = f"the stage {name} has to stand above the one that names it"
                raise NotFound(error.message, fix=fix) from None
        return self._images[name]

    def copied(self, origin: str, index: int) -> int | BaseImage:
        """What `COPY --from=origin` in the stage `index` reads."""
        found = self.stage(origin, index)
        if found is not None:
            return found
        if origin.isascii() and origin.isdigit():
            known = (
                f"--from=0 to {index - 1}, or a stage's name" if index else "there is no stage above this one"
            )
            raise Invalid(f"invalid stage index {origin[:20]}", fix=known)
        if expand(origin, {}, self._mode).text != origin:
            raise Invalid(
                "variables are not expanded in --from",
                fix="write FROM ${NAME} AS stage before, and --from=stage here",
            )
        return self.image(origin)

    def _reads(self, needed: Needed) -> Iterable[int]:
        """The stages that are read by this one."""
        if isinstance(needed.base, int):
            yield needed.base
        for instruction in needed.instructions:
            body = instruction.body
            if isinstance(body, CopyFiles) and body.origin:
                found = self.stage(body.origin, needed.number)
                if found is not None:
                    yield found

    def _resolve(self, index: int) -> Needed:
        stage = self._stages[index]
        try:
            base = self._base(index, stage)
        except SealiftError as error:
            if type(error) in (Invalid, NotFound):
                shown = f"{stage.place}: {error.message}\n{stage.place.quote()}"
                raise type(error)(shown, fix=error.fix) from None
            raise
        triggers: Sequence[str] = ()
        if isinstance(base, BaseImage):
            triggers = base.config.on_build
        elif isinstance(base, int):
            own = self._stages[base].instructions
            triggers = [one.body.expression for one in own if isinstance(one.body, OnBuild)]
        return Needed(index, stage, base, tuple(parse_trigger(text, stage.place) for text in triggers))

    def _base(self, index: int, stage: Stage) -> int | BaseImage | None:
        name = expand(stage.start.base, self._arguments.scope, self._mode).text
        self._check_platform(stage)
        if not name:
            raise Invalid(
                f"the base name {stage.start.base} is empty",
                fix="give the variable a default (ARG NAME=value before the first FROM), or --build-arg",
            )
        found = self.stage(name, index) if not name.isdigit() else None
        if found is not None:
            return found
        return None if name == SCRATCH else self.image(name)

    def _check_platform(self, stage: Stage) -> None:
        if not stage.start.platform:
            return
        text = expand(stage.start.platform, self._arguments.scope, self._mode).text
        if Platform.parse(text) != self._platform:
            raise Invalid(
                f"building for {text} is not supported yet: this host is {self._platform}",
                fix=f"leave --platform out, or build on a {text} host",
            )
