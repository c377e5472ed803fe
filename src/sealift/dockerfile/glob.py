"""The patterns inside `${name#pattern}` and its kin: `*` is any text, `?` any character.

A set of positions is carried along instead of backtracking, so that no pattern takes exponential time.
"""

from typing import NamedTuple

from sealift.core.errors import Invalid


class _Token(NamedTuple):
    """One character ('one'), which may be any where `character` is '', or 'many' of them."""

    kind: str
    character: str = ""


def without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """`value` without the shortest or longest beginning that matches."""
    lengths = _lengths(_tokens(pattern), value)
    return value[(max if longest else min)(lengths) :] if lengths else value


def without_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """`value` without the shortest or longest end that matches."""
    lengths = _lengths(_tokens(pattern)[::-1], value[::-1])
    return value[: len(value) - (max if longest else min)(lengths)] if lengths else value


def replace(value: str, pattern: str, replacement: str, *, every: bool) -> str:
    """`value` with the first match, or every one, replaced; a match is as long as it can be."""
    tokens = _tokens(pattern)
    result: list[str] = []
    position = 0
    while position < len(value):
        length = max(_lengths(tokens, value[position:]), default=0)
        if not length:
            result.append(value[position])
            position += 1
            continue
        result.append(replacement)
        position += length
        if not every:
            break
    return "".join(result) + value[position:]


def _tokens(pattern: str) -> list[_Token]:
    tokens = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "\\":
            character = pattern[position : position + 1]
            position += 1
            if not character or character not in "*?\\}/":
                raise Invalid(f"invalid escape '\\{character}' in pattern {pattern!r}")
            tokens.append(_Token("one", character))
        elif character == "*":
            tokens.append(_Token("many"))
        else:
            tokens.append(_Token("one", "" if character == "?" else character))
    return tokens


def _lengths(tokens: list[_Token], value: str) -> set[int]:
    """The lengths of all beginnings of `value` that the tokens match."""
    positions = {0}
    for token in tokens:
        if not positions:
            break
        if token.kind == "many":
            positions = set(range(min(positions), len(value) + 1))
            continue
        positions = {
            position + 1
            for position in positions
            if position < len(value) and token.character in ("", value[position])
        }
    return positions
