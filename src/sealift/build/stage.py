"""One stage: its instructions applied in order, to the config, to the history and to the graph."""

import posixpath
from collections.abc import Sequence
from typing import NamedTuple, assert_never

from sealift.build import history, owner
from sealift.build.arguments import Arguments
from sealift.build.graph import Copy, Exec, Graph, InlineFile, MakeDirectory, Script
from sealift.core.config import History, ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Invalid
from sealift.dockerfile import Heredoc, Instruction
from sealift.dockerfile import instructions as ins
from sealift.dockerfile.expand import Mode, expand
from sealift.dockerfile.ports import parse_ports

DEFAULT_SHELL = ("/bin/sh", "-c")
REMOTE = ("http://", "https://", "git://", "git@", "ssh://", "ftp://")


class StepHistory(NamedTuple):
    """A line of history; `step` is the vertex whose layer it stands for, if any."""

    entry: History
    step: Digest | None = None


class StageSettings(NamedTuple):
    """What all stages of a build share."""

    graph: Graph
    arguments: Arguments
    mode: Mode
    context: Digest
    network: str
    hosts: tuple[tuple[str, str], ...]


class StageBuilder:
    """The state of a stage while it is planned. `epoch` is in unix seconds; `titles` numbers the steps."""

    def __init__(
        self, settings: StageSettings, config: ImageConfig, top: Digest, epoch: int, titles: "Titles"
    ) -> None:
        self._settings = settings
        self._titles = titles
        self._args: dict[str, str] = {}
        self._command_set = False
        self._created = history.timestamp(epoch)
        self.config = config
        self.top = top
        self.epoch = epoch
        self.variables = dict(_pair(text) for text in config.env)
        self.history = [StepHistory(entry) for entry in config.history]

    def inherit(self, base: "StageBuilder") -> None:
        """Begin where another stage ended: with its arguments and its history."""
        self._args = dict(base._args)
        self.variables = dict(base.variables)
        self.history = list(base.history)

    def apply(self, instruction: Instruction, source: Digest | None) -> None:
        """Take in one instruction. `source` is the vertex that `COPY --from` reads."""
        body = instruction.body
        match body:
            case ins.Run():
                self._run(body, instruction)
            case ins.CopyFiles():
                self._copy(body, instruction, source)
            case ins.Workdir():
                self._workdir(body, instruction)
            case ins.Arg():
                self._arg(body)
            case ins.Env():
                self._env(body)
            case ins.Label():
                self._label(body)
            case _:
                self._set(body)

    def _set(
        self,
        body: ins.UserName | ins.Expose | ins.Volume | ins.Cmd | ins.Entrypoint | ins.Shell | ins.StopSignal
        | ins.Health | ins.Maintainer | ins.OnBuild,
    ) -> None:  # fmt: skip
        """The instructions that change one member of the config."""
        match body:
            case ins.UserName():
                user = self._expand(body.user)
                self._change(f"USER {user}", user=user)
            case ins.Expose():
                self._expose(body)
            case ins.Volume():
                paths = tuple(self._expand(path) for path in body.paths)
                _check_volumes(paths)
                text = history.listed("VOLUME", paths)
                self._change(text, volumes=tuple(sorted({*self.config.volumes, *paths})))
            case ins.Cmd():
                self._command_set = True
                words = self._in_shell(body.command)
                self._change(history.quoted("CMD", words), cmd=words)
            case ins.Entrypoint():
                self._entrypoint(body)
            case ins.Shell():
                self._change(history.listed("SHELL", body.words), shell=body.words)
            case ins.StopSignal():
                signal = self._expand(body.signal)
                _check_signal(signal)
                self._change(f"STOPSIGNAL {signal}", stop_signal=signal)
            case ins.Health():
                self._change(history.healthcheck(body.check), healthcheck=body.check)
            case ins.Maintainer():
                self._change(f"MAINTAINER {body.name}", author=body.name)
            case ins.OnBuild():
                self.config = self.config._replace(on_build=(*self.config.on_build, body.expression))
            case _:
                assert_never(body)

    def _expand(self, text: str) -> str:
        return expand(text, self.variables, self._settings.mode).text

    def _change(self, text: str, **changes: object) -> None:
        self.config = self.config._replace(**changes)  # type: ignore[arg-type]
        self._note(text, None)

    def _note(self, text: str, step: Digest | None) -> None:
        entry = History(self._created, text, history.COMMENT, empty_layer=step is None)
        self.history.append(StepHistory(entry, step))

    def _arg(self, body: ins.Arg) -> None:
        shown: list[tuple[str, str | None]] = []
        for name, default in body.pairs:
            value = self._settings.arguments.value(name, default, self.variables)
            if value is not None:
                self.variables[name] = value
            self._args[name] = value or ""
            shown.append((name, value))
        self._note(history.pairs("ARG", shown), None)

    def _env(self, body: ins.Env) -> None:
        pairs = [(self._expand(name), self._expand(value)) for name, value in body.pairs]
        env = dict(_pair(text) for text in self.config.env)
        for name, value in pairs:
            if not name:
                raise Invalid("ENV names can not be blank", fix="ENV NAME=value")
            env[name] = self.variables[name] = value
        self._change(history.pairs("ENV", pairs), env=tuple(f"{name}={value}" for name, value in env.items()))

    def _label(self, body: ins.Label) -> None:
        pairs = [(self._expand(name), self._expand(value)) for name, value in body.pairs]
        labels = {**dict(self.config.labels), **dict(pairs)}
        self._change(history.pairs("LABEL", pairs), labels=tuple(sorted(labels.items())))

    def _expose(self, body: ins.Expose) -> None:
        words = [
            word for text in body.ports for word in expand(text, self.variables, self._settings.mode).words
        ]
        ports = [port for word in words for port in parse_ports(word)]
        exposed = tuple(sorted({*self.config.exposed_ports, *ports}))
        self._change(history.exposed(ports), exposed_ports=exposed)

    def _entrypoint(self, body: ins.Entrypoint) -> None:
        words = self._in_shell(body.command)
        cmd = self.config.cmd if self._command_set else None
        self._change(history.quoted("ENTRYPOINT", words), entrypoint=words or None, cmd=cmd)

    def _in_shell(self, command: ins.Command) -> tuple[str, ...]:
        if not command.by_shell:
            return command.words
        return (*(self.config.shell or DEFAULT_SHELL), " ".join(command.words))

    def _run(self, body: ins.Run, instruction: Instruction) -> None:
        words, script = _script(body)
        args = self._in_shell(body.command._replace(words=words)) if script is None else words
        operation = Exec(
            args=args,
            env=tuple(f"{name}={value}" for name, value in self.variables.items()),
            user=self.config.user,
            workdir=self.config.working_dir or "/",
            network=_network(body.network, self._settings.network),
            hosts=self._settings.hosts,
            epoch=self.epoch,
            script=script,
        )
        self._step(operation, instruction)
        used = [(name, self.variables.get(name, value)) for name, value in self._args.items()]
        self._note(history.run(args, used), self.top)

    def _workdir(self, body: ins.Workdir, instruction: Instruction) -> None:
        path = self._absolute(self._expand(body.path)).rstrip("/") or "/"
        self.config = self.config._replace(working_dir=path)
        step = None
        if path != "/":
            self._step(MakeDirectory(path, self.config.user, self.epoch), instruction)
            step = self.top
        self._note(f"WORKDIR {path}", step)

    def _absolute(self, path: str) -> str:
        """The path from the root, a slash at its end kept."""
        joined = posixpath.normpath(posixpath.join("/", self.config.working_dir or "/", path or "."))
        whole = f"/{joined.lstrip('/')}"
        directory = path in ("", ".") or path.endswith(("/", "/."))
        return f"{whole.rstrip('/')}/" if directory else whole

    def _copy(self, body: ins.CopyFiles, instruction: Instruction, source: Digest | None) -> None:
        sources = tuple(self._expand(word) for word in body.sources)
        _check_sources(body.word, sources)
        destination = self._expand(body.destination)
        chown, chmod = self._expand(body.chown), self._expand(body.chmod)
        if chmod:
            owner.check_mode(chmod)
        operation = Copy(
            word=body.word,
            sources=sources,
            files=tuple(self._inline(heredoc) for heredoc in body.heredocs),
            destination=self._absolute(destination),
            chown=chown,
            chmod=chmod,
            exclude=body.exclude,
            unpack=body.word == "ADD" and body.unpack is not False,
            epoch=self.epoch,
        )
        read = source if source is not None else self._settings.context
        self._step(operation, instruction, *((read,) if sources else ()))
        flags = [f"--chown={chown}"] if chown else []
        flags += [f"--chmod={chmod}"] if chmod else []
        shown = [*sources, *(f"<<{heredoc.name}" for heredoc in body.heredocs)]
        self._note(history.copy(body.word, flags, shown, destination), self.top)

    def _inline(self, heredoc: Heredoc) -> InlineFile:
        text = heredoc.text
        if heredoc.expand:
            text = expand(text, self.variables, Mode(quotes=False)).text
        return InlineFile(heredoc.name, text)

    def _step(
        self, operation: Exec | Copy | MakeDirectory, instruction: Instruction, *inputs: Digest
    ) -> None:
        title = self._titles.next(instruction)
        self.top = self._settings.graph.add(operation, (self.top, *inputs), title, instruction.place)


class Titles:
    """What steps are called: `[stage 2/5] RUN make`."""

    def __init__(self, stage: str, total: int) -> None:
        self._stage = stage
        self._total = total
        self._number = 0

    def next(self, instruction: Instruction) -> str:
        keyword, _, rest = instruction.text.partition(" ")
        return self.first(f"{keyword.upper()} {' '.join(rest.split())}")

    def first(self, text: str) -> str:
        self._number += 1
        return f"[{f'{self._stage} ' if self._stage else ''}{self._number}/{self._total}] {text}"


def counted(instructions: Sequence[Instruction]) -> int:
    """How many of the instructions are steps that a display numbers."""
    return sum(isinstance(one.body, (ins.Run, ins.CopyFiles, ins.Workdir)) for one in instructions)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _script(body: ins.Run) -> tuple[tuple[str, ...], Script | None]:
    """The words to run, and the script file if a heredoc alone is one: it then is run by its `#!` line."""
    if not body.heredocs:
        return body.command.words, None
    line = body.command.words[0]
    first = body.heredocs[0]
    if len(body.heredocs) > 1 or not _is_heredoc_alone(line):
        return ("".join([line, *(f"\n{one.content}{one.name}" for one in body.heredocs)]),), None
    if first.text.startswith("#!"):
        return (f"/dev/pipes/{first.name}",), Script(first.name, first.text)
    return (first.text,), None


def _is_heredoc_alone(line: str) -> bool:
    from sealift.dockerfile.lines import parse_heredoc

    return parse_heredoc(line) is not None


def _network(own: str, whole: str) -> str:
    return own if own and own != "default" else whole


def _check_sources(word: str, sources: Sequence[str]) -> None:
    for source in sources:
        if source.startswith(REMOTE):
            if word == "COPY":
                raise Invalid("the source of COPY can't be a URL", fix="name a file of the build context")
            raise Invalid(
                f"ADD from {source.partition(':')[0]} is not supported yet",
                fix="fetch it in a RUN step, or put it into the build context",
            )


def _check_volumes(paths: Sequence[str]) -> None:
    if not all(paths):
        raise Invalid("VOLUME specified can not be an empty string", fix="VOLUME /data")


def _check_signal(text: str) -> None:
    import signal

    name = text.upper().removeprefix("SIG")
    if text.isascii() and text.isdigit():
        known = 0 < int(text[:6]) <= signal.SIGRTMAX
    else:
        base, plus, offset = name.partition("+")
        known = f"SIG{name}" in signal.Signals.__members__ or (
            base == "RTMIN" and plus == "+" and offset.isdigit() and int(offset[:3]) <= 30
        )
    if not known:
        raise Invalid(f"invalid signal: {text[:40]}", fix="a name or a number: SIGTERM, SIGINT, 9")
