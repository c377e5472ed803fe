"""Published ports in the kernel: elements of our nftables maps, put and taken by netlink.

`nft` would do the same, but starts, reads all of the ruleset, and then waits for the kernel to free what it
took away: 3 ms to add and 16 to delete. This speaks the few messages needed (linux/netfilter/nf_tables.h).
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sealift.network.addresses import parse_address
from sealift.network.ports import EVERY_ADDRESS, PortMapping

EVERYWHERE, BOUND = "everywhere", "bound"
"""The two maps: ports of every address of the host, and ports of one."""

_NETFILTER, _SUBSYSTEM = 12, 10 << 8
_BATCH_BEGIN, _BATCH_END = 16, 17
_GET_TABLE, _NEW_ELEMENT, _DELETE_ELEMENT = _SUBSYSTEM | 1, _SUBSYSTEM | 12, _SUBSYSTEM | 14
_REQUEST, _ACKNOWLEDGE, _CREATE = 1, 4, 0x400
_ERROR, _NESTED = 2, 0x8000
_IPV4 = 2
_LATER = 0.03  # seconds
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
    message = _message(_GET_TABLE, _REQUEST | _ACKNOWLEDGE, 1, _attribute(1, table.encode() + b"\0"))
    connection = _open()
    try:
        connection.send(message)
        return not any(_errors(connection.recv(65536)))
    finally:
        _close(connection)


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


def _batch(elements: Iterable[tuple[int, bytes]]) -> None:
    """One transaction. The kernel works it off within `send`, so its answers are there afterwards."""
    messages = [_message(_BATCH_BEGIN, _REQUEST, 0, b"", _SUBSYSTEM >> 8)]
    for sequence, (kind, body) in enumerate(elements, 1):
        flags = _REQUEST | _ACKNOWLEDGE | (_CREATE if kind == _NEW_ELEMENT else 0)
        messages.append(_message(kind, flags, sequence, body))
    messages.append(_message(_BATCH_END, _REQUEST, 0, b"", _SUBSYSTEM >> 8))
    connection = _open()
    try:
        connection.send(b"".join(messages))
        for _ in messages[1:-1]:
            for number in _errors(connection.recv(65536)):
                if number:
                    raise OSError(number, os.strerror(number))
    finally:
        _close(connection)


def _open() -> socket.socket:
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    connection.settimeout(10)
    return connection


def _close(connection: socket.socket) -> None:
    """Closing waits until the kernel has freed what was deleted, up to 16 ms, and nobody can change rules
    meanwhile. Later there is nothing to wait for.
    """
    import threading

    def work() -> None:
        time.sleep(_LATER)
        connection.close()

    threading.Thread(target=work, daemon=True).start()


def _errors(data: bytes) -> list[int]:
    """The error number of each acknowledgement in `data`, 0 for success."""
    found = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind == _ERROR:
            found.append(-struct.unpack_from("=i", data, 16)[0])
        data = data[(length + 3) & ~3 :]
    return found


def _element(kind: int, table: str, forwarding: Forwarding) -> tuple[int, bytes]:
    port = forwarding.port
    key = struct.pack("=B3x", _NUMBERS[port.protocol]) + struct.pack(">H2x", port.host_port)
    if forwarding.map == BOUND:
        key = struct.pack(">I", parse_address(port.host_address)) + key
    value = _nested(1, _attribute(1, key))
    if kind == _NEW_ELEMENT:
        target = struct.pack(">IH2x", parse_address(forwarding.address), port.container_port)
        value += _nested(2, _attribute(1, target))
    names = _attribute(1, table.encode() + b"\0") + _attribute(2, forwarding.map.encode() + b"\0")
    return kind, names + _nested(3, _nested(1, value))


def _message(kind: int, flags: int, sequence: int, body: bytes, resource: int = 0) -> bytes:
    family = 0 if kind in (_BATCH_BEGIN, _BATCH_END) else _IPV4
    content = struct.pack(">BBH", family, 0, resource) + body
    return struct.pack("=IHHII", 16 + len(content), kind, flags, sequence, 0) + content


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _nested(kind: int, value: bytes) -> bytes:
    return _attribute(kind | _NESTED, value)
