"""Variables, quotes and escapes in a Dockerfile's words, as BuildKit reads them.

`$name`, `${name}` and the modifiers `:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//` of the Dockerfile
reference, "Environment replacement". Patterns know `*` and `?`. A variable that is not set is empty.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sealift.core.errors import Invalid
from sealift.dockerfile import glob

_SPECIAL = "@*#?-$!0"
_MAX_DEPTH = 100
_MAX_REPLACED = 1 << 20


class Mode(NamedTuple):
    """What is done to a word besides replacing variables.

    `escape` is the escape character. `keep_quotes` and `keep_escapes` leave them in the result; `quotes`
    False gives quotes no meaning at all; `keep_unset` leaves variables without a value as they are written.
    """

    escape: str = "\\"
    keep_quotes: bool = False
    keep_escapes: bool = False
    quotes: bool = True
    keep_unset: bool = False


DEFAULT = Mode()


class Expanded(NamedTuple):
    """The whole text, the words it splits into, and the names that had no value."""

    text: str
    words: tuple[str, ...]
    unset: frozenset[str]


def expand(text: str, variables: Mapping[str, str], mode: Mode = DEFAULT) -> Expanded:
    """`text` with everything replaced. `Invalid` for a bad substitution, an open quote, or `${name:?…}`."""
    reader = _Reader(text, variables, mode)
    try:
        result, words = reader.until("", mode.keep_escapes)
    except Invalid as error:
        raise Invalid(f"cannot expand {text[:200]!r}: {error.message}", fix=error.fix) from None
    return Expanded(result, tuple(words), frozenset(reader.unset))


class _Words:
    """Words gathered one character at a time: only spaces outside quotes part them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._open = ""

    def spaced(self, text: str) -> None:
        for character in text:
            if not character.isspace():
                self._open += character
            else:
                self.end()

    def literal(self, text: str) -> None:
        self._open += text

    def end(self) -> list[str]:
        if self._open:
            self.done.append(self._open)
            self._open = ""
        return self.done


class _Reader:
    """One pass over a text. `next` at the end gives ''."""

    def __init__(self, text: str, variables: Mapping[str, str], mode: Mode) -> None:
        self._text = text
        self._position = 0
        self._variables = variables
        self._mode = mode
        self._escapes = mode.keep_escapes
        self._depth = 0
        self._replaced = 0
        self.unset: set[str] = set()

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _next(self) -> str:
        character = self._peek()
        self._position += 1
        return character

    def until(self, stop: str, keep_escapes: bool) -> tuple[str, list[str]]:
        """All up to the character `stop`, which is taken too, or to the end where `stop` is ''."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Invalid(f"substitutions are nested more than {_MAX_DEPTH} deep")
        before, self._escapes = self._escapes, keep_escapes
        try:
            return self._until(stop)
        finally:
            self._escapes = before
            self._depth -= 1

    def _until(self, stop: str) -> tuple[str, list[str]]:
        result: list[str] = []
        words = _Words()
        special = self._special()
        while character := self._peek():
            if stop and character == stop:
                self._next()
                return "".join(result), words.end()
            if character in special:
                text = special[character]()
                self._count(text)
                (words.spaced if character == "$" else words.literal)(text)
            else:
                text = self._plain(words)
            result.append(text)
        if stop:
            raise Invalid(f"syntax error: missing {stop!r}", fix="close every '${' with a '}'")
        return "".join(result), words.end()

    def _count(self, text: str) -> None:
        """Variables made of variables grow by powers: no value that means anything is this long."""
        self._replaced += len(text)
        if self._replaced > _MAX_REPLACED:
            raise Invalid(f"its variables have more than {_MAX_REPLACED} characters")

    def _special(self) -> dict[str, Callable[[], str]]:
        special: dict[str, Callable[[], str]] = {"$": self._dollar, "<": self._redirection}
        if self._mode.quotes:
            special |= {"'": self._single, '"': self._double}
        return special

    def _plain(self, words: _Words) -> str:
        character = self._next()
        if character != self._mode.escape:
            words.spaced(character)
            return character
        kept = character if self._escapes else ""
        text = kept + self._next()
        words.literal(text)
        return text

    def _redirection(self) -> str:
        """`<<` belongs together with the spaces after it: they do not part a heredoc's word."""
        self._next()
        if self._peek() != "<":
            return "<"
        self._next()
        spaces = ""
        while self._peek() in ("\t", "\r", " "):
            spaces += self._next()
        return f"<<{spaces}"

    def _single(self) -> str:
        start = self._position
        end = self._text.find("'", start + 1)
        if end < 0:
            raise Invalid("a single quote is not closed", fix="close it, or write \\' for the character")
        self._position = end + 1
        return self._text[start : end + 1] if self._mode.keep_quotes else self._text[start + 1 : end]

    def _double(self) -> str:
        quote = self._next() if self._mode.keep_quotes else self._next()[:0]
        result = [quote]
        while character := self._peek():
            if character == '"':
                self._next()
                return "".join([*result, quote])
            if character == "$":
                result.append(self._dollar())
                continue
            self._next()
            if character == self._mode.escape:
                result.append(character if self._escapes else "")
                if not self._peek():
                    break
                if self._peek() in ('"', "$", self._mode.escape):
                    character = self._next()
            result.append(character)
        raise Invalid("a double quote is not closed", fix='close it, or write \\" for the character')

    def _dollar(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            value = self._value(name) if name else "$"
            return f"${name}" if value is None and self._mode.keep_unset else value or ""
        self._next()
        if self._peek() in ("", "{", "}", ":"):
            raise Invalid("syntax error: bad substitution", fix="write ${NAME}, and \\$ for the character")
        name = self._name()
        sign = self._next()
        if sign == "}":
            value = self._value(name)
            return f"${{{name}}}" if value is None and self._mode.keep_unset else value or ""
        return self._replace(name) if sign == "/" else self._modified(name, sign)

    def _name(self) -> str:
        start = self._position
        if self._peek().isdigit():
            while self._peek().isdigit():
                self._next()
        elif self._peek() and self._peek() in _SPECIAL:
            self._next()
        else:
            while self._peek().isalnum() or self._peek() == "_":
                self._next()
        return self._text[start : self._position]

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None:
            self.unset.add(name)
        return value

    def _modified(self, name: str, sign: str) -> str:
        if not sign:
            raise Invalid("syntax error: missing '}'", fix="close every '${' with a '}'")
        empty_is_unset = sign == ":"
        kind = self._next() if empty_is_unset else sign
        if kind not in ("-", "+", "?") and (empty_is_unset or kind not in ("#", "%")):
            shown = f"{sign}{kind}" if empty_is_unset else sign
            raise Invalid(
                f"unsupported modifier ({shown}) in substitution",
                fix="one of :- :+ :? - + ? # ## % %% / //",
            )
        word, _ = self.until("}", kind in "#%")
        value = self._value(name)
        if value is None and self._mode.keep_unset:
            return f"${{{name}{':' if empty_is_unset else ''}{kind}{word}}}"
        if kind in "#%":
            return _trim(value or "", word, kind)
        given = value is not None and (value != "" or not empty_is_unset)
        return _choose(name, value or "", kind, word, given)

    def _replace(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self._next()
        pattern, _ = self.until("/", True)
        replacement, _ = self.until("}", True)
        value = self._value(name)
        if value is None and self._mode.keep_unset:
            return f"${{{name}/{'/' if every else ''}{pattern}/{replacement}}}"
        return glob.replace(value or "", pattern, replacement, every=every)


def _choose(name: str, value: str, kind: str, word: str, given: bool) -> str:
    """What `-`, `+` and `?` give."""
    if kind == "-":
        return value if given else word
    if kind == "+":
        return word if given else ""
    if not given:
        raise Invalid(f"{name}: {word or 'is not allowed to be empty or unset'}", fix=f"--build-arg {name}=…")
    return value


def _trim(value: str, word: str, kind: str) -> str:
    longest = word.startswith(kind)
    pattern = word[1:] if longest else word
    if kind == "#":
        return glob.without_prefix(value, pattern, longest=longest)
    return glob.without_suffix(value, pattern, longest=longest)
