"""Netfilter's netlink messages (linux/netfilter/nfnetlink.h): put together, taken apart, sent."""

import socket
import struct
import threading
import time
from collections.abc import Iterator

REQUEST, ACKNOWLEDGE, DUMP, CREATE = 1, 4, 0x300, 0x400
_NETFILTER = 12
_ERROR, _DONE, _NESTED = 2, 3, 0x8000
_HEADER, _FAMILY_HEADER = 16, 4
_IPV4 = 2
_BUFFER, _LARGEST = 1 << 20, 1 << 25
_SNDBUFFORCE, _RCVBUFFORCE = 32, 33  # beyond what ordinary users get: a range may have many ports
_LATER = 0.03  # seconds


def connect() -> socket.socket:
    """A socket to netfilter; to be closed with `close`."""
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    connection.setsockopt(socket.SOL_SOCKET, _SNDBUFFORCE, _LARGEST)
    connection.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
    connection.settimeout(10)
    return connection


def close(connection: socket.socket) -> None:
    """Closing waits until the kernel has freed what was deleted, up to 16 ms, and nobody can change rules
    meanwhile. Later there is nothing to wait for.
    """

    def work() -> None:
        time.sleep(_LATER)
        connection.close()

    threading.Thread(target=work, daemon=True).start()


def message(
    kind: int, flags: int, sequence: int, body: bytes, *, family: int = _IPV4, resource: int = 0
) -> bytes:
    """A message of this kind (subsystem and number)."""
    content = struct.pack(">BBH", family, 0, resource) + body
    return struct.pack("=IHHII", _HEADER + len(content), kind, flags, sequence, 0) + content


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def nested(kind: int, value: bytes) -> bytes:
    return attribute(kind | _NESTED, value)


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in `data`, by kind."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & ~_NESTED] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def outcome(connection: socket.socket, last: int) -> int:
    """The first error among the messages up to that with the sequence number `last`, which asked for an
    acknowledgement; 0 where all went well.
    """
    first = 0
    while True:
        for kind, sequence, body in _messages(connection.recv(_BUFFER)):
            if kind == _ERROR:
                first = first or -struct.unpack_from("=i", body)[0]
                if sequence == last:
                    return first


def dumped(connection: socket.socket) -> Iterator[bytes]:
    """The attributes of each object that the kernel sends in answer to a dump, until it says it is done."""
    while True:
        for kind, _, body in _messages(connection.recv(_BUFFER)):
            if kind in (_ERROR, _DONE):
                return
            yield body[_FAMILY_HEADER:]


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, sequence number and content of each message."""
    while len(data) >= _HEADER:
        length, kind, _, sequence = struct.unpack_from("=IHHI", data)
        yield kind, sequence, data[_HEADER:length]
        data = data[(length + 3) & ~3 :]
