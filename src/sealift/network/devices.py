"""The kernel's side of networks: bridges, network namespaces, and the pairs of devices between them."""

import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from sealift.core.errors import Unavailable
from sealift.host import syscalls
from sealift.network import programs
from sealift.network.addresses import format_address
from sealift.network.aside import Aside
from sealift.network.values import Attachment, Network

_ADD_TO_BRIDGE, _SET_FLAGS, _UP = 0x89A2, 0x8914, 1
_CLASS = Path("/sys/class/net")
_SETTINGS = Path("/proc/sys/net")


def exists(device: str) -> bool:
    return (_CLASS / device).exists()


def make_bridge(bridge: str, network: Network, mtu: int) -> None:
    """A bridge with the network's gateway as its address, in place of any device of this name."""
    remove(bridge)
    address = f"{format_address(network.gateway)}/{network.subnet.prefix}"
    # Without an address of its own a bridge takes one of its ports', and another when that port goes:
    # containers that know the old one would reach nobody for half a minute.
    mac = hardware_address(network.gateway)
    text = f"link add name {bridge} mtu {mtu} address {mac} type bridge\n"
    programs.run("ip", "-batch", "-", text=f"{text}address add {address} dev {bridge} brd +\n")
    # Packets from 127.0.0.1 to a published port leave through the bridge; the rules guard the other way.
    _set(f"ipv4/conf/{bridge}/route_localnet", "1")
    with suppress(FileNotFoundError):  # a kernel without IPv6
        _set(f"ipv6/conf/{bridge}/disable_ipv6", "1")
    _bring_up(bridge)


def hardware_address(address: int) -> str:
    """An Ethernet address for an IPv4 address: locally administered, the same for whoever has it next."""
    return "02:5e:" + address.to_bytes(4, "big").hex(":")


def forward_packets() -> None:
    """Have the kernel route between devices (net.ipv4.ip_forward), as a host of containers must."""
    path = _SETTINGS / "ipv4/ip_forward"
    if path.read_text().strip() != "1":
        path.write_text("1")


def remove(device: str) -> None:
    """Take a device away, if it is there."""
    if exists(device):
        code, printed = programs.attempt("ip", "link", "delete", "dev", device)
        if code and exists(device):
            raise Unavailable(f"cannot remove the network device {device}: {printed.strip()[:300]}")


def join(bridge: str, device: str) -> None:
    """Make the device a port of the bridge, and bring it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16si20x", bridge.encode(), socket.if_nametoindex(device))
        try:
            fcntl.ioctl(control, _ADD_TO_BRIDGE, request)
        except OSError as error:
            if error.errno != errno.EBUSY:  # it is a port already
                raise
    # A container must reach itself through a published port, where bridged packets pass the host's filter.
    (_CLASS / device / "brport/hairpin_mode").write_text("1")
    _bring_up(device)


def make_namespace(attachment: Attachment, mtu: int, *, routed: bool) -> Aside:
    """A network namespace, mounted at the attachment's file, with the addresses inside set.

    A thread makes it, for a namespace is a thread's own: ours is never another for a moment. `routed` gives
    it a way out of its subnet.
    """

    def work() -> None:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        syscalls.mount("/proc/thread-self/ns/net", attachment.netns, None, syscalls.MS_BIND)
        _configure(attachment, mtu, routed=routed)

    os.close(os.open(attachment.netns, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600))
    return Aside(work)


def remove_namespace(path: Path) -> None:
    """Unmount and remove the file; with the container's processes gone, the kernel frees all inside."""
    while path.exists():
        try:
            syscalls.umount(str(path), syscalls.MNT_DETACH)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise
            path.unlink(missing_ok=True)


def _configure(attachment: Attachment, mtu: int, *, routed: bool) -> None:
    """In the new namespace. The other end of the pair is made in ours, which the main thread is in."""
    with suppress(FileNotFoundError):
        # Containers have IPv4 only; `lo` keeps ::1, as it was there before.
        _set("ipv6/conf/default/disable_ipv6", "1")
    # As docker has it: nobody needs a right to listen on port 80 of his own, or to ping.
    _set("ipv4/ip_unprivileged_port_start", "0")
    _set("ipv4/ping_group_range", "0 2147483647")
    inside, outside = attachment.interface, attachment.device
    lines = [
        f"link add name {inside} mtu {mtu} address {attachment.mac} type veth"
        f" peer name {outside} mtu {mtu} netns {os.getpid()}",
        f"address add {attachment.address}/{attachment.prefix} dev {inside} brd +",
        "link set lo up",
        f"link set {inside} up",
    ]
    if routed:
        lines.append(f"route add default via {attachment.gateway}")
    programs.run("ip", "-batch", "-", text="\n".join(lines) + "\n")


def _set(name: str, value: str) -> None:
    (_SETTINGS / name).write_text(value)


def _bring_up(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh22x", device.encode(), _UP))
