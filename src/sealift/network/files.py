"""A container's /etc/hosts and /etc/resolv.conf, as texts."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sealift.core.errors import Invalid

HOST_RESOLV_CONF = Path("/etc/resolv.conf")
_BEHIND_STUB = Path("/run/systemd/resolve/resolv.conf")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})", re.ASCII)
_HEAD = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


class Resolver(NamedTuple):
    """Where names are asked for: servers' addresses, domains to search, options, as in resolv.conf(5)."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"nameserver {server}" for server in self.servers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)


def hosts(entries: Iterable[tuple[str, Sequence[str]]] = ()) -> str:
    """The content of /etc/hosts: the loopback names, then each address with its names."""
    lines = (f"{address}\t{' '.join(names)}\n" for address, names in entries if names)
    return _HEAD + "".join(lines)


def host_resolver() -> Resolver:
    """The host's own resolver, as it is, for a container that shares its network."""
    return parse_resolver(_read(HOST_RESOLV_CONF))


def outside_resolver() -> Resolver:
    """The host's resolver, as one that a container can reach: a server on the host's loopback is replaced by
    those behind it, where systemd-resolved tells them.
    """
    resolver = host_resolver()
    servers = _reachable(resolver.servers)
    if not servers:
        servers = _reachable(parse_resolver(_read(_BEHIND_STUB)).servers)
    return resolver._replace(servers=servers)


def parse_resolver(text: str) -> Resolver:
    """resolv.conf(5). Lines that say nothing of interest are passed over; the last `search` counts."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = words[1:]
        elif words[0] == "options":
            options += words[1:]
    return Resolver(tuple(servers), tuple(search), tuple(options))


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, in order. `Invalid` for one that no name server or hosts file takes."""
    found = tuple(dict.fromkeys(name for name in names if name))
    for name in found:
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name[:80]!r} is not a name a container can be found by",
                fix="letters, digits, '.', '_', '-'",
            )
    return found


def check_resolver(resolver: Resolver) -> Resolver:
    """The resolver, if it can be written down as it is. `Invalid` names what cannot."""
    import socket

    for server in resolver.servers:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        try:
            socket.inet_pton(family, server)
        except (OSError, ValueError) as error:
            raise Invalid(
                f"{server[:80]!r} is not a name server's address", fix="--dns 192.0.2.53"
            ) from error
    for word in (*resolver.search, *resolver.options):
        if not word.isascii() or not word.isprintable() or " " in word or not word:
            raise Invalid(f"{word[:80]!r} cannot stand in resolv.conf")
    return resolver


def _reachable(servers: Sequence[str]) -> tuple[str, ...]:
    return tuple(server for server in servers if not server.startswith("127.") and server != "::1")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
