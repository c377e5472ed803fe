"""Published ports: docker's `-p` texts as values."""

from typing import NamedTuple

from sealift.core.errors import Invalid

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (what is published is reachable from outside unless the user says where)
PROTOCOLS = ("tcp", "udp")
FORMS = "-p 8080:80, -p 127.0.0.1:8080:80/udp, -p 8000-8005:8000-8005 or -p 80"


class PortMapping(NamedTuple):
    """A container's port, and where on the host it is reached.

    `host_port` 0 stands for any free one; `host_address` "0.0.0.0" for every IPv4 address of the host;
    `protocol` is "tcp" or "udp".
    """

    container_port: int
    host_port: int = 0
    protocol: str = "tcp"
    host_address: str = EVERY_ADDRESS

    def __str__(self) -> str:
        """As docker's `ps` shows it: `0.0.0.0:8080->80/tcp`."""
        return f"{self.host_address}:{self.host_port}->{self.container_port}/{self.protocol}"

    def overlaps(self, other: "PortMapping") -> bool:
        """Whether both want the same port of the host."""
        return (
            self.host_port == other.host_port
            and self.protocol == other.protocol
            and (self.host_address == other.host_address or EVERY_ADDRESS in (self[3], other[3]))
        )


def parse_port(text: str) -> tuple[PortMapping, ...]:
    """docker's `-p [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`; HOST and CONTAINER are ports or ranges of as many.

    One container port with a range of host ports is not taken: which of them it would be is not known before.
    `Invalid` names what is wrong.
    """
    rest, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise _wrong(text, f"the protocol {protocol!r} is not tcp or udp")
    if rest.startswith("["):
        raise _wrong(text, "containers have IPv4 addresses only, which an IPv6 address cannot lead to")
    address, host, container = _split(text, rest)
    inner = _range(text, container)
    outer = _range(text, host) if host else [0] * len(inner)
    if len(outer) != len(inner):
        raise _wrong(text, f"{len(outer)} host ports cannot lead to {len(inner)} container ports")
    return tuple(
        PortMapping(port, host_port, protocol, address) for port, host_port in zip(inner, outer, strict=True)
    )


def parse_exposed(text: str) -> tuple[tuple[int, str], ...]:
    """An image's EXPOSE or `--expose`: `80`, `53/udp`, `8000-8005/tcp`, as (port, protocol)."""
    ports, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise _wrong(text, f"the protocol {protocol!r} is not tcp or udp")
    return tuple((port, protocol) for port in _range(text, ports))


def _split(text: str, rest: str) -> tuple[str, str, str]:
    """Address, host ports and container ports, each as text; the host's may be empty."""
    parts = rest.split(":")
    if len(parts) > 3:
        raise _wrong(text, "there are too many colons; IPv6 addresses are not supported")
    container = parts.pop()
    host = parts.pop() if parts else ""
    return (_address(text, parts[0]) if parts and parts[0] else EVERY_ADDRESS), host, container


def _address(text: str, address: str) -> str:
    from sealift.network.addresses import parse_address

    try:
        parse_address(address)
    except Invalid as error:
        raise _wrong(text, f"{address!r} is not an IPv4 address") from error
    return address


def _range(text: str, ports: str) -> list[int]:
    first, dash, last = ports.partition("-")
    low = _port(text, first)
    high = _port(text, last) if dash else low
    if high < low:
        raise _wrong(text, f"the range {ports} runs backwards")
    return list(range(low, high + 1))


def _port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdecimal()) or len(port) > 5 or not 0 < int(port) < 65536:
        raise _wrong(text, f"{port[:40]!r} is not a port from 1 to 65535")
    return int(port)


def _wrong(text: str, reason: str) -> Invalid:
    return Invalid(f"invalid port {text[:80]!r}: {reason}", fix=FORMS)
