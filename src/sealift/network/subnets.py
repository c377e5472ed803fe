"""Choosing subnets that nothing else on the host uses, and the size of packets that get through."""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from sealift.core.errors import Invalid, Unavailable
from sealift.network import programs
from sealift.network.addresses import Subnet

_POOLS = (("10.160.0.0/11", 20), ("172.24.0.0/14", 20), ("192.168.128.0/17", 24))
"""Where subnets are chosen from: ranges, and the prefix of one. Clear of what docker, podman and Kubernetes
choose by default (172.17-18, 10.88-89, 10.96, 10.244)."""
DEFAULT_MTU = 1500
_SMALLEST_PREFIX = 29


def routed() -> list[Subnet]:
    """The subnets that this host has routes to, in all tables, the default route left out."""
    found = []
    for route in json.loads(programs.run("ip", "-4", "-json", "route", "show", "table", "all") or "[]"):
        target = route.get("dst", "default")
        if target in ("default", "0.0.0.0/0") or target.startswith(("255.", "127.")):
            continue
        try:
            found.append(Subnet.parse(target if "/" in target else f"{target}/32"))
        except Invalid:  # a form of `ip` that no subnet has
            continue
    return found


def choose(seed: str, used: Iterable[Subnet]) -> Subnet:
    """A subnet that overlaps none of those used. The seed spreads what several stores choose."""
    taken = list(used)
    for candidate in _candidates(seed):
        if not any(candidate.overlaps(other) for other in taken):
            return candidate
    raise Unavailable(
        "every subnet that could be chosen is in use by a route of this host",
        fix="sealift network create --subnet 10.200.0.0/24 NAME",
    )


def check(subnet: Subnet) -> None:
    """`Invalid` where the subnet is no place for containers."""
    if subnet.prefix > _SMALLEST_PREFIX:
        raise Invalid(f"the subnet {subnet} is too small", fix="a prefix from /8 to /29")
    special = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
    if subnet.prefix < 8 or any(subnet.overlaps(Subnet.parse(text)) for text in special):
        raise Invalid(f"the subnet {subnet} is not one for hosts", fix="a private one, like 10.200.0.0/24")


def clash(subnet: Subnet, used: Sequence[Subnet]) -> Subnet | None:
    """The first of those used that overlaps."""
    return next((other for other in used if subnet.overlaps(other)), None)


def default_mtu() -> int:
    """The MTU of the device that the default route leads through, 1500 where there is none."""
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000" and fields[7] == "00000000":
            try:
                return int(Path(f"/sys/class/net/{fields[0]}/mtu").read_text())
            except (FileNotFoundError, ValueError):
                continue
    return DEFAULT_MTU


def _candidates(seed: str) -> Iterator[Subnet]:
    start = int.from_bytes(sha256(seed.encode("utf-8", "surrogateescape")).digest()[:4], "big")
    for pool, prefix in _POOLS:
        whole = Subnet.parse(pool)
        size = 1 << (32 - prefix)
        count = whole.size // size
        for step in range(count):
            yield Subnet(whole.base + (start + step) % count * size, prefix)
