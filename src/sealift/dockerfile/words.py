"""One instruction's text -> keyword, flags and the rest; the rest -> words, JSON lists, name=value pairs."""

import json
import re

from sealift.core.errors import Invalid

_SPACES = re.compile(r"[\t\v\f\r ]+")


def split_instruction(text: str, escape: str) -> tuple[str, list[str], str]:
    """The keyword, the flags (`--name=value`, quotes removed), and what follows them."""
    keyword, *rest = _SPACES.split(text.strip(), maxsplit=1)
    if not rest:
        return keyword, [], ""
    flags, remainder = _flags(rest[0], escape)
    return keyword, flags, remainder.strip()


def _flags(text: str, escape: str) -> tuple[list[str], str]:
    """The words at the beginning that start with `--`, and the text after them. `--` alone ends them."""
    flags: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if not text.startswith("--", position):
            return flags, text[position:]
        word, position = _flag(text, position, escape)
        if word == "--":
            return flags, text[position:]
        flags.append(word)


def _flag(text: str, position: int, escape: str) -> tuple[str, int]:
    """The word at `position` without quotes and escapes, and the position after it."""
    word: list[str] = []
    quote = ""
    while position < len(text):
        character = text[position]
        if not quote and character.isspace():
            break
        position += 1
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif character == escape:
            word.append(text[position : position + 1])
            position += 1
        else:
            word.append(character)
    return "".join(word), position


def split(text: str) -> list[str]:
    """Words parted by spaces; quotes have no meaning here."""
    return _SPACES.split(text) if text else []


def json_list(text: str) -> list[str] | None:
    """The strings of a JSON list; None if `text` is not one. `Invalid` for a list of other things."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    if not all(isinstance(item, str) for item in value):
        raise Invalid(
            "a JSON list here holds strings alone", fix='put every item into double quotes: ["a", "1"]'
        )
    # A lone surrogate ("\ud800") is no character: as Go reads it, a replacement character.
    return [item.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for item in value]


def quoted(text: str, escape: str) -> list[str]:
    """Words parted by spaces outside quotes; quotes and escapes stay, for `expand` to take out."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character.isspace() and not quote:
            if word:
                words.append("".join(word))
            word = []
            continue
        if character == escape and quote != "'":
            if position == len(text):
                break
            character += text[position]
            position += 1
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        word.append(character)
    return [*words, "".join(word)] if word else words


def pairs(text: str, keyword: str, escape: str) -> list[tuple[str, str]]:
    """`NAME=value …`, or docker's old form `NAME value with spaces`. Nothing is expanded yet."""
    words = quoted(text, escape)
    if not words:
        raise Invalid(f"{keyword} requires at least one argument", fix=f"{keyword} NAME=value")
    if "=" not in words[0]:
        name, *value = _SPACES.split(text, maxsplit=1)
        if not value:
            raise Invalid(f"{keyword} must have two arguments", fix=f"{keyword} {name}=value")
        return [(name, value[0])]
    result = []
    for word in words:
        name, equals, value_text = word.partition("=")
        if not equals:
            raise Invalid(f"can't find = in {word!r}", fix=f"{keyword} NAME=value; quote values with spaces")
        if not name:
            raise Invalid(f"{keyword} names can not be blank", fix=f"{keyword} NAME=value")
        result.append((name, value_text))
    return result
