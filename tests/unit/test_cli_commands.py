"""Finding a command by its words, docker's other names included."""

import pytest

from sealift.cli.arguments import UsageError, find
from sealift.cli.table import ALIASES, COMMANDS


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "x"], ("run", ["x"])),
        (["container", "run", "x"], ("run", ["x"])),
        (["container", "ls", "-a"], ("ps", ["-a"])),
        (["container", "inspect", "x"], ("inspect", ["--type", "container", "x"])),
        (["container", "prune", "-f"], ("container prune", ["-f"])),
        (["volume", "inspect", "v"], ("inspect", ["--type", "volume", "v"])),
    ],
)
def test_words_name_a_command(words: list[str], expected: tuple[str, list[str]]) -> None:
    name, rest = find(words)
    assert (name, list(rest)) == expected


def test_other_names_lead_to_commands() -> None:
    assert {command for command, *_ in ALIASES.values()} <= COMMANDS.keys()
    assert not ALIASES.keys() & COMMANDS.keys()


def test_half_a_command_says_what_may_follow() -> None:
    with pytest.raises(UsageError, match="'volume' needs one of: create, inspect, list, ls, prune, rem"):
        find(["volume"])


def test_misspelled_command_is_guessed() -> None:
    with pytest.raises(UsageError, match="try: sealift inspect"):
        find(["inspcet"])
