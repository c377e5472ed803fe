"""Go templates, as much of them as people write after `--format`: from text to a tree.

The rest of Go's (`define`, `template`, `block`, `break`, `continue`) is an `Invalid` that names it.
"""

import json
import re
from typing import NamedTuple

from sealift.core.errors import Invalid

MAX_DEPTH = 50


class Literal(NamedTuple):
    value: str | int | float | bool | None


class Name(NamedTuple):
    """A function, or an argument-less use of one."""

    name: str


class Path(NamedTuple):
    """`.A.B` (base "."), `$v.A` (base "$v"), or `(pipeline).A`."""

    base: "str | Pipeline"
    fields: tuple[str, ...]


Operand = Literal | Name | Path


class Pipeline(NamedTuple):
    """`$a, $b := command | command`; `names` are what it declares, or sets where `declares` is false."""

    commands: tuple[tuple[Operand, ...], ...]
    names: tuple[str, ...] = ()
    declares: bool = True


class Block(NamedTuple):
    """`if`, `range` or `with`."""

    keyword: str
    pipeline: Pipeline
    body: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"


Node = str | Pipeline | Block

_ACTION = re.compile(r"\{\{(- )?(.*?)( -)?\}\}", re.DOTALL)
_COMMENT = re.compile(r"/\*.*\*/", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<field>\.[^\W\d]\w*)|(?P<dot>\.(?!\d))|(?P<variable>\$\w*)|(?P<word>[^\W\d]\w*)"""
    r"""|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?!\w))|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<raw>`[^`]*`)"""
    r"""|(?P<sign>:=|[=,|()])"""
)
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}
_REFUSED = ("break", "continue", "define", "template", "block")


def parse(text: str) -> tuple[Node, ...]:
    """The template in `text`."""
    parser = _Parser(_pieces(text))
    nodes, end = parser.nodes(0)
    if end:
        raise Invalid(f"format: unexpected {{{{{end}}}}}")
    return nodes


def _pieces(text: str) -> list[tuple[bool, str]]:
    """Text and actions in turn (the flag says which is an action), with `{{-` and `-}}` obeyed."""
    pieces: list[tuple[bool, str]] = []
    position, trim = 0, False
    while (begin := text.find("{{", position)) >= 0:
        match = _ACTION.match(text, begin)
        if match is None:
            raise Invalid(f"format: {text[begin : begin + 30]!r} is never closed", fix="close it with }}")
        before = text[position:begin]
        before = before.lstrip() if trim else before
        pieces.append((False, before.rstrip() if match[1] else before))
        trim = bool(match[3])
        pieces.append((True, match[2].strip()))
        position = match.end()
    rest = text[position:]
    return [*pieces, (False, rest.lstrip() if trim else rest)]


class _Parser:
    """A stream of pieces, read once from front to back."""

    def __init__(self, pieces: list[tuple[bool, str]]) -> None:
        self._pieces = iter(pieces)

    def nodes(self, depth: int) -> tuple[tuple[Node, ...], str]:
        """The nodes up to an `end` or `else…`, and that word (empty at the end of the template)."""
        if depth > MAX_DEPTH:
            raise Invalid(f"format: nested more than {MAX_DEPTH} deep")
        found: list[Node] = []
        for is_action, text in self._pieces:
            if not is_action:
                found += [text] if text else []
                continue
            keyword, _, rest = text.partition(" ")
            if keyword in ("end", "else"):
                return tuple(found), " ".join(text.split(maxsplit=2))
            if keyword in _REFUSED:
                raise Invalid(f"format: {{{{{keyword}}}}} is not supported")
            if keyword in ("if", "range", "with"):
                found.append(self._block(keyword, rest, depth))
            elif not _COMMENT.fullmatch(text):
                found.append(_pipeline(text))
        return tuple(found), ""

    def _block(self, keyword: str, rest: str, depth: int) -> Block:
        pipeline = _pipeline(rest)
        body, end = self.nodes(depth + 1)
        otherwise: tuple[Node, ...] = ()
        word, _, chained = end.removeprefix("else").strip().partition(" ")
        if end == "else":
            otherwise, end = self.nodes(depth + 1)
        elif end.startswith("else ") and word in ("if", "with"):
            otherwise, end = (self._block(word, chained, depth + 1),), "end"
        if end != "end":
            raise Invalid(f"format: {{{{{keyword} …}}}} has no {{{{end}}}}")
        return Block(keyword, pipeline, body, otherwise)


def _pipeline(text: str) -> Pipeline:
    reader = _Reader(_tokens(text), text)
    pipeline = reader.pipeline()
    if reader.peek()[0] != "end":
        raise reader.unexpected()
    return pipeline


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Invalid(f"format: cannot read {text[position : position + 20]!r} in {{{{{text}}}}}")
        tokens.append((match.lastgroup or "", match[0]))
        position = match.end()
    return [*tokens, ("end", "")]


class _Reader:
    """The tokens inside one action."""

    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0
        self._depth = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def unexpected(self) -> Invalid:
        return Invalid(f"format: unexpected {self.peek()[1] or 'end'!r} in {{{{{self._text}}}}}")

    def pipeline(self) -> Pipeline:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Invalid(f"format: nested more than {MAX_DEPTH} deep")
        names, declares = self._declared()
        commands = [self._command()]
        while self.peek() == ("sign", "|"):
            self._next()
            commands.append(self._command())
        self._depth -= 1
        return Pipeline(tuple(commands), names, declares)

    def _declared(self) -> tuple[tuple[str, ...], bool]:
        """The `$a, $b :=` at the front, if it is there."""
        start, names = self._at, []
        while True:
            self._space()
            kind, text = self._next()
            if kind != "variable":
                break
            names.append(text)
            self._space()
            sign = self._next()
            if sign in (("sign", ":="), ("sign", "=")):
                return tuple(names), sign[1] == ":="
            if sign != ("sign", ","):
                break
        self._at = start
        return (), True

    def _command(self) -> tuple[Operand, ...]:
        operands = []
        self._space()
        while self.peek()[0] != "end" and self.peek() not in (("sign", "|"), ("sign", ")")):
            operands.append(self._operand())
            if self.peek()[0] not in ("space", "end", "sign"):
                raise self.unexpected()
            self._space()
        if not operands:
            raise Invalid(f"format: a value is missing in {{{{{self._text}}}}}")
        return tuple(operands)

    def _operand(self) -> Operand:
        kind, text = self.peek()
        if kind == "field":
            return Path(".", self._fields())
        self._next()
        match kind:
            case "dot":
                return Path(".", ())
            case "variable":
                return Path(text, self._fields())
            case "word":
                return Literal(_CONSTANTS[text]) if text in _CONSTANTS else Name(text)
            case "number":
                return Literal(float(text) if "." in text else int(text))
            case "text":
                return Literal(self._unquoted(text))
            case "raw":
                return Literal(text[1:-1])
        if (kind, text) == ("sign", "("):
            inner = self.pipeline()
            if self._next() != ("sign", ")"):
                raise Invalid(f"format: '(' is never closed in {{{{{self._text}}}}}")
            return Path(inner, self._fields())
        self._at -= 1
        raise self.unexpected()

    def _fields(self) -> tuple[str, ...]:
        names = []
        while self.peek()[0] == "field":
            names.append(self._next()[1][1:])
        return tuple(names)

    def _unquoted(self, text: str) -> str:
        try:
            return str(json.loads(text))
        except ValueError:
            raise Invalid(f"format: bad text {text[:40]} in {{{{{self._text}}}}}") from None

    def _next(self) -> tuple[str, str]:
        token = self.peek()
        if token[0] != "end":
            self._at += 1
        return token

    def _space(self) -> None:
        while self.peek()[0] == "space":
            self._at += 1
