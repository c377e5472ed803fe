"""Claims on ports of the host: who is told what when one is taken, and that nothing is left behind."""

import os
import socket
from pathlib import Path

import pytest

from fixtures_network import HOST, ask, plugged, run, serving
from sealift.core.errors import Conflict, Invalid
from sealift.network import Networks, PortMapping, claims, parse_port
from sealift.network.ports import EVERY_ADDRESS
from sealift.store import Store

pytestmark = pytest.mark.root
A, B = "a" * 64, "b" * 64


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def test_a_port_of_another_container_is_refused_with_its_name(networks: Networks) -> None:
    port = free_port()
    networks.attach("bridge", A, names=("web",), ports=parse_port(f"{port}:80"))
    before = plugged(networks)
    with pytest.raises(Conflict, match=rf"127.0.0.1:{port}/tcp is already allocated: container web has it"):
        networks.attach("bridge", B, names=("api",), ports=parse_port(f"127.0.0.1:{port}:81"))
    assert plugged(networks) == before
    assert networks.attachment(B) is None
    networks.detach(A)
    networks.attach("bridge", B, names=("api",), ports=parse_port(f"127.0.0.1:{port}:81"))


def test_a_port_of_another_store_is_refused(networks: Networks, tmp_path: Path) -> None:
    port = free_port()
    strange = Networks.open(Store.open(tmp_path / "strange"))
    try:
        strange.attach("bridge", A, names=("theirs",), ports=parse_port(f"{port}:80"))
        with pytest.raises(Conflict, match="container theirs has it"):
            networks.attach("bridge", B, ports=parse_port(f"{port}:80"))
    finally:
        strange.down()
    networks.attach("bridge", B, ports=parse_port(f"{port}:80"))


@pytest.mark.parametrize("address", ["127.0.0.1", EVERY_ADDRESS])
def test_a_port_a_process_listens_on_is_refused_naming_it(networks: Networks, address: str) -> None:
    port = free_port()
    with (
        serving(HOST, port, address=address),
        pytest.raises(Conflict, match=rf"already allocated: the process {os.getpid()} \(.*{address}"),
    ):
        networks.attach("bridge", A, ports=parse_port(f"{port}:80"))
    assert networks.attachment(A) is None
    networks.attach("bridge", A, ports=parse_port(f"{port}:80"))


def test_a_port_taken_over_ipv6_is_refused(networks: Networks) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(Conflict, match=rf"process {os.getpid()}.*\[::\]:{port}"):
            networks.attach("bridge", A, ports=parse_port(f"{port}:80"))


def test_tcp_and_udp_of_a_number_are_two_ports(networks: Networks) -> None:
    port = free_port()
    networks.attach("bridge", A, ports=parse_port(f"{port}:80"))
    made = networks.attach("bridge", B, ports=parse_port(f"{port}:80/udp"))
    assert made.ports == (PortMapping(80, port, "udp"),)


def test_publishing_a_port_twice_is_refused_and_saying_it_twice_is_not(networks: Networks) -> None:
    port = free_port()
    with pytest.raises(Conflict, match="publishes it twice"):
        networks.attach("bridge", A, ports=[*parse_port(f"{port}:80"), *parse_port(f"{port}:81")])
    made = networks.attach("bridge", A, ports=[*parse_port(f"{port}:80"), *parse_port(f"{port}:80")])
    assert len(made.ports) == 1


def test_an_address_the_host_has_not_is_refused(networks: Networks) -> None:
    with pytest.raises(Invalid, match=r"no address 203\.0\.113\.9"):
        networks.attach("bridge", A, ports=parse_port("203.0.113.9:8080:80"))
    with pytest.raises(Invalid, match=r"no address 203\.0\.113\.9"):
        networks.attach("bridge", A, ports=parse_port("203.0.113.9::80"))


def test_any_free_port_is_a_different_one_for_each(networks: Networks) -> None:
    made = networks.attach("bridge", A, ports=[*parse_port("80"), *parse_port("81"), *parse_port("82/udp")])
    numbers = [port.host_port for port in made.ports]
    assert all(numbers)
    assert len({(port.host_port, port.protocol) for port in made.ports}) == 3


def test_a_claim_whose_owner_is_gone_counts_for_nothing(networks: Networks, tmp_path: Path) -> None:
    port = free_port()
    mapping = PortMapping(80, port)
    with claims.host_lock():
        claims.write((mapping,), claims.Owner(B, "dead", str(tmp_path / "nowhere")))
    try:
        networks.attach("bridge", A, ports=(mapping,))
    finally:
        networks.detach(A)
    assert not (claims.HOST / "ports" / f"tcp-{port}-0.0.0.0").exists()


def test_port_53_can_be_published_beside_our_own_name_servers(networks: Networks) -> None:
    first = networks.attach("bridge", A)
    try:
        made = networks.attach("bridge", B, ports=parse_port("53:53/udp"))
    except Conflict as error:
        assert "the process" in error.message, error.message
        pytest.skip("another name server runs on this host")
    with serving(made, 53, protocol="udp"):
        assert ask(HOST, "127.0.0.1", 53, protocol="udp").startswith("hello")
        assert not ask(first, first.gateway, 53, protocol="udp", seconds=0.5).startswith("hello")


def test_a_range_of_many_ports_is_published_and_given_up(networks: Networks) -> None:
    texts = "20000-21499:20000-21499"
    made = networks.attach("bridge", A, ports=parse_port(texts))
    assert len(made.ports) == 1500
    with serving(made, 21499):
        assert ask(HOST, "127.0.0.1", 21499).startswith("hello")
    networks.detach(A)
    shown = run("nft", "list", "map", "ip", networks._bridges.table, "everywhere")
    assert "21499" not in shown
    networks.attach("bridge", B, ports=parse_port(texts))
