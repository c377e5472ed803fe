"""The network of RUN steps: the host's, none, or a bridge, and the files that go with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealift.core.errors import Invalid
from sealift.runtime import HOST_NETWORK, NEW_NETWORK

if TYPE_CHECKING:
    from sealift.network import Networks

NETWORKS = ("default", "none", "host")
LOCALHOST = "127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n"
MAX_RESOLV_CONF = 1 << 16


class Connection(NamedTuple):
    """A step's network as a bundle names it, and what its /etc/hosts and /etc/resolv.conf hold."""

    network: str
    hosts: bytes
    resolv_conf: bytes


class Connections:
    """Connects the steps of one build. Without networks, `default` is the host's network."""

    def __init__(
        self, networks: Callable[[], "Networks"] | None, resolv_conf: Path = Path("/etc/resolv.conf")
    ) -> None:
        self._networks = networks
        self._resolv_conf = resolv_conf

    @contextmanager
    def open(self, network: str, container: str, hosts: Sequence[tuple[str, str]]) -> Iterator[Connection]:
        """The step's connection: `network` is one of NETWORKS; `hosts` are further names with addresses."""
        lines = LOCALHOST + "".join(f"{address}\t{name}\n" for name, address in hosts)
        own = lines.encode()
        if network == "none":
            yield Connection(NEW_NETWORK, own, b"")
        elif network == "host" or self._networks is None:
            yield Connection(HOST_NETWORK, own, self._host_resolv_conf())
        else:
            attachment = self._networks().attach("bridge", container)
            try:
                yield Connection(attachment.netns, own, attachment.resolv_conf.encode())
            finally:
                self._networks().detach(container)

    def forget(self, container: str) -> None:
        """Undo what a step left connected that was killed."""
        if self._networks is not None:
            self._networks().detach(container)

    def _host_resolv_conf(self) -> bytes:
        try:
            with self._resolv_conf.open("rb") as file:
                return file.read(MAX_RESOLV_CONF)
        except OSError:
            return b""


def parse_host(text: str) -> tuple[str, str]:
    """`name:address` (or `name=address`) as `--add-host` takes it: the name and the address."""
    import ipaddress

    name, separator, address = text.partition("=") if "=" in text else text.partition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not separator or not name or any(character.isspace() for character in name):
        raise Invalid(f"invalid --add-host {text[:80]!r}", fix="--add-host NAME:ADDRESS")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Invalid(
            f"invalid --add-host {text[:80]!r}: {address[:40]!r} is no address", fix="--add-host db:10.0.0.5"
        ) from None
    return name, address
