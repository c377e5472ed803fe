"""`NAME=value` from flags and from files: environment variables and labels."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sealift.core.errors import Invalid, NotFound

_MAX_FILE = 16 << 20  # bytes


def environment(files: Iterable[str], flags: Iterable[str], ours: Mapping[str, str]) -> tuple[str, ...]:
    """`NAME=value` from `--env-file`, then from `-e`.

    A NAME alone takes its value from our own environment (`ours`). Where we have none, a file's line counts
    for nothing, and a flag's stays a bare NAME: the image's value of it is dropped.
    """
    found: list[str] = []
    for file in files:
        for line in read_lines(file, "--env-file"):
            name, equals, _ = line.partition("=")
            _check_name(name, line, file)
            if equals:
                found.append(line)
            elif name in ours:
                found.append(f"{name}={ours[name]}")
    for text in flags:
        name, equals, _ = text.partition("=")
        if not name:
            raise Invalid(f"invalid environment variable: {text!r}", fix="-e NAME=value")
        found.append(f"{name}={ours[name]}" if not equals and name in ours else text)
    return tuple(found)


def labels(files: Iterable[str], flags: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Labels from `--label-file`, then from `--label`; the last of a name counts."""
    found: dict[str, str] = {}
    for file in files:
        for line in read_lines(file, "--label-file"):
            name, _, value = line.partition("=")
            _check_name(name, line, file)
            found[name] = value
    for text in flags:
        name, _, value = text.partition("=")
        if not name:
            raise Invalid(f"invalid label: {text!r}", fix="--label NAME=value")
        found[name] = value
    return tuple(found.items())


def read_lines(file: str, flag: str) -> list[str]:
    """The lines of a file that say something: no blank ones, no comments."""
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        raise NotFound(f"no such file: {file} (from {flag})") from error
    except OSError as error:
        raise Invalid(f"cannot read {file} (from {flag}): {error.strerror}") from error
    if len(data) > _MAX_FILE:
        raise Invalid(f"{file} (from {flag}) is larger than {_MAX_FILE} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} (from {flag}) is not UTF-8: byte {error.start}") from error
    lines = (line.rstrip("\r").lstrip(" \t") for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _check_name(name: str, line: str, file: str) -> None:
    if not name:
        raise Invalid(f"{file}: no name in {line[:80]!r}", fix="NAME=value, one a line")
    if any(character in " \t\0" for character in name):
        raise Invalid(f"{file}: the name {name[:80]!r} contains blanks", fix="NAME=value, one a line")
