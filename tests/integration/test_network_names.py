"""Names on networks: a real name server, asked from inside containers."""

import os
import signal
from pathlib import Path

import pytest

from fixtures_network import eventually, lookup
from sealift.core.errors import Invalid
from sealift.network import Networks, Resolver
from sealift.store import Store

pytestmark = pytest.mark.root
A, B, C = "a" * 64, "b" * 64, "c" * 64


def server(networks: Networks) -> int:
    """The name server's process; 0 where there is none."""
    found = networks._names._server()
    return found or 0


def test_containers_find_each_other_by_name_alias_and_short_id(networks: Networks) -> None:
    first = networks.attach("bridge", A, names=("web",), aliases=("www", "web"))
    second = networks.attach("bridge", B, names=("db",))
    assert lookup(second, "web") == first.address
    assert lookup(second, "www") == first.address
    assert lookup(second, A[:12]) == first.address
    assert lookup(first, "db") == second.address


def test_a_name_goes_with_its_container(networks: Networks) -> None:
    networks.attach("bridge", A, names=("web",))
    second = networks.attach("bridge", B, names=("db",))
    assert lookup(second, "web")
    networks.detach(A)
    assert eventually(lambda: lookup(second, "web", 0.5) == "")


def test_names_stay_within_their_network(networks: Networks) -> None:
    networks.create("other")
    first = networks.attach("bridge", A, names=("web",))
    second = networks.attach("other", B, names=("db",))
    assert lookup(first, "web") == first.address
    assert lookup(first, "db", 1) == ""
    assert lookup(second, "web", 1) == ""


def test_the_server_ends_with_the_last_container_and_comes_again(networks: Networks) -> None:
    networks.attach("bridge", A, names=("web",))
    networks.attach("bridge", B, names=("db",))
    first = server(networks)
    assert first
    networks.detach(A)
    assert server(networks) == first
    networks.detach(B)
    assert server(networks) == 0
    made = networks.attach("bridge", C, names=("late",))
    assert lookup(made, "late") == made.address


def test_a_killed_server_is_started_again(networks: Networks) -> None:
    made = networks.attach("bridge", A, names=("web",))
    for heal in (lambda: networks.sweep({A}), lambda: networks.attach("bridge", B, names=("db",))):
        old = server(networks)
        os.kill(old, signal.SIGKILL)
        assert eventually(lambda: server(networks) == 0)
        heal()
        assert server(networks) not in (0, old)
        assert lookup(made, "web") == made.address


def test_two_stores_have_servers_of_their_own(networks: Networks, tmp_path: Path) -> None:
    strange = Networks.open(Store.open(tmp_path / "strange"))
    try:
        mine = networks.attach("bridge", A, names=("web",))
        theirs = strange.attach("bridge", A, names=("web",))
        assert lookup(mine, "web") == mine.address
        assert lookup(theirs, "web") == theirs.address
        strange.detach(A)
        assert lookup(mine, "web") == mine.address
    finally:
        strange.down()


def test_the_files_of_a_container_say_where_names_are(networks: Networks) -> None:
    wanted = Resolver(servers=("192.0.2.53",), search=("corp.example",), options=("rotate",))
    made = networks.attach("bridge", A, names=("web",), hostname="box", resolver=wanted)
    lines = made.resolv_conf.splitlines()
    assert lines[:2] == ["search corp.example", f"nameserver {made.gateway}"]
    assert lines[2].startswith("options ndots:0")
    assert lines[2].endswith("rotate")
    assert f"{made.address}\tbox web\n" in made.hosts
    assert made.hosts.startswith("127.0.0.1\tlocalhost\n::1\tlocalhost")
    assert networks.attachment(A) == made


@pytest.mark.parametrize("name", ["a b", "a,b", "a\nb", "-a" * 200, "é"])
def test_names_that_would_break_the_configuration_are_refused(networks: Networks, name: str) -> None:
    with pytest.raises(Invalid):
        networks.attach("bridge", A, names=(name,))
    with pytest.raises(Invalid):
        networks.attach("bridge", A, hostname=name)
    with pytest.raises(Invalid):
        networks.attach("bridge", A, resolver=Resolver(servers=(name,)))
    assert networks.attachment(A) is None
