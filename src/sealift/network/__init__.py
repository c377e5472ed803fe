"""Networks: bridges, addresses, published ports, names."""

from typing import TYPE_CHECKING

from sealift.network.ports import PortMapping, parse_exposed, parse_port

if TYPE_CHECKING:
    from sealift.network.files import Resolver, host_resolver, hosts, outside_resolver
    from sealift.network.service import Networks
    from sealift.network.values import Attachment, Network
else:
    _HOME = {
        "Attachment": "values",
        "Network": "values",
        "Networks": "service",
        "Resolver": "files",
        "host_resolver": "files",
        "hosts": "files",
        "outside_resolver": "files",
    }

    def __getattr__(name: str) -> object:
        """Loaded when first asked for: a listing of containers needs the values of ports only."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


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
