"""One line -> the instruction it is: what each keyword takes, and what is said where it does not fit."""

import re
from collections.abc import Callable
from typing import NamedTuple

from sealift.core.config import Healthcheck
from sealift.core.errors import Invalid
from sealift.dockerfile import flags as flag_words
from sealift.dockerfile import instructions as ins
from sealift.dockerfile.duration import parse_duration
from sealift.dockerfile.flags import Allowed, Flags
from sealift.dockerfile.instructions import Body, Command, From
from sealift.dockerfile.lines import Line, parse_heredoc
from sealift.dockerfile.words import json_list, pairs, quoted, split, split_instruction

_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*", re.ASCII)
_ONBUILD = re.compile(r"\s*ONBUILD\s*", re.IGNORECASE)
_MIN_INTERVAL = 1_000_000
_NO_FLAGS = Allowed()


class _Request(NamedTuple):
    """One instruction on its way: `rest` follows the keyword and the flags."""

    keyword: str
    flags: list[str]
    rest: str
    line: Line
    escape: str

    def read_flags(self, allowed: Allowed = _NO_FLAGS) -> Flags:
        return flag_words.read(self.flags, self.keyword, allowed)


def parse_instruction(line: Line, escape: str) -> Body | From:
    """What the line says; `Invalid`, without the place, where it says nothing."""
    keyword, flags, rest = split_instruction(line.text, escape)
    parser = _PARSERS.get(keyword.upper())
    if parser is None:
        raise _unknown(keyword)
    return parser(_Request(keyword.upper(), flags, rest, line, escape))


def _unknown(keyword: str) -> Invalid:
    import difflib

    close = difflib.get_close_matches(keyword.upper(), _PARSERS, n=1)
    fix = f"did you mean {close[0]}?" if close else f"one of {', '.join(sorted(_PARSERS))}"
    return Invalid(f"unknown instruction: {keyword[:80]}", fix=fix)


def _from(request: _Request) -> From:
    flags = request.read_flags(Allowed(single=("platform",)))
    words = split(request.rest)
    name = ""
    if len(words) == 3 and words[1].lower() == "as":
        name = words[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise Invalid(
                f"invalid name for build stage: {words[2]!r}",
                fix="a letter, then letters, digits, '-', '_' and '.'",
            )
    elif len(words) != 1:
        raise Invalid("FROM requires either one or three arguments", fix="FROM IMAGE, or FROM IMAGE AS NAME")
    return From(words[0], name, flags.text("platform"))


def _arg(request: _Request) -> ins.Arg:
    request.read_flags()
    words = quoted(request.rest, request.escape)
    if not words:
        raise Invalid("ARG requires at least one argument", fix="ARG NAME, or ARG NAME=default")
    result: list[tuple[str, str | None]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not name:
            raise Invalid("ARG names can not be blank", fix="ARG NAME=default")
        result.append((name, value if equals else None))
    return ins.Arg(tuple(result))


def _env(request: _Request) -> ins.Env:
    request.read_flags()
    return ins.Env(tuple(pairs(request.rest, "ENV", request.escape)))


def _label(request: _Request) -> ins.Label:
    request.read_flags()
    return ins.Label(tuple(pairs(request.rest, "LABEL", request.escape)))


def _command(rest: str) -> Command:
    words = json_list(rest)
    if words is not None:
        return Command(tuple(words), by_shell=False)
    return Command((rest,) if rest else (), by_shell=True)


def _run(request: _Request) -> ins.Run:
    allowed = Allowed(single=("network",), later=("mount", "security", "device"))
    network = request.read_flags(allowed).text("network")
    if network not in ("", "default", "none", "host"):
        raise Invalid(f"unknown network {network!r}", fix="--network=default, none or host")
    command = _command(request.rest)
    if not command.words or not "".join(command.words).strip():
        raise Invalid("RUN requires a command", fix='RUN COMMAND …, or RUN ["program", "argument"]')
    return ins.Run(command, request.line.heredocs, network)


def _copy(request: _Request) -> ins.CopyFiles:
    later: tuple[str, ...] = ("link", "parents")
    origin: tuple[str, ...] = ("from",)
    boolean: tuple[str, ...] = ()
    if request.keyword == "ADD":
        later, origin, boolean = ("link", "keep-git-dir", "checksum"), (), ("unpack",)
    allowed = Allowed((*origin, "chown", "chmod"), ("exclude",), boolean, later)
    flags = request.read_flags(allowed)
    words = json_list(request.rest)
    words = split(request.rest) if words is None else words
    if len(words) < 2:
        raise Invalid(
            f"{request.keyword} requires at least two arguments",
            fix=f"{request.keyword} SOURCE … DESTINATION",
        )
    *sources, destination = words
    if parse_heredoc(destination):
        raise Invalid(
            f"{request.keyword} cannot accept a heredoc as a destination", fix="put it before the destination"
        )
    contents = {heredoc.name: heredoc for heredoc in request.line.heredocs}
    named = {
        word: announced.name
        for word in sources
        if (announced := parse_heredoc(word)) and announced.name in contents
    }
    return ins.CopyFiles(
        request.keyword,
        tuple(word for word in sources if word not in named),
        tuple(contents[named[word]] for word in sources if word in named),
        destination, flags.text("from"), flags.text("chown"), flags.text("chmod"), flags.texts("exclude"),
        flags.boolean("unpack"),
    )  # fmt: skip


def _one(request: _Request) -> str:
    """The one argument of WORKDIR, USER, STOPSIGNAL, MAINTAINER: all that follows, spaces included."""
    request.read_flags()
    if not request.rest:
        raise Invalid(f"{request.keyword} requires exactly one argument", fix=f"{request.keyword} VALUE")
    return request.rest


def _expose(request: _Request) -> ins.Expose:
    request.read_flags()
    words = split(request.rest)
    if not words:
        raise Invalid("EXPOSE requires at least one argument", fix="EXPOSE 8000")
    return ins.Expose(tuple(sorted(words)))


def _volume(request: _Request) -> ins.Volume:
    request.read_flags()
    listed = json_list(request.rest)
    words = [word.strip() for word in (split(request.rest) if listed is None else listed)]
    if not words:
        raise Invalid("VOLUME requires at least one argument", fix="VOLUME /data")
    if not all(words):
        raise Invalid("VOLUME specified can not be an empty string", fix="VOLUME /data")
    return ins.Volume(tuple(words))


def _cmd(request: _Request) -> ins.Cmd:
    request.read_flags()
    return ins.Cmd(_command(request.rest))


def _entrypoint(request: _Request) -> ins.Entrypoint:
    request.read_flags()
    return ins.Entrypoint(_command(request.rest))


def _shell(request: _Request) -> ins.Shell:
    request.read_flags()
    words = json_list(request.rest)
    if not words:
        raise Invalid("SHELL requires the arguments to be in JSON form", fix='SHELL ["/bin/bash", "-c"]')
    return ins.Shell(tuple(words))


def _onbuild(request: _Request) -> ins.OnBuild:
    request.read_flags()
    if not request.rest:
        raise Invalid("ONBUILD requires at least one argument", fix="ONBUILD RUN …")
    original = _ONBUILD.sub("", request.line.text, count=1)
    keyword = split(original)[0].upper()
    if keyword == "ONBUILD":
        raise Invalid("ONBUILD ONBUILD isn't allowed", fix="write ONBUILD once")
    if keyword in ("MAINTAINER", "FROM"):
        raise Invalid(f"{keyword} isn't allowed as an ONBUILD trigger")
    parse_instruction(
        request.line._replace(text=original), request.escape
    )  # an error in it is an error here and now
    for heredoc in request.line.heredocs:
        original += f"\n{heredoc.content}{heredoc.name}"
    return ins.OnBuild(original)


def _healthcheck(request: _Request) -> ins.Health:
    times = ("interval", "timeout", "start-period", "start-interval")
    flags = request.read_flags(Allowed(single=(*times, "retries")))
    kind, *words = request.rest.split(maxsplit=1) or [""]
    rest = words[0] if words else ""
    if kind.upper() == "NONE":
        if rest:
            raise Invalid("HEALTHCHECK NONE takes no arguments", fix="HEALTHCHECK NONE")
        return ins.Health(Healthcheck(("NONE",)))
    if kind.upper() != "CMD":
        raise Invalid(
            f"unknown type {kind[:40]!r} in HEALTHCHECK", fix="HEALTHCHECK CMD …, or HEALTHCHECK NONE"
        )
    command = _command(rest)
    if not command.words:
        raise Invalid(
            "missing command after HEALTHCHECK CMD", fix="HEALTHCHECK CMD curl -f http://localhost/"
        )
    word = "CMD-SHELL" if command.by_shell else "CMD"
    interval, timeout, start_period, start_interval = (_interval(flags.text(name), name) for name in times)
    test = (word, *command.words)
    return ins.Health(Healthcheck(test, interval, timeout, start_period, start_interval, _retries(flags)))


def _interval(text: str, name: str) -> int:
    nanoseconds = parse_duration(text) if text else 0
    if 0 < nanoseconds < _MIN_INTERVAL:
        raise Invalid(f"--{name} cannot be less than 1ms", fix=f"--{name}=30s")
    return nanoseconds


def _retries(flags: Flags) -> int:
    text = flags.text("retries")
    if text and (not (text.isascii() and text.isdigit()) or int(text[:12]) >= 2**31):
        raise Invalid(f"--retries is a whole number, not {text[:40]!r}", fix="--retries=3")
    return int(text or 0)


_PARSERS: dict[str, Callable[[_Request], Body | From]] = {
    "ADD": _copy, "ARG": _arg, "CMD": _cmd, "COPY": _copy, "ENTRYPOINT": _entrypoint, "ENV": _env,
    "EXPOSE": _expose, "FROM": _from, "HEALTHCHECK": _healthcheck, "LABEL": _label,
    "MAINTAINER": lambda request: ins.Maintainer(_one(request)), "ONBUILD": _onbuild, "RUN": _run,
    "SHELL": _shell, "STOPSIGNAL": lambda request: ins.StopSignal(_one(request)),
    "USER": lambda request: ins.UserName(_one(request)), "VOLUME": _volume,
    "WORKDIR": lambda request: ins.Workdir(_one(request)),
}  # fmt: skip
