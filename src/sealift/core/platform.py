"""Platforms an image is for: `os/architecture[/variant]` (OCI image spec, image-index.md)."""

import os
from typing import NamedTuple, Self

from sealift.core.errors import Invalid

_MACHINES = {
    "x86_64": ("amd64", ""), "amd64": ("amd64", ""), "aarch64": ("arm64", ""), "arm64": ("arm64", ""),
    "armv7l": ("arm", "v7"), "armv6l": ("arm", "v6"), "i686": ("386", ""), "i386": ("386", ""),
    "ppc64le": ("ppc64le", ""), "s390x": ("s390x", ""), "riscv64": ("riscv64", ""),
}  # fmt: skip
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")


class Platform(NamedTuple):
    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`linux/arm64/v8`, `linux/amd64`, or an architecture alone."""
        parts = text.lower().split("/")
        if not 1 <= len(parts) <= 3 or not all(part and set(part) <= _WORD for part in parts):
            raise Invalid(
                f"invalid platform {text[:80]!r}", fix="write it like linux/amd64 or linux/arm64/v8"
            )
        system, machine = ("linux", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
        architecture, variant = _MACHINES.get(machine, (machine, ""))
        given = parts[2] if len(parts) == 3 else variant
        return cls(system, architecture, "" if (architecture, given) == ("arm64", "v8") else given)

    @classmethod
    def of_machine(cls, machine: str | None = None) -> Self:
        """The platform of a kernel's machine name, by default of this host."""
        name = machine if machine is not None else os.uname().machine
        architecture, variant = _MACHINES.get(name, (name, ""))
        return cls("linux", architecture, variant)

    def __str__(self) -> str:
        return "/".join(part for part in self if part)
