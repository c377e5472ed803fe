"""Bringing a store's networks up and down: the bridge, the rules, the way through others' firewalls."""

import os
from collections.abc import Iterable
from hashlib import sha256

from sealift.core.errors import Conflict
from sealift.network import claims, devices, elements, firewall, registry, rules, subnets
from sealift.network.catalog import Catalog
from sealift.network.elements import Forwarding
from sealift.network.registry import Entry
from sealift.network.rules import Member
from sealift.network.state import State
from sealift.network.values import Attachment, Network


class Bridges:
    """The networks of one store in the kernel. Its names there come from the store's path, so that no two
    stores meet. All but the questions need the store's lock for networks.
    """

    def __init__(self, root: str, catalog: Catalog, state: State) -> None:
        self._root = root
        self._catalog = catalog
        self._state = state
        self.table = f"sealift_{_short(root)}"

    def name(self, network_name: str) -> str:
        """The device of the network of this name."""
        return "sl" + _short(self._root + "\0" + network_name)

    def ready(self, network: Network) -> bool:
        """Whether the network is up, as far as a glance tells."""
        return self._state.is_up(network) and devices.exists(self.name(network.name))

    def bring_up(self, network: Network) -> Network:
        """Make the bridge and the rules, whatever is left of them. A network whose subnet was chosen here
        gets another one where the host uses it by now.
        """
        bridge = self.name(network.name)
        attached = [other for other in self._state.attachments() if other.network_id == network.id]
        try:
            with claims.host_lock():
                registry.remove_orphans()
                devices.remove(bridge)
                network = self._fit(network, movable=not attached)
                mark = self._state.set_up(network, bridge)
                registry.enter(Entry(bridge, self.table, str(mark)))
                devices.forward_packets()
                devices.make_bridge(bridge, network, mtu(network))
            self.renew_rules()
            firewall.let_through(bridge)
        except BaseException:
            self.take_down(network.id, bridge)
            raise
        for attachment in attached:
            if devices.exists(attachment.device):
                devices.join(bridge, attachment.device)
        return network

    def take_down(self, network_id: str, bridge: str) -> None:
        """Remove the bridge and what the rules say of it; the table with the last one."""
        firewall.withdraw(bridge)
        devices.remove(bridge)
        self._state.forget(network_id)
        registry.leave(bridge)
        if self._state.up():
            self.renew_rules()
        elif elements.table_exists(self.table):
            rules.remove(self.table)

    def renew_rules(self) -> None:
        """Put the table as it has to be, from what is written down."""
        up = self._state.up()
        members = [Member(known, up[known.id]) for known in self._catalog.all() if known.id in up]
        rules.replace(self.table, members, forwardings(self._state.attachments()))

    def _fit(self, network: Network, *, movable: bool) -> Network:
        used = subnets.routed()
        other = subnets.clash(network.subnet, used)
        if other is None:
            return network
        if not (network.chosen and movable):
            raise Conflict(
                f"the subnet {network.subnet} of the network {network.name} overlaps {other},"
                " which this host uses by now",
                fix=f"sealift network rm {network.name}, and create it with another --subnet",
            )
        used += [known.subnet for known in self._catalog.all()]
        subnet = self._catalog.choose(network.name, used)
        moved = network._replace(subnet=subnet, gateway=subnet.base + 1)
        self._catalog.write(moved)
        return moved


def forwardings(attachments: Iterable[Attachment]) -> list[Forwarding]:
    """The published ports of these, as the kernel is to know them."""
    return [Forwarding(port, attachment.address) for attachment in attachments for port in attachment.ports]


def mtu(network: Network) -> int:
    """The size of packets on the network, in bytes."""
    return network.mtu or subnets.default_mtu()


def _short(text: str) -> str:
    return sha256(os.fsencode(text)).hexdigest()[:8]
