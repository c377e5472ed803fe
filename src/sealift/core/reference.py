"""References to images: `registry/repository:tag@digest`, with docker's defaults.

Grammar: github.com/distribution/reference.
"""

import re
from typing import NamedTuple, Self

from sealift.core.digest import Digest
from sealift.core.errors import Invalid

DEFAULT_REGISTRY = "docker.io"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?", re.ASCII)


class Reference(NamedTuple):
    """A parsed image reference. `tag` is empty only where a digest alone was given."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """`text` with docker's defaults filled in: `python` is `docker.io/library/python:latest`."""
        rest, at, digest_text = text.partition("@")
        digest = Digest.parse(digest_text) if at else None
        first, slash, remainder = rest.partition("/")
        if slash and _names_a_host(first):
            registry, path = first, remainder
        else:
            registry, path = DEFAULT_REGISTRY, rest
        if registry == "index.docker.io":
            registry = DEFAULT_REGISTRY
        path, colon, tag = path.partition(":")
        if registry == DEFAULT_REGISTRY and path and "/" not in path:
            path = f"library/{path}"
        if not colon and digest is None:
            tag = "latest"
        _check(text, registry, path, tag, bool(colon))
        return cls(registry, path, tag, digest)

    def __str__(self) -> str:
        return self._text(f"{self.registry}/{self.repository}")

    @property
    def familiar(self) -> str:
        """As people type it: without the default registry and `library/`."""
        return self._text(self.familiar_repository)

    @property
    def familiar_repository(self) -> str:
        """The repository as people type it, without tag and digest."""
        short = self.repository.removeprefix("library/")
        first, slash, _ = short.partition("/")
        if self.registry != DEFAULT_REGISTRY or (slash and _names_a_host(first)):
            return f"{self.registry}/{self.repository}"
        return short

    def _text(self, name: str) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{name}{tag}@{self.digest}" if self.digest else f"{name}{tag}"


def _names_a_host(component: str) -> bool:
    return "." in component or ":" in component or component == "localhost" or component != component.lower()


def _check(text: str, registry: str, path: str, tag: str, tagged: bool) -> None:
    shown = text[:200]
    if not _REGISTRY.fullmatch(registry):
        raise Invalid(f"invalid reference {shown!r}: {registry[:80]!r} is not a registry host")
    if not _REPOSITORY.fullmatch(path) or len(path) > 255:
        hint = "repository names are lower case: letters, digits, '.', '_', '-' and '/'"
        raise Invalid(f"invalid reference {shown!r}: bad repository name {path[:80]!r}", fix=hint)
    if (tagged or tag) and not _TAG.fullmatch(tag):
        raise Invalid(f"invalid reference {shown!r}: bad tag {tag[:80]!r}")
