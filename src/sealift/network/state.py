"""What a store knows about its networks in this boot: attachments, addresses in use, which bridges are up.

It lies in a directory named by the boot, so that nothing of it is believed after the next one. It need not be
durable, only whole: files are renamed into place, not synced.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sealift.core.errors import Corrupt, Invalid, Unavailable
from sealift.host.boot import boot_id
from sealift.network.addresses import format_address, parse_address
from sealift.network.values import Attachment, Network


class State:
    """The volatile side of a store's networks."""

    def __init__(self, root: Path) -> None:
        self._all = root / "run" / "network"
        self.path = self._all / boot_id()
        self.records = self.path / "attached"
        self.names = self.path / "names"
        self._up = self.path / "up"
        self._leases = self.path / "addresses"
        self.netns = root / "run" / "netns"
        if not self._leases.is_dir():
            for directory in (self.records, self.names, self._up, self._leases, self.netns):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    # -- attachments

    def record(self, container: str) -> Path:
        return self.records / container

    @contextmanager
    def writing(self, attachment: Attachment) -> Iterator[None]:
        """Write the record and hold it for as long as the context lasts: nobody detaches meanwhile."""
        path = self.record(attachment.container)
        temporary = self.path / f"new-{os.urandom(6).hex()}"
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(descriptor, attachment.encode())
            temporary.rename(path)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def holding(self, container: str, *, wait: bool = True) -> Iterator[Attachment | None]:
        """Hold the record and give what it says; None where there is none, or where another holds it and
        this is not to `wait`.
        """
        path = self.record(container)
        while True:
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                yield None
                return
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield None
                    return
                if os.fstat(descriptor).st_nlink:  # else it was removed, and perhaps written anew
                    yield _decoded(descriptor, path)
                    return
            finally:
                os.close(descriptor)

    def attachment(self, container: str) -> Attachment | None:
        """What is known of this container, without waiting for anybody."""
        try:
            return _decode(self.record(container).read_bytes(), self.record(container))
        except FileNotFoundError:
            return None

    def attachments(self) -> list[Attachment]:
        found = (self.attachment(name) for name in sorted(self.containers()))
        return [attachment for attachment in found if attachment is not None]

    def containers(self) -> list[str]:
        """The IDs of all containers that have a record."""
        return os.listdir(self.records)  # noqa: PTH208 - asked on the way of every `ps`

    # -- addresses

    def lease(self, network: Network, container: str, wanted: str = "") -> str:
        """An address of the network that nobody has, `wanted` if there is one. The store's lock is held."""
        directory = self._leases / network.id
        directory.mkdir(mode=0o700, exist_ok=True)
        used = set(os.listdir(directory))  # noqa: PTH208
        if wanted:
            number = parse_address(wanted)
            if not network.subnet.holds(number) or number == network.gateway:
                raise Invalid(f"{wanted} is no address for containers of {network.name} ({network.subnet})")
            if wanted in used:
                raise Invalid(f"the address {wanted} is in use on {network.name}", fix="choose another --ip")
            address = wanted
        else:
            address = self._free(network, directory, used)
        (directory / address).write_text(container)
        return address

    def _free(self, network: Network, directory: Path, used: set[str]) -> str:
        """The next one after that given last, so that one just given up rests for as long as possible."""
        last = directory / "last"
        try:
            start = parse_address(last.read_text())
        except (FileNotFoundError, ValueError, Invalid):
            start = network.gateway
        for number in network.subnet.after(start):
            address = format_address(number)
            if number != network.gateway and address not in used:
                last.write_text(address)
                return address
        raise Unavailable(
            f"the network {network.name} has no free address left ({network.subnet})",
            fix="stop containers, or use a network with a larger --subnet",
        )

    def give_up(self, attachment: Attachment) -> None:
        """The address may be used again."""
        path = self._leases / attachment.network_id / attachment.address
        with suppress(FileNotFoundError):
            if path.read_text() == attachment.container:
                path.unlink()

    # -- bridges

    def is_up(self, network: Network) -> bool:
        return (self._up / network.id).exists()

    def up(self) -> dict[str, str]:
        """The bridges that are up, by their networks' IDs."""
        return {path.name: path.read_text() for path in self._up.iterdir()}

    def set_up(self, network: Network, bridge: str) -> Path:
        """Write down that the bridge is about to be there, to be removed whatever happens: the mark."""
        mark = self._up / network.id
        mark.write_text(bridge)
        return mark

    def forget(self, network_id: str) -> None:
        """The network is gone, or down."""
        import shutil

        shutil.rmtree(self._leases / network_id, ignore_errors=True)
        (self._up / network_id).unlink(missing_ok=True)

    def drop_earlier_boots(self) -> None:
        """Remove what earlier boots have left."""
        for name in os.listdir(self._all):  # noqa: PTH208
            if name != self.path.name:
                import shutil

                shutil.rmtree(self._all / name, ignore_errors=True)

    def drop_stray_leases(self) -> None:
        """Free addresses whose taker was killed before it wrote its record. The store's lock is held."""
        for path in self._taken():
            if not self.record(path.read_text()).exists():
                path.unlink()

    def has_stray_leases(self) -> bool:
        """Whether more addresses are taken than there are attachments."""
        return len(self._taken()) > len(self.containers())

    def _taken(self) -> list[Path]:
        """One file for each address in use."""
        found = [path for directory in self._leases.iterdir() for path in directory.iterdir()]
        return [path for path in found if path.name != "last"]


def _decoded(descriptor: int, path: Path) -> Attachment:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return _decode(file.read(), path)


def _decode(data: bytes, path: Path) -> Attachment:
    try:
        return Attachment.decode(data, str(path))
    except (Invalid, ValueError) as error:
        raise Corrupt(
            f"what is written down of a container's network is damaged: {error}",
            fix=f"rm {path}; sealift rm -f {path.name[:12]}",
        ) from error
