"""A digest: algorithm and hex of exact bytes (OCI image spec, descriptor.md, "Digests")."""

import hashlib
import re
from typing import Self

from sealift.core.errors import Invalid

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_PATTERN = re.compile(r"(sha256|sha512):([0-9a-f]+)", re.ASCII)


class Digest(str):
    """`sha256:<64 hex>`. A `str`, so it is its own JSON; only `parse` and `of` make one."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> Self:
        """The digest that `text` spells, or `Invalid`: never anything that could leave a directory."""
        match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None or len(match[2]) != _HEX_LENGTH[match[1]]:
            raise Invalid(f"not a digest: {str(text)[:100]!r}", fix="expected sha256:<64 hexadecimal digits>")
        return cls(match[0])

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The SHA-256 digest of `data`."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hex digits, as tables show them."""
        return self.hex[:12]
