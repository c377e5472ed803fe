"""docker's texts for published and exposed ports."""

import pytest

from sealift.core.errors import Invalid
from sealift.network import PortMapping, parse_exposed, parse_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", ["0.0.0.0:0->80/tcp"]),
        ("8080:80", ["0.0.0.0:8080->80/tcp"]),
        ("8080:80/UDP", ["0.0.0.0:8080->80/udp"]),
        ("127.0.0.1:8080:80/udp", ["127.0.0.1:8080->80/udp"]),
        ("127.0.0.1::80", ["127.0.0.1:0->80/tcp"]),
        ("8000-8002:9000-9002", [f"0.0.0.0:{8000 + n}->{9000 + n}/tcp" for n in range(3)]),
        ("80-81", ["0.0.0.0:0->80/tcp", "0.0.0.0:0->81/tcp"]),
        ("65535:1", ["0.0.0.0:65535->1/tcp"]),
    ],
)
def test_a_port_is_read_as_docker_reads_it(text: str, expected: list[str]) -> None:
    assert [str(port) for port in parse_port(text)] == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a port"),
        (":", "is not a port"),
        ("0:80", "is not a port"),
        ("80:0", "is not a port"),
        ("65536:80", "is not a port"),
        ("080000:80", "is not a port"),
        ("٨٠:80", "is not a port"),
        ("-1:80", "is not a port"),
        ("80:80/sctp", "not tcp or udp"),
        ("80/", "not tcp or udp"),
        ("[::1]:80:80", "IPv6"),
        ("::1:80:80", "IPv6"),
        ("localhost:80:80", "not an IPv4 address"),
        ("1.2.3.256:80:80", "not an IPv4 address"),
        ("01.2.3.4:80:80", "not an IPv4 address"),
        ("9-8:9-8", "backwards"),
        ("8000-8001:80", "2 host ports"),
        ("80:8000-8001", "1 host ports"),
    ],
)
def test_a_port_that_cannot_be_is_refused_saying_why(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        parse_port(text)
    assert "-p 8080:80" in caught.value.fix


def test_exposed_ports_may_be_ranges() -> None:
    assert parse_exposed("53/udp") == ((53, "udp"),)
    assert parse_exposed("80-82") == ((80, "tcp"), (81, "tcp"), (82, "tcp"))
    with pytest.raises(Invalid):
        parse_exposed("http")


def test_ports_overlap_where_both_want_one_port_of_an_address() -> None:
    everywhere, here = PortMapping(80, 8080), PortMapping(81, 8080, "tcp", "127.0.0.1")
    assert everywhere.overlaps(here)
    assert here.overlaps(everywhere)
    assert not here.overlaps(PortMapping(80, 8080, "tcp", "10.0.0.1"))
    assert not here.overlaps(PortMapping(80, 8080, "udp", "127.0.0.1"))
    assert not here.overlaps(PortMapping(80, 8081, "tcp", "127.0.0.1"))
