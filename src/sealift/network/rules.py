"""The store's nftables table, as text for `nft -f -`: always all of it, in one transaction.

What is in it and why is told in docs/architecture/06-network.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sealift.network import programs
from sealift.network.addresses import format_address
from sealift.network.elements import BOUND, EVERYWHERE, Forwarding
from sealift.network.values import Network

_CHAINS = """
 chain guard {
  type filter hook prerouting priority raw
  iifname @bridges ip daddr 127.0.0.0/8 drop
  iifname @bridges ip saddr 127.0.0.0/8 drop
 }
 chain prerouting {
  type nat hook prerouting priority dstnat
  ip daddr 127.0.0.0/8 return
  jump published
 }
 chain output {
  type nat hook output priority -100
  jump published
 }
 chain published {
  ip daddr @gateways th dport 53 return
  fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @bound
  fib daddr type local dnat ip to meta l4proto . th dport map @everywhere
 }
 chain postrouting {
  type nat hook postrouting priority srcnat
  oifname @bridges ip saddr 127.0.0.0/8 masquerade
  ip saddr @subnets oifname @bridges ct status dnat masquerade
  ip saddr @subnets oifname != @bridges ip daddr != 224.0.0.0/4 masquerade
 }
 chain forward {
  type filter hook forward priority filter
  iifname @internal iifname . oifname != @same drop
  oifname @bridges jump inbound
 }
 chain inbound {
  ct state established,related accept
  iifname . oifname @same accept
  oifname @internal drop
  ct status dnat accept
  drop
 }
 chain answers {
  type filter hook output priority filter
  oifname @bridges icmp type destination-unreachable @th,136,8 17 @th,240,16 53 drop
 }
"""


class Member(NamedTuple):
    """A network that is up, and the bridge it is."""

    network: Network
    bridge: str


def replace(table: str, members: Sequence[Member], forwardings: Sequence[Forwarding]) -> None:
    """Put the table as it has to be, whatever was there."""
    # Made empty first, so that there is something to delete: all of it happens at once.
    before = f"table ip {table}\ndelete table ip {table}\n"
    programs.run("nft", "-f", "-", text=before + text(table, members, forwardings))


def remove(table: str) -> None:
    """Take the table away, if it is there."""
    programs.run("nft", "-f", "-", text=f"table ip {table}\ndelete table ip {table}\n")


def text(table: str, members: Sequence[Member], forwardings: Sequence[Forwarding]) -> str:
    """The table: sets and maps with their elements, then the chains."""
    bridges = [f'"{bridge}"' for _, bridge in members]
    inside = [f'"{bridge}"' for network, bridge in members if network.internal]
    outward = [str(network.subnet) for network, _ in members if not network.internal]
    parts = (
        _set("set bridges", "ifname", bridges),
        _set("set internal", "ifname", inside),
        _set("set same", "ifname . ifname", [f"{bridge} . {bridge}" for bridge in bridges]),
        _set("set gateways", "ipv4_addr", [format_address(network.gateway) for network, _ in members]),
        _set("set subnets", "ipv4_addr; flags interval", outward),
        _map(EVERYWHERE, "inet_proto . inet_service", forwardings),
        _map(BOUND, "ipv4_addr . inet_proto . inet_service", forwardings),
    )
    return f"table ip {table} {{\n{''.join(parts)}{_CHAINS}}}\n"


def _set(name: str, kind: str, elements: Sequence[str]) -> str:
    content = f"; elements = {{ {', '.join(elements)} }}" if elements else ""
    return f" {name} {{ type {kind}{content}; }}\n"


def _map(name: str, kind: str, forwardings: Sequence[Forwarding]) -> str:
    elements = []
    for port, address in forwardings:
        bound = f"{port.host_address} . " if name == BOUND else ""
        if Forwarding(port, address).map == name:
            target = f"{address} . {port.container_port}"
            elements.append(f"{bound}{port.protocol} . {port.host_port} : {target}")
    return _set(f"map {name}", f"{kind} : ipv4_addr . inet_service", elements)
