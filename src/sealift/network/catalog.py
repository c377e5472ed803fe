"""The networks a store knows: one small file each, the truth about what the user made."""

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from sealift.core.errors import Conflict, Corrupt, Denied, Invalid, NotFound
from sealift.network import subnets
from sealift.network.addresses import Subnet, parse_address
from sealift.network.values import Network
from sealift.store import atomic

DEFAULT = "bridge"
"""The network of containers that name none. It is made when it is first needed, and stays."""
RESERVED = ("host", "none", "default", "container")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_SUFFIX = ".json"


class Catalog:
    """Networks by name and ID. Whoever changes it holds the store's lock for networks."""

    def __init__(self, directory: Path, root: str) -> None:
        self._directory = directory
        self._root = root

    def find(self, text: str) -> Network:
        """The network of this name, ID, or prefix of an ID that only one has."""
        network = self.named(text)
        if network is not None:
            return network
        found = [known for known in self.all() if text and known.id.startswith(text)]
        if len(found) > 1:
            raise Conflict(f"several networks have an ID that begins with {text}")
        if not found:
            raise NotFound(
                f"no such network: {text[:80]}", fix="sealift network ls, or sealift network create NAME"
            )
        return found[0]

    def named(self, name: str) -> Network | None:
        """The network of exactly this name."""
        if not _NAME.fullmatch(name):
            return None
        path = self._path(name)
        try:
            return Network.decode(path.read_bytes(), str(path))
        except FileNotFoundError:
            return None
        except (Invalid, ValueError) as error:
            again = "it is made again" if name == DEFAULT else f"then sealift network create {name}"
            raise Corrupt(
                f"the network {name} is damaged: {error}", fix=f"stop its containers; rm {path}; {again}"
            ) from error

    def all(self) -> list[Network]:
        """Every network, by name."""
        names = sorted(os.listdir(self._directory))  # noqa: PTH208
        found = (self.named(name.removesuffix(_SUFFIX)) for name in names if name.endswith(_SUFFIX))
        return [network for network in found if network is not None]

    def default(self) -> Network:
        """The default network, made if it is not there yet."""
        return self.named(DEFAULT) or self.add(DEFAULT)

    def add(
        self,
        name: str,
        *,
        subnet: str = "",
        gateway: str = "",
        internal: bool = False,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        mtu: int = 0,
    ) -> Network:
        """Write down a new network; its bridge is made when the first container comes."""
        self._check_name(name)
        used = [*subnets.routed(), *(network.subnet for network in self.all())]
        chosen = self._given(name, subnet, used) if subnet else self.choose(name, used)
        if gateway and not subnet:
            raise Invalid("a gateway needs the subnet it is in", fix="--subnet 10.200.0.0/24")
        address = parse_address(gateway) if gateway else chosen.base + 1
        if not chosen.holds(address):
            raise Invalid(f"the gateway {gateway} is not an address for hosts of {chosen}")
        if mtu and not 68 <= mtu <= 65535:
            raise Invalid(f"{mtu} is not an MTU", fix="from 68 to 65535 bytes")
        network = Network(
            name=name,
            id=os.urandom(32).hex(),
            subnet=chosen,
            gateway=address,
            internal=internal,
            labels=tuple(sorted((labels or {}).items())),
            options=tuple(sorted((options or {}).items())),
            mtu=mtu,
            chosen=not subnet,
            created=time.time_ns(),
        )
        self.write(network)
        return network

    def choose(self, name: str, used: list[Subnet]) -> Subnet:
        """A subnet for the network of this name that none of those used overlaps."""
        return subnets.choose(f"{self._root}\0{name}", used)

    def write(self, network: Network) -> None:
        atomic.write_file(self._path(network.name), network.encode())

    def remove(self, network: Network) -> None:
        """Forget the network. `Denied` for the default one."""
        if network.name == DEFAULT:
            raise Denied(f"{DEFAULT} is the default network and cannot be removed")
        self._path(network.name).unlink(missing_ok=True)
        atomic.sync_directory(self._directory)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}{_SUFFIX}"

    def _check_name(self, name: str) -> None:
        if name in RESERVED:
            raise Denied(f"{name!r} names a way to connect a container, not a network", fix="choose another")
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"invalid network name: {name[:80]!r}",
                fix="letters, digits, '_', '.', '-', beginning with a letter or digit",
            )
        if self.named(name) is not None:
            raise Conflict(f"network with name {name} already exists", fix=f"sealift network rm {name}")

    def _given(self, name: str, text: str, used: list[Subnet]) -> Subnet:
        subnet = Subnet.parse(text)
        subnets.check(subnet)
        other = subnets.clash(subnet, used)
        if other is not None:
            raise Conflict(
                f"the subnet {subnet} for {name} overlaps {other}, which this host uses already",
                fix="choose another, or leave --subnet out",
            )
        return subnet
