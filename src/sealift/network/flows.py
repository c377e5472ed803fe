"""Connections the kernel remembers (linux/netfilter/nfnetlink_conntrack.h).

UDP knows no end of a connection: a client that keeps asking keeps the kernel's memory of where its packets
went, to a container that is gone, or to nobody before there was one. So this is forgotten when ports change.
"""

import struct
from collections.abc import Iterator, Sequence

from sealift.network import netlink
from sealift.network.ports import PortMapping

_SUBSYSTEM = 1 << 8
_GET, _DELETE = _SUBSYSTEM | 1, _SUBSYSTEM | 2
_ORIGINAL, _PROTOCOL, _FILTER = 1, 2, 25
_NUMBER, _TARGET_PORT = 1, 3
_UDP = 17
_BY_NUMBER, _BY_TARGET_PORT = 1 << 3, 1 << 5


def forget(ports: Sequence[PortMapping]) -> None:
    """Have the kernel decide anew where UDP packets to these ports of the host go."""
    numbers = sorted({port.host_port for port in ports if port.protocol == "udp"})
    if not numbers:
        return
    connection = netlink.connect()
    try:
        for number in numbers:
            connection.send(_question(number))
            for original in list(_flows(netlink.dumped(connection), number)):
                body = netlink.nested(_ORIGINAL, original)
                flags = netlink.REQUEST | netlink.ACKNOWLEDGE
                connection.send(netlink.message(_DELETE, flags, 1, body))
                connection.recv(65536)  # that it is gone, or was already
    finally:
        netlink.close(connection)


def _question(number: int) -> bytes:
    """All flows to this UDP port. Kernels before 5.8 do not know the filter and send every flow there is."""
    protocol = netlink.attribute(_NUMBER, bytes([_UDP]))
    protocol += netlink.attribute(_TARGET_PORT, struct.pack(">H", number))
    wanted = netlink.attribute(1, struct.pack("=I", _BY_NUMBER | _BY_TARGET_PORT))
    body = netlink.nested(_ORIGINAL, netlink.nested(_PROTOCOL, protocol)) + netlink.nested(_FILTER, wanted)
    return netlink.message(_GET, netlink.REQUEST | netlink.DUMP, 1, body)


def _flows(objects: Iterator[bytes], number: int) -> Iterator[bytes]:
    """The original direction of each UDP flow to this port."""
    for data in objects:
        original = netlink.attributes(data).get(_ORIGINAL, b"")
        protocol = netlink.attributes(netlink.attributes(original).get(_PROTOCOL, b""))
        if protocol.get(_NUMBER) == bytes([_UDP]) and protocol.get(_TARGET_PORT) == struct.pack(">H", number):
            yield original
