"""A network in the shape of docker's `GET /networks/{id}`."""

from collections.abc import Sequence

from sealift.core.document import JSON
from sealift.network.addresses import format_address
from sealift.network.values import Attachment, Network


def inspect(network: Network, bridge: str, attachments: Sequence[Attachment]) -> dict[str, JSON]:
    """Everything about the network, with the containers that are attached to it now."""
    from datetime import UTC, datetime

    seconds, rest = divmod(network.created, 10**9)
    made = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    options: dict[str, JSON] = dict(network.options)
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": f"{made}.{rest:09}Z",
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default",
            "Options": None,
            "Config": [{"Subnet": str(network.subnet), "Gateway": format_address(network.gateway)}],
        },
        "Internal": network.internal,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {attachment.container: _endpoint(attachment) for attachment in attachments},
        "Options": options | {"com.docker.network.bridge.name": bridge},
        "Labels": dict(network.labels),
    }


def _endpoint(attachment: Attachment) -> dict[str, JSON]:
    return {
        "Name": attachment.names[0] if attachment.names else attachment.container[:12],
        "EndpointID": attachment.device,
        "MacAddress": attachment.mac,
        "IPv4Address": f"{attachment.address}/{attachment.prefix}",
        "IPv6Address": "",
    }
