"""Build arguments: ARG before the first FROM, ARG in a stage, `--build-arg`, and those always there."""

from collections.abc import Iterable, Mapping

from sealift.build.environment import PREDEFINED
from sealift.core.platform import Platform
from sealift.dockerfile.expand import Mode, expand
from sealift.dockerfile.instructions import Arg, Instruction


class Arguments:
    """The arguments of one build. `given` are those of the caller, which win over every default."""

    def __init__(self, given: Mapping[str, str], platform: Platform, target: str, mode: Mode) -> None:
        self.given = dict(given)
        self._mode = mode
        self._used: set[str] = set()
        self.scope = _platform_arguments(platform, target)
        for name in list(self.scope):
            self.scope[name] = self._take(name, self.scope[name]) or ""

    def declare(self, instructions: Iterable[Instruction]) -> None:
        """The ARGs before the first FROM: what FROM lines see, and defaults for stages that ask for them."""
        for instruction in instructions:
            if isinstance(instruction.body, Arg):
                for name, default in instruction.body.pairs:
                    value = self._take(name, None)
                    if value is None and default is not None:
                        value = expand(default, self.scope, self._mode).text
                    if value is not None:
                        self.scope[name] = value

    def value(self, name: str, default: str | None, variables: Mapping[str, str]) -> str | None:
        """What an ARG in a stage gives: the caller's value, its default, or the one from before FROM."""
        given = self._take(name, None)
        if given is not None:
            return given
        if default is not None:
            return expand(default, variables, self._mode).text
        return self.scope.get(name)

    def unused(self) -> list[str]:
        """The arguments that the caller gave and nothing asked for."""
        return sorted(set(self.given) - self._used - PREDEFINED - {"SOURCE_DATE_EPOCH"})

    def _take(self, name: str, otherwise: str | None) -> str | None:
        if name not in self.given:
            return otherwise
        self._used.add(name)
        return self.given[name]


def _platform_arguments(platform: Platform, target: str) -> dict[str, str]:
    """The platform arguments of the Dockerfile reference, "Automatic platform ARGs in the global scope"."""
    result = {}
    for prefix in ("BUILD", "TARGET"):
        result[f"{prefix}PLATFORM"] = str(platform)
        result[f"{prefix}OS"] = platform.os
        result[f"{prefix}ARCH"] = platform.architecture
        result[f"{prefix}VARIANT"] = platform.variant
    return {**result, "TARGETSTAGE": target or "default"}
