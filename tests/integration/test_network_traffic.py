"""Packets: who reaches whom, through real namespaces, devices and rules."""

import json
import socket
from pathlib import Path

import pytest

from fixtures_network import HOST, HOST_SIDE, NEXT_DOOR, ask, enter, eventually, run, serving, throw
from sealift.network import Attachment, Networks, parse_port
from sealift.network.subnets import default_mtu
from sealift.store import Store

pytestmark = pytest.mark.root
A, B = "a" * 64, "b" * 64


def published(networks: Networks, *texts: str, container: str = A, network: str = "bridge") -> Attachment:
    ports = [port for text in texts for port in parse_port(text)]
    return networks.attach(network, container, names=(f"n{container[0]}",), ports=ports)


def test_a_container_reaches_its_gateway_and_its_neighbour(networks: Networks) -> None:
    first, second = published(networks), published(networks, container=B)
    with serving(HOST, 18001, address=first.gateway), serving(second, 80):
        assert ask(first, first.gateway, 18001) == f"hello {first.address}"
        assert ask(first, second.address, 80) == f"hello {first.address}"


def test_the_namespace_is_as_a_container_expects_it(networks: Networks) -> None:
    made = published(networks)
    shown = enter(made, lambda: run("ip", "-o", "address", "show"))
    assert f"inet {made.address}/{made.prefix}" in shown
    assert "inet 127.0.0.1/8" in shown
    assert "inet6 fe80" not in shown
    link = enter(made, lambda: run("ip", "-o", "link", "show", "eth0"))
    assert f"mtu {default_mtu()}" in link
    assert made.mac in link
    assert f"default via {made.gateway}" in enter(made, lambda: run("ip", "route"))
    assert enter(made, lambda: Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) == "0\n"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_published_port_is_reached_from_everywhere(
    networks: Networks, next_door: Path, protocol: str
) -> None:
    made = published(networks, f"80/{protocol}")
    other = published(networks, container=B)
    port = made.ports[0].host_port
    with serving(made, 80, protocol=protocol):
        answers = {
            "the host's loopback": ask(HOST, "127.0.0.1", port, protocol=protocol),
            "the host, by its address": ask(HOST, HOST_SIDE, port, protocol=protocol),
            "another machine": ask(next_door, HOST_SIDE, port, protocol=protocol),
            "a neighbour, by the host's address": ask(other, HOST_SIDE, port, protocol=protocol),
            "a neighbour, by the gateway": ask(other, made.gateway, port, protocol=protocol),
            "itself, by the host's address": ask(made, HOST_SIDE, port, protocol=protocol),
        }
    assert {who for who, answer in answers.items() if not answer.startswith("hello")} == set()
    assert answers["another machine"] == f"hello {NEXT_DOOR}", "the client's address is kept"
    networks.detach(A)
    assert ask(HOST, "127.0.0.1", port, protocol=protocol, seconds=0.5) == ""


def test_a_port_of_one_address_is_reached_there_only(networks: Networks, next_door: Path) -> None:
    loopback = published(networks, "127.0.0.1::80")
    outside = published(networks, f"{HOST_SIDE}::80", container=B)
    with serving(loopback, 80, word="loop"), serving(outside, 80, word="out"):
        inner, outer = loopback.ports[0].host_port, outside.ports[0].host_port
        assert ask(HOST, "127.0.0.1", inner).startswith("loop")
        assert ask(next_door, HOST_SIDE, inner, seconds=0.5) == ""
        assert ask(next_door, HOST_SIDE, outer).startswith("out")
        assert ask(HOST, "127.0.0.1", outer, seconds=0.5) == ""


def test_ranges_of_ports_lead_one_by_one(networks: Networks) -> None:
    made = published(networks, "18100-18102:90-92")
    for offset in range(3):
        with serving(made, 90 + offset, word=f"port{offset}"):
            assert ask(HOST, "127.0.0.1", 18100 + offset).startswith(f"port{offset}")


def test_outbound_packets_carry_the_hosts_address(networks: Networks, next_door: Path) -> None:
    made = published(networks)
    with serving(next_door, 18002), serving(next_door, 18002, protocol="udp"):
        assert ask(made, NEXT_DOOR, 18002) == f"hello {HOST_SIDE}"
        assert ask(made, NEXT_DOOR, 18002, protocol="udp") == f"hello {HOST_SIDE}"


def test_what_is_not_published_is_not_reached_from_outside(networks: Networks, next_door: Path) -> None:
    made = published(networks, "80")
    with serving(made, 81):
        assert ask(next_door, made.address, 81, seconds=0.5) == ""
        assert ask(next_door, HOST_SIDE, 81, seconds=0.5) == ""
        assert ask(HOST, made.address, 81).startswith("hello"), "the host itself reaches its containers"


def test_networks_do_not_reach_each_other_but_through_published_ports(
    networks: Networks, tmp_path: Path
) -> None:
    networks.create("other")
    strange = Networks.open(Store.open(tmp_path / "strange"))
    here = published(networks)
    there = published(networks, "80", container=B, network="other")
    try:
        far = published(strange, "80")
        with serving(there, 80, word="there"), serving(far, 80, word="far"):
            assert ask(here, there.address, 80, seconds=0.5) == ""
            assert ask(here, far.address, 80, seconds=0.5) == ""
            assert ask(here, here.gateway, there.ports[0].host_port).startswith("there")
            assert ask(here, here.gateway, far.ports[0].host_port).startswith("far")
    finally:
        strange.down()


def test_an_internal_network_has_no_way_out_or_in(networks: Networks, next_door: Path) -> None:
    networks.create("inside", internal=True)
    first = published(networks, network="inside")
    second = published(networks, "80", container=B, network="inside")
    outer = published(networks, container="c" * 64)

    def force() -> str:
        return run("ip", "route", "add", "default", "via", first.gateway)

    enter(first, force)
    with serving(next_door, 18003), serving(second, 80), serving(outer, 80):
        assert ask(first, second.address, 80).startswith("hello")
        assert ask(first, NEXT_DOOR, 18003, seconds=0.5) == ""
        assert ask(first, outer.address, 80, seconds=0.5) == ""
        assert ask(next_door, HOST_SIDE, second.ports[0].host_port, seconds=0.5) == ""


def heard(server: socket.socket) -> bytes:
    """What arrives at a UDP socket within a moment."""
    server.settimeout(0.3)
    try:
        return server.recv(100)
    except TimeoutError:
        return b""


def test_a_container_does_not_reach_the_hosts_loopback(networks: Networks) -> None:
    made = published(networks)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert ask(made, made.gateway, 1, seconds=0.3) == "", "this only makes the neighbour known"
        throw(made, "eth0", made.address, "127.0.0.1", port)
        assert heard(server) == b""
        throw(made, "eth0", "127.0.0.1", made.gateway, port)
        assert heard(server) == b""


def test_a_port_of_the_loopback_is_not_reached_by_a_forged_packet(
    networks: Networks, next_door: Path
) -> None:
    made = published(networks, "127.0.0.1::80/udp")
    port = made.ports[0].host_port
    device = next(name for name in enter(next_door, devices) if name not in ("lo", "ifb0", "ifb1"))
    server = enter(made, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server:
        server.bind(("", 80))
        assert ask(HOST, "127.0.0.1", port, protocol="udp", seconds=0.2) == ""
        assert heard(server) == b"?"
        ask(next_door, HOST_SIDE, 1, seconds=0.3)
        throw(next_door, device, NEXT_DOOR, "127.0.0.1", port)
        assert heard(server) == b""


def devices() -> list[str]:
    return [link["ifname"] for link in json.loads(run("ip", "-json", "link", "show"))]


def test_a_client_that_keeps_asking_over_udp_follows_the_port(networks: Networks) -> None:
    port = published(networks, "80/udp").ports[0].host_port
    networks.detach(A)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:

        def answer() -> bytes:
            client.sendto(b"?", ("127.0.0.1", port))
            return heard(client)

        assert answer() == b"", "before there is a container"
        first = published(networks, f"{port}:80/udp")
        with serving(first, 80, protocol="udp", word="first"):
            assert answer().startswith(b"first")
        networks.detach(A)
        assert answer() == b""
        second = published(networks, f"{port}:80/udp", container=B)
        with serving(second, 80, protocol="udp", word="second"):
            assert answer().startswith(b"second")


def test_the_gateway_keeps_its_hardware_address_when_containers_come_and_go(networks: Networks) -> None:
    networks.attach("bridge", A)
    bridge = Path(f"/sys/class/net/{networks.device(networks.find('bridge'))}")
    before = (bridge / "address").read_text()
    for number in range(4):
        networks.attach("bridge", f"{number:064}")
    networks.detach(A)
    for number in range(4):
        networks.detach(f"{number:064}")
    assert eventually(lambda: not list((bridge / "brif").iterdir()))
    assert (bridge / "address").read_text() == before
