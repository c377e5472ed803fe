"""Networks: bridges, addresses, published ports, names."""

from sealift.network.files import Resolver, host_resolver, hosts, outside_resolver
from sealift.network.ports import PortMapping, parse_exposed, parse_port
from sealift.network.service import Networks
from sealift.network.values import Attachment, Network

__all__ = [
    "Attachment",
    "Network",
    "Networks",
    "PortMapping",
    "Resolver",
    "host_resolver",
    "hosts",
    "outside_resolver",
    "parse_exposed",
    "parse_port",
]
