"""Which files of a source COPY and ADD mean: globs and directories walked, nothing read yet."""

import stat
from collections.abc import Callable, Iterator, Sequence
from os import stat_result
from typing import NamedTuple

from sealift.build import match
from sealift.build.graph import Copy
from sealift.build.items import Signature
from sealift.build.lower import kind_of
from sealift.build.sources import Source
from sealift.build.tree import resolve
from sealift.core import document
from sealift.core.digest import Digest
from sealift.core.errors import Invalid, NotFound


class Selected(NamedTuple):
    """One file, directory or link to copy.

    `name` is what the source word meant, before links; `relative` is the path below it, '' for itself; `path`
    is where it really is. `several` says that the word was a pattern with more than one match.
    """

    name: str
    relative: str
    path: str
    info: stat_result
    target: str
    several: bool

    @property
    def kind(self) -> str:
        return kind_of(self.info.st_mode)

    @property
    def signature(self) -> Signature:
        info = self.info
        return Signature(self.path, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def select(operation: Copy, source: Source) -> list[Selected]:
    """All that the operation's source words mean, in order. `NotFound` for a plain path that is not there."""
    excluded = _excludes(operation.exclude)
    return [item for word in operation.sources for item in _select_word(word, source, excluded)]


def digest(selection: Sequence[Selected], known: Callable[[Signature], str | None]) -> Digest | None:
    """A digest over names, kinds, permissions, link targets and contents, never over times.

    None if a content is not known.
    """
    lines: list[document.JSON] = []
    for item in selection:
        content: str | None = ""
        if item.kind == "file":
            content = known(item.signature)
            if content is None:
                return None
        where: list[document.JSON] = [item.name, item.relative, item.kind, stat.S_IMODE(item.info.st_mode)]
        lines.append([*where, item.info.st_rdev, item.target, content, item.several])
    return Digest.of(document.encode(lines))


def _select_word(word: str, source: Source, excluded: Callable[[str], bool]) -> Iterator[Selected]:
    names = _expand(word, source)
    for name in names:
        # The reference says that --exclude holds for what a pattern matches, too.
        if match.has_wildcard(word) and excluded(name.rpartition("/")[2]):
            continue
        path = resolve(source.readlink, name)
        info = source.stat(path)
        if info is None:
            raise _missing(word, name, path, source)
        yield Selected(name, "", path, info, "", len(names) > 1)
        if stat.S_ISDIR(info.st_mode):
            yield from _below(name, path, source, excluded, len(names) > 1)


def _missing(word: str, name: str, path: str, source: Source) -> NotFound:
    """What to say of a source that is not there; a link in it is told, as the name alone may well be."""
    what = f"{name!r}, which {word!r} means," if match.has_wildcard(word) else repr(word)
    linked = path != name and ".." not in name.split("/")
    where = f": it leads to {path!r} there" if linked else ""
    return NotFound(f"{what} is not in {source.name}{where}", fix=source.missing_hint)


def _below(
    name: str, top: str, source: Source, excluded: Callable[[str], bool], several: bool
) -> Iterator[Selected]:
    pending = [(top, "")]
    while pending:
        directory, above = pending.pop()
        for inner, info in source.scan(directory):
            relative = f"{above}/{inner}" if above else inner
            path = f"{directory}/{inner}" if directory else inner
            if stat.S_ISDIR(info.st_mode):
                pending.append((path, relative))
            if not excluded(relative):
                target = source.readlink(path) or "" if stat.S_ISLNK(info.st_mode) else ""
                yield Selected(name, relative, path, info, target, several)


def _expand(word: str, source: Source) -> list[str]:
    """The paths a source word means. A pattern may match nothing, as in docker; a plain path is itself."""
    path = "/".join(part for part in word.split("/") if part not in ("", "."))
    plain, pattern = match.split(path)
    if not pattern:
        return [plain]
    expression = match.compile_pattern(pattern)
    base = resolve(source.readlink, plain)
    info = source.stat(base)
    if info is None or not stat.S_ISDIR(info.st_mode):
        return []
    names: list[str] = []
    pending = [""]
    while pending:
        above = pending.pop()
        for inner, info in source.scan(f"{base}/{above}".strip("/")):
            relative = f"{above}/{inner}" if above else inner
            if expression.fullmatch(relative):
                names.append(f"{plain}/{relative}" if plain else relative)
            elif stat.S_ISDIR(info.st_mode) and relative.count("/") < pattern.count("/"):
                pending.append(relative)
    return sorted(names, key=lambda found: found.split("/"))


def _excludes(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _path: False
    from sealift.dockerfile.ignore import Patterns

    try:
        parsed = Patterns.parse("\n".join(patterns))
    except Invalid as error:
        raise Invalid(f"--exclude: {error.message}", fix=error.fix) from error
    return lambda path: parsed.ignores(path, False)
