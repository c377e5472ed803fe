"""The programs below Sealift: where they are, and how they are called with nothing of ours open in them."""

import os
from collections.abc import Sequence

from sealift.core.errors import Unavailable
from sealift.host.programs import SYSTEM_PATH, find

__all__ = ["SYSTEM_PATH", "call", "environment", "find", "init_program", "need"]


def need(name: str, package: str) -> str:
    """The path of a program, or `Unavailable` with the package that has it."""
    path = find(name)
    if path is None:
        raise Unavailable(f"{name} is not installed", fix=f"apt-get install {package}")
    return path


def init_program() -> str:
    """The path of a tiny init for `--init`: statically linked, as it runs in any image."""
    path = find("docker-init", "catatonit", "tini-static")
    if path is None:
        raise Unavailable("no init program is installed, which --init needs", fix="apt-get install tini")
    return os.path.realpath(path)


def environment() -> dict[str, str]:
    """What our helpers get as environment: nothing of the caller's, who may keep secrets there."""
    return {"PATH": SYSTEM_PATH}


def call(command: Sequence[str], given: bytes | None = None) -> tuple[int, bytes, bytes]:
    """Run a helper to its end: exit code, standard output and error. It gets descriptors 0 to 2 only."""
    import subprocess

    done = subprocess.run(
        command,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        env=environment(),
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
