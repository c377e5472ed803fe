"""`sealift network …`, as it is typed."""

import json
from pathlib import Path

import pytest

from fixtures_cli import Program
from sealift.cli.main import main
from sealift.network import Networks
from sealift.store import Store

pytestmark = pytest.mark.root


class Typed:
    """Commands on a store of the test's own, and what they print."""

    def __init__(self, root: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.root, self._capture = root, capture
        self.errors = ""

    def __call__(self, line: str, code: int = 0) -> str:
        self._capture.readouterr()
        assert main(["--root", str(self.root), "network", *line.split()]) == code
        printed = self._capture.readouterr()
        self.errors = printed.err
        return printed.out


@pytest.fixture
def network(networks: Networks, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    assert networks.all()
    return Typed(tmp_path / "store", capsys)


def test_the_default_network_is_listed(network: Typed) -> None:
    lines = network("ls").splitlines()
    assert lines[0].split("  ")[0] == "NETWORK ID"
    assert lines[1].split()[1:4] == ["bridge", "bridge", "local"]


def test_a_network_is_made_found_and_removed(network: Typed) -> None:
    made = network("create --label tier=back --label x app").strip()
    assert len(made) == 64
    assert network("ls -q --no-trunc --filter label=tier=back").split() == [made]
    assert network("ls -q --filter name=nothing") == ""
    assert json.loads(network("ls --format json --filter id=" + made[:9]))["Name"] == "app"
    network("create app", 1)
    assert "already exists" in network.errors
    assert network(f"rm {made[:12]}") == f"{made[:12]}\n"
    network("rm app", 1)
    assert "no such network: app" in network.errors
    assert network("rm -f app") == "app\n"


def test_inspect_has_dockers_shape_and_the_containers(network: Typed) -> None:
    network("create --subnet 10.213.7.0/24 --gateway 10.213.7.9 --internal -o mtu=1400 app")
    made = Networks.open(Store.open(network.root)).attach("app", "a" * 64, names=("web",))
    (shown,) = json.loads(network("inspect app"))
    assert shown["IPAM"]["Config"] == [{"Subnet": "10.213.7.0/24", "Gateway": "10.213.7.9"}]
    assert shown["Internal"] is True
    assert shown["Containers"]["a" * 64]["IPv4Address"] == f"{made.address}/24"
    assert network("inspect -f {{.Name}} app bridge") == "app\nbridge\n"
    network("inspect app nothing", 1)
    assert "no such network: nothing" in network.errors


def test_a_network_in_use_stays(sealift: Program) -> None:
    sealift("network", "create", "app")
    sealift("run", "-d", "--name", "web", "--network", "app", "tiny", "sleep", "1000")
    assert "in use by web" in sealift.fails("network", "rm", "app")
    assert sealift("network", "prune", "-f") == ""
    sealift("rm", "-f", "web")
    assert sealift("network", "prune", "-f") == "Deleted Networks:\napp\n"
    assert "bridge" in sealift("network", "ls")


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        ("create --subnet 10.0.0.0/99 x", 1, "is not a subnet"),
        ("create --subnet 10.213.8.0/24 --gateway 10.213.9.1 x", 1, "is not an address for hosts"),
        ("create --gateway 10.213.9.1 x", 1, "needs the subnet"),
        ("create --subnet 127.0.0.0/24 x", 1, "not one for hosts"),
        ("create -d overlay x", 1, "driver not supported"),
        ("create -o colour=red x", 1, "option not supported"),
        ("create -o mtu=5 x", 1, "not an MTU"),
        ("create host", 1, "not a network"),
        ("create ../x", 1, "invalid network name"),
        ("rm bridge", 1, "cannot be removed"),
        ("ls --filter colour=red", 1, "unknown filter"),
    ],
)
def test_what_cannot_be_is_refused(network: Typed, line: str, code: int, why: str) -> None:
    network(line, code)
    assert why in network.errors


@pytest.mark.parametrize("line", ["create", "create --ipv6 x", "rm", "inspect", "ls --colour"])
def test_wrong_words_are_usage_errors(network: Typed, line: str) -> None:
    network(line, 125)
    assert "--help" in network.errors


def test_a_subnet_of_the_hosts_is_refused(network: Typed) -> None:
    network("create --subnet 10.214.0.0/16 one")
    network("create --subnet 10.214.4.0/24 two", 1)
    assert "overlaps 10.214.0.0/16" in network.errors
