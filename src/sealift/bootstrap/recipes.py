"""Which base images can be made from Debian packages, and what goes into each."""

import difflib
from typing import NamedTuple

from sealift.core.errors import Invalid
from sealift.core.reference import DEFAULT_REGISTRY, Reference

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Recipe(NamedTuple):
    """A base image: a Debian suite, packages on top of its smallest useful set, and the image's settings.

    `python` is the minor version ("3.11") where the image offers Python as docker's `python` images do.
    """

    repository: str
    tag: str
    suite: str
    packages: tuple[str, ...]
    cmd: tuple[str, ...]
    python: str = ""

    @property
    def reference(self) -> Reference:
        return Reference(DEFAULT_REGISTRY, f"library/{self.repository}", self.tag)


_PYTHON = ("ca-certificates", "netbase", "python3", "python3-pip", "python3-venv", "tzdata")


def _debian(tag: str, suite: str) -> Recipe:
    return Recipe("debian", tag, suite, (), ("bash",))


def _python(tag: str, suite: str, version: str) -> Recipe:
    return Recipe("python", tag, suite, _PYTHON, ("python3",), version)


RECIPES = (
    _debian("bookworm-slim", "bookworm"),
    _debian("trixie-slim", "trixie"),
    _python("3.11-slim", "bookworm", "3.11"),
    _python("3.11-slim-bookworm", "bookworm", "3.11"),
    _python("3.13-slim", "trixie", "3.13"),
    _python("3.13-slim-trixie", "trixie", "3.13"),
)


def find(text: str) -> Recipe:
    """The recipe for an image name; `Invalid`, with those there are, where there is none."""
    wanted = Reference.parse(text)
    for recipe in RECIPES:
        if recipe.reference == wanted:
            return recipe
    names = [recipe.reference.familiar for recipe in RECIPES]
    close = difflib.get_close_matches(wanted.familiar, names, n=1, cutoff=0.3)
    raise Invalid(
        f"no recipe to make {wanted.familiar} from Debian packages; there are: {', '.join(names)}",
        fix=f"sealift bootstrap {close[0] if close else names[0]}",
    )
