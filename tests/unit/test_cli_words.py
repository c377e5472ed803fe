"""Docker's manner of writing flags."""

import argparse
from collections.abc import Sequence

import pytest

from sealift.cli.arguments import Parser, UsageError


def parser() -> Parser:
    made = Parser(prog="sealift test")
    made.add_argument("-d", "--detach", action="store_true")
    made.add_argument("-i", "--interactive", action="store_true")
    made.add_argument("-t", "--tty", action="store_true")
    made.add_argument("-p", "--publish", action="append", default=[])
    made.add_argument("-e", "--env", action="append", default=[])
    made.add_argument("-m", "--memory")
    made.add_argument("image")
    made.add_argument("command", nargs=argparse.REMAINDER)
    made.interspersed = False
    made.refused = {"--link": "containers on one network find each other by name"}
    return made


def parse(words: Sequence[str]) -> argparse.Namespace:
    return parser().parse_args(list(words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-itd", "x"], {"interactive": True, "tty": True, "detach": True}),
        (["-p8000:80", "x"], {"publish": ["8000:80"]}),
        (["-dp8000:80", "x"], {"detach": True, "publish": ["8000:80"]}),
        (["-dp", "8000:80", "x"], {"detach": True, "publish": ["8000:80"]}),
        (["-e=A=b", "x"], {"env": ["A=b"]}),
        (["-e=", "x"], {"env": ["="]}),
        (["-de=A=b", "x"], {"detach": True, "env": ["A=b"]}),
        (["-e", "-A", "-e", "---", "x"], {"env": ["-A", "---"]}),
        (["--env", "--rm", "x"], {"env": ["--rm"]}),
        (["--env=A=b=c d", "x"], {"env": ["A=b=c d"]}),
        (["--env=", "x"], {"env": [""]}),
        (["-m-1", "x"], {"memory": "-1"}),
        (["-m", "1g", "-m", "2g", "x"], {"memory": "2g"}),
        (["--detach=true", "x"], {"detach": True}),
        (["-d", "--detach=false", "x"], {"detach": False}),
        (["--detach=0", "-d", "x"], {"detach": True}),
    ],
)
def test_flags_are_read_as_docker_reads_them(words: list[str], expected: dict[str, object]) -> None:
    found = vars(parse(words))
    assert {key: found[key] for key in expected} == expected
    assert found["image"] == "x"


@pytest.mark.parametrize(
    "command", [["sh", "-c", "echo $A", "-d"], ["--", "-d"], ["-d", "--", "--env"], ["-"], ["a", "--help"]]
)
def test_everything_after_the_image_belongs_to_the_command(command: list[str]) -> None:
    found = parse(["-d", "image", *command])
    assert (found.image, found.command, found.env) == ("image", command, [])


def test_two_dashes_end_the_flags() -> None:
    assert parse(["-d", "--", "image", "-t"]).command == ["-t"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--detatch", "x"], "unknown flag: --detatch\n  did you mean: --detach?"),
        (["--nonsense-here", "x"], "unknown flag: --nonsense-here\n  try: sealift test --help"),
        (["--dry-run", "x"], "unknown flag: --dry-run"),
        (["-dx", "x"], "unknown flag: -x (in -dx)"),
        (["-x"], "unknown flag: -x\n"),
        (["--env"], "flag needs a value: --env"),
        (["-e", "--", "x"], "flag needs a value: -e"),
        (["-de"], "flag needs a value: -e"),
        (["--detach=maybe", "x"], "--detach takes true or false, not 'maybe'"),
        (["--link", "x"], "--link is not supported: containers on one network find each other by name"),
        (["--det", "x"], "unknown flag: --det\n"),
        ([], "arguments are required: image"),
    ],
)
def test_wrong_flags_are_named_with_the_closest_right_one(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert message in str(caught.value)


def test_flags_may_stand_anywhere_where_no_command_follows() -> None:
    made = Parser(prog="sealift rm")
    made.add_argument("-f", "--force", action="store_true")
    made.add_argument("name", nargs="+")
    found = made.parse_args(["a", "-f", "b", "--", "-f"])
    assert (found.force, found.name) == (True, ["a", "b", "-f"])


def test_a_command_without_arguments_takes_none() -> None:
    made = Parser(prog="sealift version")
    assert vars(made.parse_args([])) == {}
    with pytest.raises(UsageError, match="unrecognized arguments: more words"):
        made.parse_args(["more", "words"])
