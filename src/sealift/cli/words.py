"""Docker's manner of writing flags (that of the Go library pflag), spelled out for argparse.

`-itd`, `-p8000:80`, `-e=NAME=value`, `--rm=false`, a value that begins with a dash, and flags that end at the
first word that is none: argparse knows part of this, and guesses at the rest.
"""

import argparse
from collections.abc import Mapping, Sequence

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class FlagError(Exception):
    """A flag that does not exist, lacks its value, or has one that it does not take."""


def parse_boolean(text: str) -> bool:
    """What pflag takes for yes and no. ValueError for everything else."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)


def spell_out(
    words: Sequence[str],
    flags: Mapping[str, argparse.Action],
    *,
    interspersed: bool = True,
    refused: Mapping[str, str] | None = None,
) -> list[str]:
    """`words` with every flag as `--name` or `--name=value`, then `--`, then everything that is no flag.

    `flags` holds the actions by option (`-e`, `--env`). Unless `interspersed`, the first word that is no flag
    ends them: the rest belongs to the container. `refused` are docker's flags that do not exist here, with
    the reason.
    """
    return _Speller(words, flags, refused or {}).run(interspersed)


class _Speller:
    def __init__(
        self, words: Sequence[str], flags: Mapping[str, argparse.Action], refused: Mapping[str, str]
    ) -> None:
        self._words = list(reversed(words))
        self._flags = flags
        self._refused = refused
        self._spelled: list[str] = []

    def run(self, interspersed: bool) -> list[str]:
        plain: list[str] = []
        while self._words:
            word = self._words.pop()
            if word == "--":
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                plain.append(word)
                if not interspersed:
                    break
        plain += reversed(self._words)
        return [*self._spelled, "--", *plain] if plain else self._spelled

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        action = self._find(name, word)
        if equals:
            self._add(action, name, value)
        elif _is_switch(action):
            self._add(action, name, None)
        else:
            self._add(action, name, self._next(name))

    def _short(self, word: str) -> None:
        letters = word[1:]
        while letters:
            name, rest = f"-{letters[0]}", letters[1:]
            action = self._find(name, word)
            if len(rest) > 1 and rest[0] == "=":
                self._add(action, name, rest[1:])
                return
            if not _is_switch(action):
                self._add(action, name, rest or self._next(name))
                return
            self._add(action, name, None)
            letters = rest

    def _find(self, name: str, word: str) -> argparse.Action:
        action = self._flags.get(name)
        if action is not None:
            return action
        if name in self._refused:
            raise FlagError(f"{name} is not supported: {self._refused[name]}")
        within = f" (in {word})" if not word.startswith("--") and word != name else ""
        raise FlagError(f"unknown flag: {name}{within}{self._closest(name)}")

    def _closest(self, name: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(name, self._flags, n=1, cutoff=0.6) if name.startswith("--") else []
        return f"\n  did you mean: {close[0]}?" if close else ""

    def _next(self, name: str) -> str:
        if not self._words:
            raise FlagError(f"flag needs a value: {name}")
        return self._words.pop()

    def _add(self, action: argparse.Action, name: str, value: str | None) -> None:
        option = action.option_strings[-1]
        if value == "--":  # argparse would lose it
            raise FlagError(f"flag needs a value: {name}")
        if action.nargs == 0 and value is not None:
            self._spelled = [word for word in self._spelled if word != option]
            value = self._checked(name, value)
            if value is None:
                return
            self._spelled.append(option)
        elif value is None:
            self._spelled.append(option)
        else:
            self._spelled.append(f"{option}={value}" if option.startswith("--") else f"{option}{value}")

    def _checked(self, name: str, value: str) -> str | None:
        try:
            return value if parse_boolean(value) else None
        except ValueError:
            raise FlagError(f"{name} takes true or false, not {value!r}") from None


def _is_switch(action: argparse.Action) -> bool:
    """A flag whose value, if it has one, must be joined to it by '='."""
    return action.nargs in (0, "?")
