"""Networks of a store, as one service: made and removed, and containers attached to them and detached."""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Self

from sealift.core.document import JSON
from sealift.core.errors import Conflict, Invalid
from sealift.network import claims, devices, elements, files, flows
from sealift.network.addresses import format_address, parse_address
from sealift.network.bridges import Bridges, forwardings, mtu
from sealift.network.catalog import DEFAULT, Catalog
from sealift.network.files import Resolver
from sealift.network.names import Names, available
from sealift.network.ports import PortMapping
from sealift.network.state import State
from sealift.network.values import Attachment, Network
from sealift.store import Store

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_LOCK = "network"
_PATIENT = ("ndots:0", "timeout:1", "attempts:3")
"""Short names are asked for as they are; a question lost while the name server reloads is soon repeated."""


class Networks:
    """Networks of one store. Cheap to open; processes may use it side by side.

    An attachment's record is written before anything of it is made, and removed after everything of it is
    gone: who is killed in between leaves what `sweep` or the next `detach` finds and removes.
    """

    def __init__(self, store: Store) -> None:
        root = os.path.realpath(store.root)
        self._store = store
        self._state = State(store.root)
        self._catalog = Catalog(store.directory("networks"), root)
        self._bridges = Bridges(root, self._catalog, self._state)
        self._names = Names(self._state.names, store.directory("locks"))

    @classmethod
    def open(cls, store: Store) -> Self:
        return cls(store)

    # -- networks

    def create(
        self,
        name: str,
        *,
        subnet: str = "",
        gateway: str = "",
        internal: bool = False,
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        mtu: int = 0,
    ) -> Network:
        """A new network: `Conflict` where its name or subnet is taken, `Invalid` for what cannot be.

        Without a subnet, one that the host does not use is chosen. An `internal` one has no way out.
        """
        with self._store.lock(_LOCK):
            return self._catalog.add(
                name,
                subnet=subnet,
                gateway=gateway,
                internal=internal,
                labels=labels,
                options=options,
                mtu=mtu,
            )

    def find(self, name: str) -> Network:
        """The network of this name, ID or unique prefix of an ID, or `NotFound`. The default one is made."""
        if name in (DEFAULT, "default"):
            return self._default()
        return self._catalog.find(name)

    def all(self) -> list[Network]:
        """Every network, by name, the default one among them."""
        self._default()
        return self._catalog.all()

    def remove(self, name: str) -> Network:
        """Remove a network: `Conflict` while containers are attached, `Denied` for the default one."""
        with self._store.lock(_LOCK):
            network = self._catalog.find(name)
            users = [other for other in self._state.attachments() if other.network_id == network.id]
            if users:
                named = ", ".join(sorted(_title(user) for user in users))
                raise Conflict(
                    f"the network {network.name} is in use by {named}", fix=f"sealift stop {_title(users[0])}"
                )
            self._catalog.remove(network)
            bridge = self._state.up().get(network.id)
            if bridge:
                self._bridges.take_down(network.id, bridge)
            return network

    def device(self, network: Network) -> str:
        """The name of the network's bridge on the host, whether it is up or not."""
        return self._bridges.name(network.name)

    def inspect(self, name: str) -> dict[str, JSON]:
        """Everything about a network, in the shape of docker's API."""
        from sealift.network import inspecting

        network = self.find(name)
        return inspecting.inspect(network, self.device(network), self.attachments(network))

    # -- containers

    def attach(
        self,
        network: str,
        container: str,
        *,
        names: Sequence[str] = (),
        aliases: Sequence[str] = (),
        ports: Sequence[PortMapping] = (),
        hostname: str = "",
        address: str = "",
        resolver: Resolver | None = None,
    ) -> Attachment:
        """Make a network namespace for the container (its ID) and connect it; all of it, or nothing.

        It is found by its `names` and `aliases` and by its short ID; the first name is what errors call it.
        `hostname` goes into its hosts file. `address` is one it must have. `resolver` holds what the user
        said of name servers, search domains and options; what is left out comes from the host. The caller
        counts the container among those alive for `sweep` before this, and until after `detach`.
        """
        if not _ID.fullmatch(container):
            raise Invalid(f"not a container's ID: {container[:80]!r}")
        _need_root()
        if self._state.record(container).exists():
            self.detach(container)
        known = files.check_names((*names, *aliases, container[:12]))
        wanted = files.check_resolver(resolver or Resolver())
        hostnames = files.check_names((hostname, *names[:1]))
        with ExitStack() as held:
            with self._store.lock(_LOCK):
                found = self._up(network)
                attachment = self._plan(found, container, address)._replace(
                    names=known, servers=wanted.servers
                )
                attachment = _with_files(attachment, wanted, hostnames, served=available())
                attachment = self._reserve(attachment, ports, held)
            try:
                self._connect(found, attachment)
            except BaseException:
                self._disconnect(attachment, at_once=True)
                raise
            return attachment

    def detach(self, container: str) -> None:
        """Undo `attach`, as far as there is anything to undo."""
        with self._state.holding(container) as attachment:
            if attachment is not None:
                self._disconnect(attachment)

    def attachment(self, container: str) -> Attachment | None:
        """How the container is attached now; None where it is not."""
        return self._state.attachment(container)

    def attachments(self, network: Network | None = None) -> list[Attachment]:
        """All attachments, or those to one network."""
        found = self._state.attachments()
        return [other for other in found if network is None or other.network_id == network.id]

    # -- after accidents

    def sweep(self, alive: Collection[str] | Callable[[], Collection[str]]) -> None:
        """Detach every container whose ID is not among these, and put right what was taken from the others:
        a bridge removed, rules flushed, a name server killed. Cheap where nothing is wrong.

        A function is asked after the attachments are known, so that none made meanwhile is mistaken.
        """
        self._state.drop_earlier_boots()
        containers = self._state.containers()
        known = {*(alive() if callable(alive) else alive), *self._build_steps()}
        for container in containers:
            if container not in known:
                with self._state.holding(container, wait=False) as attachment:
                    if attachment is not None:
                        self._disconnect(attachment)
        if self._state.has_stray_leases():
            with self._store.lock(_LOCK):
                self._state.drop_stray_leases()
        if any(container in known for container in containers):
            self._heal()

    def down(self) -> None:
        """Take everything of this store off the host, attached containers included. The networks stay known,
        and come up again when they are next used.
        """
        for container in self._state.containers():
            self.detach(container)
        with self._store.lock(_LOCK):
            self._names.end()
            for network_id, bridge in self._state.up().items():
                self._bridges.take_down(network_id, bridge)

    # -- inside

    def _build_steps(self) -> list[str]:
        """The steps of builds: on no list of containers, but attached while their directory is there."""
        try:
            return [path.name for path in (self._store.root / "build/work").iterdir()]
        except FileNotFoundError:
            return []

    def _default(self) -> Network:
        found = self._catalog.named(DEFAULT)
        if found is None:
            with self._store.lock(_LOCK):
                found = self._catalog.default()
        return found

    def _up(self, name: str) -> Network:
        """The network, up. The store's lock is held."""
        found = self._catalog.default() if name in (DEFAULT, "default") else self._catalog.find(name)
        return found if self._bridges.ready(found) else self._bridges.bring_up(found)

    def _plan(self, network: Network, container: str, address: str) -> Attachment:
        """The attachment as it will be, its address taken."""
        leased = self._state.lease(network, container, address)
        return Attachment(
            container=container,
            network=network.name,
            network_id=network.id,
            netns=str(self._state.netns / container),
            device=f"slv{os.urandom(5).hex()}",
            address=leased,
            prefix=network.subnet.prefix,
            gateway=format_address(network.gateway),
            mac=devices.hardware_address(parse_address(leased)),
        )

    def _reserve(self, attachment: Attachment, ports: Sequence[PortMapping], held: ExitStack) -> Attachment:
        """Claim the ports and write the record, which `held` keeps. Whoever claims ports sees all claims."""
        try:
            with claims.host_lock() if ports else nullcontext():
                attachment = attachment._replace(ports=claims.resolve(ports) if ports else ())
                held.enter_context(self._state.writing(attachment))
                if ports:
                    record = str(self._state.record(attachment.container))
                    claims.write(
                        attachment.ports, claims.Owner(attachment.container, _title(attachment), record)
                    )
        except BaseException:
            self._state.give_up(attachment)
            self._state.record(attachment.container).unlink(missing_ok=True)
            raise
        return attachment

    def _connect(self, network: Network, attachment: Attachment) -> None:
        bridge = self._bridges.name(network.name)
        namespace = devices.make_namespace(attachment, mtu(network), routed=not network.internal)
        try:
            if available():
                self._names.join(bridge, attachment)
        finally:
            namespace.finish()
        devices.join(bridge, attachment.device)
        try:
            if attachment.ports:
                elements.add(self._bridges.table, forwardings((attachment,)))
            elif not elements.table_exists(self._bridges.table):
                self._renew_rules()
        except OSError:
            # The table is gone, or holds an element of an attachment that is not. The record says the rest.
            self._renew_rules()
        flows.forget(attachment.ports)

    def _disconnect(self, attachment: Attachment, *, at_once: bool = False) -> None:
        """Undo everything, in any state of it; the record is held. The kernel frees the devices a moment
        after the namespace, unless they are to be gone `at_once`.
        """
        self._names.leave(self._bridges.name(attachment.network), attachment.container)
        devices.remove_namespace(Path(attachment.netns))
        if at_once:
            devices.remove(attachment.device)
        record = self._state.record(attachment.container)
        with self._store.lock(_LOCK):  # else rules being renewed could bring back what is deleted here
            if attachment.ports:
                elements.delete(self._bridges.table, forwardings((attachment,)))
                flows.forget(attachment.ports)
                claims.release(attachment.ports, str(record))
            self._state.give_up(attachment)
            record.unlink(missing_ok=True)

    def _renew_rules(self) -> None:
        with self._store.lock(_LOCK):
            self._bridges.renew_rules()

    def _heal(self) -> None:
        used = {attachment.network_id for attachment in self._state.attachments()}
        for network in self._catalog.all():
            if network.id in used and not self._bridges.ready(network):
                with self._store.lock(_LOCK):
                    self._up(network.name)
        if not elements.table_exists(self._bridges.table):
            self._renew_rules()
        self._names.heal()


def _with_files(
    attachment: Attachment, wanted: Resolver, hostnames: Sequence[str], *, served: bool
) -> Attachment:
    outside = files.outside_resolver()
    servers = (attachment.gateway,) if served else wanted.servers or outside.servers
    resolver = Resolver(
        servers, wanted.search or outside.search, (*(_PATIENT if served else ()), *wanted.options)
    )
    return attachment._replace(
        resolv_conf=str(resolver), hosts=files.hosts([(attachment.address, hostnames)])
    )


def _title(attachment: Attachment) -> str:
    return attachment.names[0] if attachment.names else attachment.container[:12]


def _need_root() -> None:
    if os.geteuid() != 0:
        from sealift.core.errors import Denied

        raise Denied("bridge networks need root", fix="sudo sealift …, or --network host or none")
