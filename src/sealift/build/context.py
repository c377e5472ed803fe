"""The build context and the Dockerfile, found and opened."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from sealift.build.files import Context
from sealift.build.sources import ContextTree
from sealift.build.statcache import StatCache
from sealift.build.tree import Tree, resolve
from sealift.core.errors import Invalid, NotFound
from sealift.dockerfile.ignore import Patterns

MAX_DOCKERFILE_BYTES = 4 << 20
IGNORE_FILE = ".dockerignore"


class Recipe(NamedTuple):
    """A Dockerfile's text, the name errors call it, and the ignore file that belongs to it alone, if any."""

    text: str
    name: str
    ignore: Path | None = None


def read_recipe(context: Path | None, file: str | None, directory: Path) -> Recipe:
    """The Dockerfile that `-f file` names (relative to `directory`), else the context's own."""
    if file is not None:
        path = directory / file
        return Recipe(decode(_read(path, file)), file, _own_ignore(path))
    if context is None:
        raise Invalid("there is no Dockerfile without a context", fix="name one with -f")
    for name in ("Dockerfile", "dockerfile"):
        with Tree(context) as tree:
            data = _read_inside(tree, name)
        if data is not None:
            return Recipe(decode(data), name, _own_ignore(context / name))
    raise NotFound(f"there is no Dockerfile in {context}", fix="name another with -f, or another directory")


def decode(data: bytes) -> str:
    """A Dockerfile's text. Bytes that are no UTF-8 are kept aside: they may stand in comments."""
    if b"\0" in data:
        raise Invalid("the Dockerfile has a NUL byte in it: it is no text file")
    return data.decode("utf-8", "surrogateescape")


def check_context(path: Path) -> None:
    """`NotFound` or `Invalid` unless `path` is a directory that can be read."""
    if not path.exists():
        raise NotFound(f"the build context {path} does not exist", fix="sealift build DIRECTORY")
    if not path.is_dir():
        raise Invalid(
            f"the build context {path} is not a directory",
            fix=f"sealift build -f {path} DIRECTORY, if it is the Dockerfile",
        )


@contextmanager
def opened(context: Path | None, recipe: Recipe, cache: Path) -> Iterator[Callable[[], Context]]:
    """A function that opens the context when it is first needed; all of it is closed at the end.

    `cache` is where digests of its files are remembered.
    """
    with ExitStack() as stack:
        known: list[Context] = []

        def open_context() -> Context:
            if context is None:
                raise Invalid("there is no build context to copy from", fix="sealift build -f FILE DIRECTORY")
            tree = stack.enter_context(Tree(context))
            visible = ContextTree(tree, _patterns(tree, recipe))
            known.append(Context(visible, StatCache(cache, context.resolve())))
            return known[-1]

        yield open_context
        for one in known:
            one.digests.save()


def _patterns(tree: Tree, recipe: Recipe) -> Patterns:
    """The Dockerfile's own ignore file, else the context's. One that leads out of the context is not read."""
    if recipe.ignore is not None:
        return Patterns.parse(decode(_read(recipe.ignore, recipe.ignore.name)), recipe.ignore.name)
    return Patterns.parse(decode(_read_inside(tree, IGNORE_FILE) or b""))


def _own_ignore(path: Path) -> Path | None:
    own = path.with_name(f"{path.name}{IGNORE_FILE}")
    return own if own.is_file() else None


def _read(path: Path, shown: str) -> bytes:
    """A file that the user named, wherever it is. A pipe may be named too: `-f <(…)`."""
    try:
        with path.open("rb") as file:
            if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
                raise IsADirectoryError
            return _limited(file.read(MAX_DOCKERFILE_BYTES + 1), shown)
    except FileNotFoundError:
        raise NotFound(f"there is no file {shown}", fix="-f FILE is relative to where you are") from None
    except IsADirectoryError:
        raise Invalid(f"{shown} is a directory, not a Dockerfile", fix=f"-f {shown}/Dockerfile") from None


def _read_inside(tree: Tree, name: str) -> bytes | None:
    """A file of the context, links followed inside it; None where there is none."""
    path = resolve(tree.readlink, name)
    found = tree.stat(path)
    if found is None:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise Invalid(f"{name} in the build context is not a regular file")
    with tree.open(path) as file:
        return _limited(file.read(MAX_DOCKERFILE_BYTES + 1), name)


def _limited(data: bytes, shown: str) -> bytes:
    if len(data) > MAX_DOCKERFILE_BYTES:
        raise Invalid(f"{shown} is larger than {MAX_DOCKERFILE_BYTES >> 20} MiB")
    return data
