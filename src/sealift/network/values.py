"""What networks are made of, as values, and as the JSON that is kept of them."""

from typing import NamedTuple, Self

from sealift.core.document import Node, decode, encode
from sealift.network.addresses import Subnet, format_address, parse_address
from sealift.network.ports import PortMapping


class Network(NamedTuple):
    """A network of one store. `gateway` is the bridge's address, as a number; `mtu` 0 follows the default
    route; `chosen` says that the subnet was chosen here, and may be chosen anew while nothing is attached;
    `created` is in nanoseconds since 1970.
    """

    name: str
    id: str
    subnet: Subnet
    gateway: int
    internal: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    mtu: int = 0
    chosen: bool = False
    created: int = 0

    @property
    def short_id(self) -> str:
        return self.id[:12]

    def encode(self) -> bytes:
        kept = self._asdict() | {"subnet": str(self.subnet), "gateway": format_address(self.gateway)}
        return encode(kept | {"labels": dict(self.labels), "options": dict(self.options)})

    @classmethod
    def decode(cls, data: bytes, what: str) -> Self:
        document = decode(data, what)
        return cls(
            name=document.get("name").text(),
            id=document.get("id").text(),
            subnet=Subnet.parse(document.get("subnet").text()),
            gateway=parse_address(document.get("gateway").text()),
            internal=document.get("internal").boolean(False),
            labels=tuple(document.get("labels").mapping().items()),
            options=tuple(document.get("options").mapping().items()),
            mtu=document.get("mtu").integer(0),
            chosen=document.get("chosen").boolean(False),
            created=document.get("created").integer(0),
        )


class Attachment(NamedTuple):
    """A container on a network.

    `netns` is the file its network namespace is mounted at, for the runtime; `interface` its name inside and
    `device` the other end, on the host. `names` are what it is found by on the network. `resolv_conf` and
    `hosts` are the contents of those two files of its. Addresses are texts; `ports` have their host ports.
    """

    container: str
    network: str
    network_id: str
    netns: str
    device: str
    address: str
    prefix: int
    gateway: str
    mac: str
    interface: str = "eth0"
    ports: tuple[PortMapping, ...] = ()
    names: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    resolv_conf: str = ""
    hosts: str = ""

    def encode(self) -> bytes:
        return encode(self._asdict())

    @classmethod
    def decode(cls, data: bytes, what: str) -> Self:
        document = decode(data, what)

        def text(key: str) -> str:
            return document.get(key).text()

        return cls(
            container=text("container"),
            network=text("network"),
            network_id=text("network_id"),
            netns=text("netns"),
            device=text("device"),
            address=text("address"),
            prefix=document.get("prefix").integer(),
            gateway=text("gateway"),
            mac=text("mac"),
            interface=text("interface"),
            ports=tuple(_port(node) for node in document.get("ports").items()),
            names=document.get("names").texts(),
            servers=document.get("servers").texts(),
            resolv_conf=text("resolv_conf"),
            hosts=text("hosts"),
        )


def _port(node: Node) -> PortMapping:
    container, host, protocol, address = node.items()
    return PortMapping(container.integer(), host.integer(), protocol.text(), address.text())
