"""IPv4 addresses and subnets, without the standard library's costly module for them."""

from collections.abc import Iterator
from typing import NamedTuple, Self

from sealift.core.errors import Invalid


def parse_address(text: str) -> int:
    """`10.0.0.1` as a number. `Invalid` for anything but four decimal numbers without leading zeros."""
    parts = text.split(".")
    number = 0
    for part in parts:
        plain = part.isascii() and part.isdecimal() and len(part) <= 3 and (part == "0" or part[0] != "0")
        if len(parts) != 4 or not plain or int(part) > 255:
            raise Invalid(f"{text[:40]!r} is not an IPv4 address", fix="four numbers, like 10.0.0.1")
        number = number << 8 | int(part)
    return number


def format_address(number: int) -> str:
    """The number as `10.0.0.1`."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


class Subnet(NamedTuple):
    """An IPv4 subnet: its first address as a number, and its prefix length."""

    base: int
    prefix: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`10.0.0.0/24`. `Invalid` where bits of the host are set, as a typing error would do."""
        address, slash, length = text.partition("/")
        if (
            not slash
            or not (length.isascii() and length.isdecimal() and len(length) <= 2)
            or int(length) > 32
        ):
            raise Invalid(f"{text[:40]!r} is not a subnet", fix="an address and a prefix, like 10.0.0.0/24")
        subnet = cls(parse_address(address), int(length))
        if subnet.base & (subnet.size - 1):
            start = cls(subnet.base & ~(subnet.size - 1), subnet.prefix)
            raise Invalid(f"{text} does not begin at a subnet's first address", fix=str(start))
        return subnet

    def __str__(self) -> str:
        return f"{format_address(self.base)}/{self.prefix}"

    @property
    def size(self) -> int:
        """How many addresses it has, the first and last included."""
        return 1 << (32 - self.prefix)

    def holds(self, address: int) -> bool:
        """Whether a host may have the address: within, and neither the first nor the last."""
        return self.base < address < self.base + self.size - 1

    def overlaps(self, other: "Subnet") -> bool:
        return self.base < other.base + other.size and other.base < self.base + self.size

    def after(self, last: int) -> Iterator[int]:
        """Every address a host may have, beginning behind `last` and coming round to it."""
        count = self.size - 2
        start = last - self.base if self.holds(last) else 0
        for step in range(count):
            yield self.base + 1 + (start + step) % count
