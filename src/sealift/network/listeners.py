"""Which processes of the host listen on a port: read from /proc when a port turns out to be taken."""

import os
from collections.abc import Iterator
from pathlib import Path

from sealift.network.addresses import format_address
from sealift.network.ports import EVERY_ADDRESS, PortMapping

_LISTENING = {"tcp": "0A", "udp": "07"}
_BRIDGE = "sl"


def holders(port: PortMapping) -> list[str] | None:
    """Who keeps this port from being published, in words. Empty where only our own name servers listen, on
    the bridges' addresses, which a publication leaves alone; None where it cannot be told.
    """
    found = list(_sockets(port))
    if not found:
        return None
    gateways = _bridge_addresses()
    others = [(address, inode) for address, inode in found if address not in gateways]
    return [f"{_process(inode)} has it, on {address}:{port.host_port}" for address, inode in others]


def _sockets(port: PortMapping) -> Iterator[tuple[str, str]]:
    """Address and inode of each socket in the way."""
    for table in (port.protocol, f"{port.protocol}6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if int(number, 16) == port.host_port and fields[3] == _LISTENING[port.protocol]:
                shown = _address(address)
                if EVERY_ADDRESS in (shown, port.host_address) or shown in ("[::]", port.host_address):
                    yield shown, fields[9]


def _address(text: str) -> str:
    """An address as /proc has it: words in the machine's order of bytes."""
    if len(text) == 8:
        return format_address(int.from_bytes(bytes.fromhex(text)[::-1], "big"))
    words = [text[start : start + 8] for start in range(0, 32, 8)]
    if words[:2] == ["00000000"] * 2 and words[2].upper() == "FFFF0000":
        return _address(words[3])
    return "[::]" if not int(text, 16) else "[an IPv6 address]"


def _bridge_addresses() -> frozenset[str]:
    import json

    from sealift.network import programs

    devices = json.loads(programs.run("ip", "-4", "-json", "address", "show") or "[]")
    return frozenset(
        info["local"]
        for device in devices
        if device.get("ifname", "").startswith(_BRIDGE)
        for info in device.get("addr_info", ())
    )


def _process(inode: str) -> str:
    wanted = f"socket:[{inode}]"
    for pid in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208
        try:
            for descriptor in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208
                if os.readlink(f"/proc/{pid}/fd/{descriptor}") == wanted:  # noqa: PTH115
                    name = Path(f"/proc/{pid}/comm").read_text().strip()
                    return f"the process {pid} ({name})"
        except OSError:  # it ended meanwhile, or is not ours to look into
            continue
    return "another process"
