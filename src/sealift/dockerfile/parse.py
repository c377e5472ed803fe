"""A Dockerfile's text -> stages of instructions."""

from collections.abc import Sequence
from typing import NamedTuple

from sealift.core.errors import Invalid
from sealift.dockerfile import instructions as ins
from sealift.dockerfile.instructions import Body, From, Instruction, Stage
from sealift.dockerfile.keywords import parse_instruction
from sealift.dockerfile.lines import Directives, Line, Warning, read
from sealift.dockerfile.place import Place


class Dockerfile(NamedTuple):
    """All of a Dockerfile. `arguments` are the ARGs before the first FROM."""

    file: str
    directives: Directives
    arguments: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    warnings: tuple[Warning, ...]


def parse(text: str, name: str = "Dockerfile") -> Dockerfile:
    """The Dockerfile in `text`; `name` is what errors call it. `Invalid` names line and expectation."""
    source = read(text, name)
    warnings = list(source.warnings)
    arguments: list[Instruction] = []
    stages: list[Stage] = []
    for line in source.lines:
        body = _placed(line, source.directives.escape)
        if isinstance(body, From):
            stages.append(Stage(line.place, line.text, body, ()))
        elif stages:
            known = stages[-1].instructions
            stages[-1] = stages[-1]._replace(instructions=(*known, Instruction(line.place, line.text, body)))
        elif isinstance(body, ins.Arg):
            arguments.append(Instruction(line.place, line.text, body))
        else:
            raise line.place.error(
                "no build stage yet", fix="begin with a FROM line; only ARG may come before"
            )
        warnings += _doubts(line, body)
    if not stages:
        place = Place(name, 1, 1, text.split("\n", 1)[0])
        raise place.error(
            "there is no FROM in this file", fix="begin with FROM and a base image, or FROM scratch"
        )
    return Dockerfile(name, source.directives, tuple(arguments), tuple(stages), tuple(warnings))


def parse_trigger(expression: str, place: Place) -> Instruction:
    """An ONBUILD instruction that an image carries; errors point to `place`, the FROM that brings it in."""
    lines = read(expression, place.file).lines
    if len(lines) != 1:
        raise place.error(f"the base image's ONBUILD {expression[:80]!r} is not one instruction")
    line = lines[0]._replace(place=place)
    body = _placed(line, "\\")
    if isinstance(body, (From, ins.Maintainer, ins.OnBuild)):
        raise place.error(f"the base image's ONBUILD {expression[:80]!r} is not allowed as a trigger")
    return Instruction(place, line.text, body)


def _placed(line: Line, escape: str) -> Body | From:
    try:
        return parse_instruction(line, escape)
    except Invalid as error:
        if error.message.startswith(f"{line.place}: "):
            raise
        raise line.place.error(error.message, fix=error.fix) from None


def _doubts(line: Line, body: Body | From) -> Sequence[Warning]:
    """What is allowed but rarely meant."""
    if isinstance(body, (ins.Cmd, ins.Entrypoint, ins.Run)):
        command = body.command
        if command.by_shell and command.words and command.words[0].startswith("['"):
            keyword = type(body).__name__.upper()
            return [
                Warning(
                    line.place, f"{keyword} is no JSON list (double quotes are needed): the shell gets it"
                )
            ]
    if isinstance(body, ins.Maintainer):
        return [Warning(line.place, "MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors=…")]
    return []
