"""Networks of a test's own, a machine next door, and code that runs inside network namespaces."""

import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from sealift.host import syscalls
from sealift.network import Attachment, Networks
from sealift.store import Store

T = TypeVar("T")
# Addresses reserved for such tests (RFC 2544); tests that run at once in other processes have others.
_SUBNET = f"198.18.{os.getpid() % 250 + 1}"
NEXT_DOOR, HOST_SIDE = f"{_SUBNET}.2", f"{_SUBNET}.1"


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    """Networks in a store of the test's own; at the end nothing of them is left on the host."""
    made = Networks.open(Store.open(tmp_path / "store"))
    yield made
    devices = {made.device(network) for network in made.all()}
    devices |= {attachment.device for attachment in made.attachments()}
    made.down()
    assert eventually(lambda: not devices & present()), "a device was left"
    left = [line for line in Path("/proc/mounts").read_text().splitlines() if str(tmp_path) in line]
    assert not left, "a mount was left"


@pytest.fixture
def next_door(tmp_path: Path) -> Iterator[Path]:
    """Another machine, reached through a device of the host: the file of its network namespace."""
    path = tmp_path / "next-door"
    path.touch()
    device = f"slt{os.getpid() % 10**8}"
    inside_new(path)
    try:
        run("ip", "link", "add", device, "type", "veth", "peer", "name", f"{device}p")
        run("ip", "link", "set", f"{device}p", "netns", str(path))
        run("ip", "address", "add", f"{HOST_SIDE}/30", "dev", device)
        run("ip", "link", "set", device, "up")
        enter(path, lambda: run("ip", "address", "add", f"{NEXT_DOOR}/30", "dev", f"{device}p"))
        enter(path, lambda: run("ip", "link", "set", f"{device}p", "up"))
        enter(path, lambda: run("ip", "link", "set", "lo", "up"))
        enter(path, lambda: run("ip", "route", "add", "default", "via", HOST_SIDE))
        yield path
    finally:
        subprocess.run(("ip", "link", "delete", device), check=False)
        syscalls.umount(str(path), syscalls.MNT_DETACH)


def present() -> set[str]:
    """The network devices of the host."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def plugged(networks: Networks) -> list[str]:
    """The devices in the default network's bridge."""
    bridge = networks.device(networks.find("bridge"))
    return [path.name for path in Path(f"/sys/class/net/{bridge}/brif").glob("*")]


def run(*command: str) -> str:
    """A program's output; it must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def eventually(condition: Callable[[], T], seconds: float = 5) -> T:
    """What `condition` gives as soon as it is true, or at the end of the time."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.01)


def inside_new(path: Path) -> None:
    """A new network namespace, mounted at the file."""

    def work() -> None:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        syscalls.mount("/proc/thread-self/ns/net", str(path), None, syscalls.MS_BIND)

    _thread(work)


def enter(path: Path | str | Attachment, work: Callable[[], T]) -> T:
    """What `work` gives when it runs in the network namespace at this file."""
    file = path.netns if isinstance(path, Attachment) else str(path)

    def inside() -> T:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            syscalls.setns(descriptor, syscalls.CLONE_NEWNET)
        finally:
            os.close(descriptor)
        return work()

    return _thread(inside)


def _thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def inside() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


@contextmanager
def serving(
    where: Path | str | Attachment,
    port: int,
    *,
    protocol: str = "tcp",
    address: str = "",
    word: str = "hello",
) -> Iterator[None]:
    """A server in a namespace that answers everybody with `word` and the address it was asked from."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

    def opened() -> socket.socket:
        server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        if protocol == "tcp":
            server.listen()
        return server

    server = enter(where, opened)
    stop = threading.Event()

    def serve() -> None:
        server.settimeout(0.05)
        while not stop.is_set():
            with suppress(TimeoutError, ConnectionError):
                if protocol == "tcp":
                    connection, peer = server.accept()
                    with connection:
                        connection.sendall(f"{word} {peer[0]}".encode())
                else:
                    _, peer = server.recvfrom(100)
                    server.sendto(f"{word} {peer[0]}".encode(), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        server.close()


def ask(
    where: Path | str | Attachment, address: str, port: int, *, protocol: str = "tcp", seconds: float = 3
) -> str:
    """What a server says when it is asked from a namespace; empty where it cannot be reached."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

    def work() -> str:
        with socket.socket(socket.AF_INET, kind) as client:
            client.settimeout(seconds)
            try:
                client.connect((address, port))
                if protocol == "udp":
                    client.send(b"?")
                return client.recv(100).decode()
            except OSError:
                return ""

    return enter(where, work)


def lookup(attachment: Attachment, name: str, seconds: float = 3) -> str:
    """The address the network's name server gives for a name, asked from the container; empty for none."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0\0\x01\0\x01"

    def work() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            client.connect((attachment.gateway, 53))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                try:
                    client.send(question)
                    answer = client.recv(512)
                except OSError:
                    continue
                answers = int.from_bytes(answer[6:8], "big")
                return socket.inet_ntoa(answer[-4:]) if answers else ""
        return ""

    return enter(attachment, work)


def throw(where: Path | str | Attachment, device: str, source: str, target: str, port: int) -> None:
    """Put a UDP packet for any address on the wire, to the machine at the other end: no route is asked."""
    udp = struct.pack(">HHHH", 40000, port, 8 + 5, 0) + b"throw"
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    head += socket.inet_aton(source) + socket.inet_aton(target)
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    packet = head[:10] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + head[12:] + udp

    def work() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire:
            wire.sendto(packet, (device, 0x0800, 0, 0, mac_of_neighbour()))

    def mac_of_neighbour() -> bytes:
        fields = run("ip", "neighbour", "show", "dev", device).split()
        return bytes.fromhex(fields[fields.index("lladdr") + 1].replace(":", ""))

    enter(where, work)


HOST = "/proc/self/ns/net"
"""The host's own namespace, for `ask` and `serving`."""
