"""A Dockerfile's text -> instructions as they are written: directives, comments, continuations, heredocs."""

import re
from typing import NamedTuple

from sealift.core.errors import Invalid
from sealift.dockerfile.expand import Mode, expand
from sealift.dockerfile.place import Place
from sealift.dockerfile.words import json_list, split_instruction

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"(\d*)<<(-?)\s*([^<]*)", re.DOTALL)
_TAKES_HEREDOC = re.compile(r"(?:onbuild\s+)*(?:add|copy|run)\s", re.IGNORECASE)
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
_RAW = Mode(keep_quotes=True, keep_escapes=True, keep_unset=True)
_PLAIN = Mode(keep_unset=True)


class Directives(NamedTuple):
    """The parser directives at the top of the file."""

    escape: str = "\\"
    syntax: str = ""
    check: str = ""


class Heredoc(NamedTuple):
    """`<<NAME` and the lines up to NAME. `expand`: variables in it are replaced (where COPY uses it);
    `chomp`: written `<<-`.
    """

    name: str
    content: str
    expand: bool
    chomp: bool

    @property
    def text(self) -> str:
        """The content as a file gets it: of `<<-` without the tabs that lines begin with."""
        return _LEADING_TABS.sub("", self.content) if self.chomp else self.content


class Line(NamedTuple):
    """One instruction: its continuation lines joined, its heredocs taken off."""

    place: Place
    text: str
    heredocs: tuple[Heredoc, ...]


class Warning(NamedTuple):
    """Something that works but is probably not meant."""

    place: Place
    message: str


class Source(NamedTuple):
    directives: Directives
    lines: tuple[Line, ...]
    warnings: tuple[Warning, ...]


def read(text: str, file: str) -> Source:
    """All instructions of the Dockerfile `text`; `file` is its name in errors."""
    reader = _Reader(text, file)
    reader.directives()
    lines = tuple(iter(reader.line, None))
    return Source(reader.found, lines, tuple(reader.warnings))


def parse_heredoc(word: str) -> Heredoc | None:
    """The heredoc that `word` announces (`<<EOF`, `<<-'EOF'`), without content; None if it announces none."""
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[3]:
        return None
    plain = expand(match[3], {}, _PLAIN).words
    if len(plain) != 1:
        return None
    raw = expand(match[3], {}, _RAW._replace(keep_escapes=False)).words
    return Heredoc(plain[0], "", _quotes(plain) == _quotes(raw), match[2] == "-")


def _quotes(words: tuple[str, ...]) -> int:
    return sum(word.count("'") + word.count('"') for word in words)


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        rows = text.removeprefix("\ufeff").split("\n")
        self._rows = rows[:-1] if rows[-1] == "" else rows
        self._file = file
        self._at = 0
        self.found = Directives()
        self.warnings: list[Warning] = []

    def directives(self) -> None:
        """Take in the directives. Anything else, an unknown one included, ends them."""
        seen: set[str] = set()
        for number, row in enumerate(self._rows):
            match = _DIRECTIVE.fullmatch(row.strip())
            key = match[1].lower() if match else ""
            if match is None or key not in _DIRECTIVES:
                return
            place = self._place(number)
            if key in seen:
                raise place.error(f"only one {key} parser directive can be used", fix="remove the second one")
            seen.add(key)
            if key == "escape" and match[2] not in ("\\", "`"):
                raise place.error(f"invalid escape character {match[2]!r}", fix="one of \\ and `")
            if key == "syntax" and not _is_dockerfile_syntax(match[2]):
                self.warnings.append(
                    Warning(place, f"the frontend {match[2]} is not used: read as a Dockerfile")
                )
            self.found = self.found._replace(**{key: match[2]})

    def line(self) -> Line | None:
        """The next instruction, None at the end."""
        while self._at < len(self._rows):
            first = self._at
            text = self._joined()
            if text.strip():
                if any("\udc80" <= character <= "\udcff" for character in text):
                    raise self._place(first).error("the text is not UTF-8", fix="save the file as UTF-8")
                heredocs = self._heredocs(text, first)
                return Line(self._place(first), text.strip(), heredocs)
        return None

    def _place(self, first: int) -> Place:
        last = max(self._at - 1, first)
        text = "\n".join(row.rstrip("\r") for row in self._rows[first : last + 1])
        return Place(self._file, first + 1, last + 1, text)

    def _joined(self) -> str:
        """A row and those that continue it; '' for a comment or an empty row."""
        row = self._take().lstrip()
        if row.startswith("#"):
            return ""
        text, continued = self._uncontinued(row)
        parts = [text]
        while continued and self._at < len(self._rows):
            row = self._take()
            if row.lstrip().startswith("#"):
                continue
            if not row.strip():
                place = self._place(self._at - 1)
                self.warnings.append(Warning(place, "an empty line continues the instruction above it"))
                continue
            text, continued = self._uncontinued(row)
            parts.append(text)
        return "".join(parts)

    def _take(self) -> str:
        self._at += 1
        return self._rows[self._at - 1].rstrip("\r")

    def _uncontinued(self, row: str) -> tuple[str, bool]:
        """The row without the escape character that continues it. Two of them are no continuation."""
        escape = self.found.escape
        bare = row.rstrip(" \t")
        if bare.endswith(escape) and not bare.endswith(escape * 2):
            return bare[:-1], True
        return row, False

    def _heredocs(self, text: str, first: int) -> tuple[Heredoc, ...]:
        if "<<" not in text or not _TAKES_HEREDOC.match(text.lstrip()) or is_json(text):
            return ()
        try:
            words = expand(text, {}, _RAW).words
            announced = [heredoc for word in words if (heredoc := parse_heredoc(word)) is not None]
        except Invalid:
            return ()  # (an open quote: it is the shell's business)
        return tuple(self._content(heredoc, first) for heredoc in announced)

    def _content(self, heredoc: Heredoc, first: int) -> Heredoc:
        rows: list[str] = []
        announced = self._place(first)
        while self._at < len(self._rows):
            row = self._rows[self._at]
            self._at += 1
            end = row.rstrip("\r")
            if (end.lstrip("\t") if heredoc.chomp else end) == heredoc.name:
                return heredoc._replace(content="".join(f"{row}\n" for row in rows))
            rows.append(row)
        raise announced.error(
            f"unterminated heredoc: no line is {heredoc.name!r}", fix=f"end it with the line {heredoc.name}"
        )


def is_json(text: str) -> bool:
    """Whether what follows the keyword and flags of the instruction is a JSON list."""
    while True:
        keyword, _, rest = split_instruction(text, "\\")
        if keyword.lower() != "onbuild":
            return json_list(rest) is not None
        text = rest


def _is_dockerfile_syntax(value: str) -> bool:
    name = value.removeprefix("docker.io/")
    return name.startswith(("docker/dockerfile:", "docker/dockerfile-upstream:")) or name in (
        "docker/dockerfile", "docker/dockerfile-upstream",
    )  # fmt: skip
