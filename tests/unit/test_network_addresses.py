"""Addresses, subnets, and the choice of one that nothing else uses."""

import ipaddress
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sealift.core.errors import Invalid, Unavailable
from sealift.network import subnets
from sealift.network.addresses import Subnet, format_address, parse_address


@given(some.integers(0, 2**32 - 1))
def test_addresses_read_and_written_are_those_of_the_standard_library(number: int) -> None:
    text = str(ipaddress.IPv4Address(number))
    assert format_address(number) == text
    assert parse_address(text) == number


@given(some.text(alphabet="0123456789./ x\n", max_size=18))
def test_no_text_is_an_address_that_the_standard_library_refuses(text: str) -> None:
    try:
        expected = int(ipaddress.IPv4Address(text))
    except ValueError:
        with pytest.raises(Invalid):
            parse_address(text)
    else:
        assert parse_address(text) == expected


@given(some.integers(0, 2**32 - 1), some.integers(1, 32), some.integers(0, 2**32 - 1), some.integers(1, 32))
def test_subnets_overlap_as_those_of_the_standard_library(a: int, p: int, b: int, q: int) -> None:
    first, second = ipaddress.ip_network((a, p), strict=False), ipaddress.ip_network((b, q), strict=False)
    assert Subnet.parse(str(first)).overlaps(Subnet.parse(str(second))) == first.overlaps(second)


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/24", "x/8", "10.0.0.0/²"])
def test_what_is_no_subnet_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Subnet.parse(text)


def test_addresses_go_round_and_leave_out_the_first_and_the_last() -> None:
    subnet = Subnet.parse("10.0.0.0/29")
    found = [format_address(number) for number in subnet.after(parse_address("10.0.0.4"))]
    assert found == [f"10.0.0.{last}" for last in (5, 6, 1, 2, 3, 4)]


def test_a_chosen_subnet_overlaps_nothing_in_use() -> None:
    used = [Subnet.parse("10.0.0.0/8"), Subnet.parse("172.16.0.0/12"), Subnet.parse("192.168.128.0/18")]
    for seed in range(50):
        chosen = subnets.choose(str(seed), used)
        assert str(chosen).startswith("192.168.")
        assert subnets.clash(chosen, used) is None


def test_two_stores_rarely_choose_the_same_subnet() -> None:
    assert len({subnets.choose(f"/store/{number}", ()) for number in range(20)}) > 15


def test_no_subnet_left_is_said() -> None:
    with pytest.raises(Unavailable, match="every subnet"):
        subnets.choose("", [Subnet.parse("0.0.0.0/0")])


@pytest.mark.parametrize("text", ["10.0.0.0/30", "127.0.0.0/24", "224.1.0.0/24", "0.0.0.0/8", "8.0.0.0/6"])
def test_subnets_that_are_not_for_hosts_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        subnets.check(Subnet.parse(text))


def test_the_first_addresses_given_follow_the_gateway() -> None:
    subnet = Subnet.parse("10.0.0.0/24")
    assert list(islice(subnet.after(subnet.base + 1), 2)) == [subnet.base + 2, subnet.base + 3]
