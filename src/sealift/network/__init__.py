"""Networks: bridges, addresses, published ports, names."""

from sealift.network.ports import PortMapping, parse_exposed, parse_port

__all__ = ["PortMapping", "parse_exposed", "parse_port"]
