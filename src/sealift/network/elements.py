"""Published ports in the kernel: elements of our nftables maps, put and taken by netlink.

`nft` would do the same, but starts, reads all of the ruleset, and then waits for the kernel to free what it
took away: 3 ms to add and 16 to delete. This speaks the few messages needed (linux/netfilter/nf_tables.h).
"""

import errno
import os
import struct
from collections.abc import Sequence
from typing import NamedTuple

from sealift.network import netlink
from sealift.network.addresses import parse_address
from sealift.network.ports import EVERY_ADDRESS, PortMapping

EVERYWHERE, BOUND = "everywhere", "bound"
"""The two maps: ports of every address of the host, and ports of one."""

_SUBSYSTEM = 10 << 8
_BATCH_BEGIN, _BATCH_END = 16, 17
_GET_TABLE, _NEW_ELEMENT, _DELETE_ELEMENT = _SUBSYSTEM | 1, _SUBSYSTEM | 12, _SUBSYSTEM | 14
_NUMBERS = {"tcp": 6, "udp": 17}


class Forwarding(NamedTuple):
    """A published port and the container's address it leads to."""

    port: PortMapping
    address: str

    @property
    def map(self) -> str:
        return EVERYWHERE if self.port.host_address == EVERY_ADDRESS else BOUND


def table_exists(table: str) -> bool:
    """Whether this table is in the kernel."""
    flags = netlink.REQUEST | netlink.ACKNOWLEDGE
    message = netlink.message(_GET_TABLE, flags, 1, netlink.text(1, table))
    connection = netlink.connect()
    try:
        connection.send(message)
        return netlink.outcome(connection, 1) == 0
    finally:
        netlink.close(connection)


def add(table: str, forwardings: Sequence[Forwarding]) -> None:
    """Put all of them, or none: OSError with ENOENT where the table is not there, EEXIST where one of the
    ports leads elsewhere.
    """
    _batch([_element(_NEW_ELEMENT, table, forwarding) for forwarding in forwardings])


def delete(table: str, forwardings: Sequence[Forwarding]) -> None:
    """Take them away, as far as they are there."""
    try:
        _batch([_element(_DELETE_ELEMENT, table, forwarding) for forwarding in forwardings])
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        if len(forwardings) > 1:
            for forwarding in forwardings:
                delete(table, (forwarding,))


def _batch(elements: Sequence[tuple[int, bytes]]) -> None:
    """One transaction: all of it, or OSError and nothing."""
    messages = [_boundary(_BATCH_BEGIN)]
    for sequence, (kind, body) in enumerate(elements, 1):
        flags = netlink.REQUEST | (netlink.CREATE if kind == _NEW_ELEMENT else 0)
        flags |= netlink.ACKNOWLEDGE if sequence == len(elements) else 0
        messages.append(netlink.message(kind, flags, sequence, body))
    messages.append(_boundary(_BATCH_END))
    connection = netlink.connect()
    try:
        connection.send(b"".join(messages))
        number = netlink.outcome(connection, len(elements))
    finally:
        netlink.close(connection)
    if number:
        raise OSError(number, os.strerror(number))


def _element(kind: int, table: str, forwarding: Forwarding) -> tuple[int, bytes]:
    port = forwarding.port
    key = struct.pack("=B3x", _NUMBERS[port.protocol]) + struct.pack(">H2x", port.host_port)
    if forwarding.map == BOUND:
        key = struct.pack(">I", parse_address(port.host_address)) + key
    value = netlink.nested(1, netlink.attribute(1, key))
    if kind == _NEW_ELEMENT:
        target = struct.pack(">IH2x", parse_address(forwarding.address), port.container_port)
        value += netlink.nested(2, netlink.attribute(1, target))
    names = netlink.text(1, table) + netlink.text(2, forwarding.map)
    return kind, names + netlink.nested(3, netlink.nested(1, value))


def _boundary(kind: int) -> bytes:
    """The beginning or the end of a transaction."""
    return netlink.message(kind, netlink.REQUEST, 0, b"", family=0, resource=_SUBSYSTEM >> 8)
