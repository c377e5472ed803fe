"""Completion of commands, flags and names, asked of a real bash."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from sealift.cli import completion_scripts

_NAMES = {"containers": "web worker job", "running": "web", "images": "python:3.11-slim python:3.13 app"}


@pytest.fixture
def complete(tmp_path: Path) -> "Complete":
    script = tmp_path / "completion.bash"
    script.write_text(completion_scripts.bash(completion_scripts.commands()))
    # The command that the script asks for names: it records how it was asked.
    fake = tmp_path / "sealift"
    cases = "\n".join(f'*"names {kind}") printf "%s\\n" {names} ;;' for kind, names in _NAMES.items())
    fake.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ncase "$*" in\n{cases}\nesac\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    return Complete(tmp_path, script)


class Complete:
    def __init__(self, directory: Path, script: Path) -> None:
        self.directory = directory
        self.script = script

    def __call__(self, *words: str) -> set[str]:
        """What is offered for the last of the words after `sealift`."""
        bash = shutil.which("bash")
        assert bash is not None
        code = (
            'source "$1"; shift; COMP_LINE="sealift $*"; COMP_POINT=${#COMP_LINE}\n'
            '_sealift; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            [bash, "-c", code, "bash", str(self.script), *words],
            env={"PATH": f"{self.directory}:/usr/bin:/bin"}, cwd=self.directory,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert not done.stderr
        return set(done.stdout.split())


def test_commands_and_their_second_words(complete: Complete) -> None:
    assert complete("st") == {"start", "stats", "stop"}
    assert complete("volume", "") >= {"ls", "create", "rm", "prune", "inspect"}
    assert {"run", "ls", "prune"} <= complete("container", "")


def test_flags_of_the_command(complete: Complete) -> None:
    assert complete("run", "--health-s") == {"--health-start-period", "--health-start-interval"}
    assert complete("container", "run", "--cpu-sh") == {"--cpu-shares"}
    assert complete("run", "-d", "--name", "x", "--read") == {"--read-only"}


def test_names_as_they_are_now(complete: Complete) -> None:
    assert complete("exec", "-it", "") == {"web"}
    assert complete("rm", "w") == {"web", "worker"}
    assert complete("run", "--rm", "a") == {"app"}
    assert complete("run", "python:3") == {"3.11-slim", "3.13"}


def test_names_come_from_the_store_that_was_named(complete: Complete) -> None:
    assert complete("--root", "/srv/other", "rm", "j") == {"job"}
    asked = (complete.directory / "asked").read_text().splitlines()
    assert asked == ["--root /srv/other completion names containers"]


def test_value_of_a_flag_is_not_an_image(complete: Complete) -> None:
    assert complete("run", "--name", "") == set()
    (complete.directory / "prod.env").touch()
    assert complete("run", "--env-file", "prod") == {"prod.env"}
    assert complete("run", "--env-file=prod") == {"prod.env"}
    assert complete("run", "--env-file=prod.env", "py") == {"python:3.11-slim", "python:3.13"}


def test_the_command_in_the_container_is_not_ours(complete: Complete) -> None:
    assert complete("run", "app", "--nam") == set()


def test_fish_and_zsh_scripts_hold_every_command() -> None:
    commands = completion_scripts.commands()
    fish, zsh = completion_scripts.fish(commands), completion_scripts.zsh(commands)
    for one in commands:
        assert one.words.split()[-1] in fish
        assert f"'{one.words}')" in zsh
    assert zsh.startswith("#compdef sealift\n")
