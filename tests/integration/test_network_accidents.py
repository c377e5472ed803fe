"""Accidents: killed at any moment, rules flushed, devices removed, the machine started anew."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures_network import HOST, ask, eventually, lookup, plugged, present, run, serving
from sealift.core.errors import Unavailable
from sealift.host.boot import boot_id
from sealift.network import Networks, claims, parse_port
from sealift.store import Store

pytestmark = pytest.mark.root
A, B = "a" * 64, "b" * 64
ATTACHER = """
import sys
from pathlib import Path
from sealift.network import Networks, parse_port
from sealift.store import Store
networks = Networks.open(Store.open(Path(sys.argv[1])))
print("ready", flush=True)
for turn in range(1000):
    container = sys.argv[2] + format(turn, "061x")
    networks.attach("bridge", container, names=("web",), ports=parse_port("80") + parse_port("81/udp"))
    if turn % 2:
        networks.detach(container)
"""


def attacher(store: Path, mark: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen((sys.executable, "-c", ATTACHER, str(store), mark), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def claimed(store: Path) -> set[str]:
    """The ports that containers of this store have; other stores of the machine have theirs."""
    directory = claims.HOST / "ports"
    found = set()
    for path in directory.iterdir() if directory.exists() else ():
        with suppress(FileNotFoundError):  # another's, just given up
            if str(store) in path.read_text():
                found.add(path.name)
    return found


def test_nothing_is_left_of_attachers_killed_at_any_moment(networks: Networks, tmp_path: Path) -> None:
    networks.attach("bridge", A, names=("stays",))
    networks.detach(A)
    ports = claimed(tmp_path / "store")
    chance = random.Random(7)  # noqa: S311 - moments to kill at, not secrets
    for turn in range(8):
        process = attacher(tmp_path / "store", f"{turn:03}")
        time.sleep(chance.uniform(0.005, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        networks.sweep(())
        assert networks.attachments() == []
    assert eventually(lambda: not plugged(networks))
    assert claimed(tmp_path / "store") <= ports
    assert not list((tmp_path / "store/run/netns").iterdir())
    made = networks.attach("bridge", A, names=("web",), ports=parse_port("80"))
    assert lookup(made, "web") == made.address


def test_a_sweep_spares_the_living_and_whom_another_is_attaching(networks: Networks, tmp_path: Path) -> None:
    process = attacher(tmp_path / "store", "fff")
    networks.attach("bridge", A, names=("alive",))
    try:
        for _ in range(30):
            networks.sweep({A})
        assert process.poll() is None, "the attacher was disturbed"
    finally:
        process.kill()
        process.communicate()
    assert networks.attachment(A) is not None
    networks.sweep({A})
    assert [attachment.container for attachment in networks.attachments()] == [A]


def test_many_processes_attach_at_once(networks: Networks, tmp_path: Path) -> None:
    code = ATTACHER.replace("range(1000)", "range(0, 5)").replace("if turn % 2", "if turn < 4")
    processes = [
        subprocess.Popen(
            (sys.executable, "-c", code, str(tmp_path / "store"), f"{number:03}"), stdout=subprocess.DEVNULL
        )
        for number in range(12)
    ]
    assert [process.wait(60) for process in processes] == [0] * 12
    made = networks.attachments()
    assert len(made) == len({attachment.address for attachment in made}) == 12
    assert len({port.host_port for attachment in made for port in attachment.ports}) >= 12
    for attachment in made[:3]:
        with serving(attachment, 80):
            assert ask(HOST, "127.0.0.1", attachment.ports[0].host_port).startswith("hello")


@pytest.mark.parametrize("heal", ["sweep", "attach", "attach with ports"])
def test_flushed_rules_come_back(networks: Networks, heal: str) -> None:
    made = networks.attach("bridge", A, ports=parse_port("80"))
    port = made.ports[0].host_port
    run("nft", "delete", "table", "ip", networks._bridges.table)
    with serving(made, 80):
        assert ask(HOST, "127.0.0.1", port, seconds=0.5) == ""
        if heal == "sweep":
            networks.sweep({A})
        else:
            networks.attach("bridge", B, ports=parse_port("81") if heal.endswith("ports") else ())
        assert ask(HOST, "127.0.0.1", port).startswith("hello")


def test_a_removed_bridge_comes_back_with_its_containers(networks: Networks) -> None:
    made = networks.attach("bridge", A, ports=parse_port("80"), names=("web",))
    run("ip", "link", "delete", networks.device(networks.find("bridge")))
    networks.sweep({A})
    with serving(made, 80):
        assert ask(HOST, "127.0.0.1", made.ports[0].host_port).startswith("hello")
    other = networks.attach("bridge", B)
    assert eventually(lambda: lookup(other, "web", 0.5) == made.address)


def test_after_a_boot_nothing_of_before_is_believed(networks: Networks, tmp_path: Path) -> None:
    networks.attach("bridge", A, names=("web",), ports=parse_port("80"))
    networks.detach(A)
    networks.down()
    state = tmp_path / "store/run/network"
    (state / boot_id()).rename(state / "0123456789abcdef0123456789abcdef")
    (tmp_path / "store/run/netns" / A).touch()
    again = Networks.open(Store.open(tmp_path / "store"))
    again.sweep(())
    assert [path.name for path in state.iterdir()] == [boot_id()]
    made = again.attach("bridge", A, names=("web",))
    assert lookup(made, "web") == made.address
    again.detach(A)


def test_a_failed_attach_leaves_nothing(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.attach("bridge", A)
    networks.detach(A)
    ports = claimed(tmp_path / "store")
    broken = tmp_path / "bin"
    broken.mkdir()
    # `ip` makes the pair of devices and then fails, as it would for lack of memory.
    (broken / "ip").write_text('#!/bin/sh\n/usr/sbin/ip "$@"\nexit 1\n')
    (broken / "ip").chmod(0o755)
    monkeypatch.setattr(
        "sealift.network.programs._DIRECTORIES", (str(broken), "/usr/sbin", "/usr/bin", "/bin")
    )
    with pytest.raises(Unavailable, match="ip failed"):
        networks.attach("bridge", B, names=("web",), ports=parse_port("80"))
    monkeypatch.undo()
    assert eventually(lambda: not plugged(networks))
    assert claimed(tmp_path / "store") <= ports
    assert networks.attachments() == []
    assert not list((tmp_path / "store/run/netns").iterdir())


def test_attaching_again_replaces_what_was_left(networks: Networks) -> None:
    first = networks.attach("bridge", A, ports=parse_port("80"))
    second = networks.attach("bridge", A, ports=parse_port(f"{first.ports[0].host_port}:80"))
    assert networks.attachments() == [second]
    assert eventually(lambda: first.device not in present())


BESIDE_OTHERS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from fixtures_network import ask, run, serving
from sealift.network import Networks, parse_port
from sealift.store import Store
run("ip", "link", "set", "lo", "up")
for rule in sys.argv[3].split(";"):
    run("iptables", *rule.split())
networks = Networks.open(Store.open(Path(sys.argv[1])))
networks.attach("bridge", "a" * 64, names=("web",), ports=parse_port("8080:80"))
networks.attach("bridge", "b" * 64, names=("client",))
web, client = networks.attachment("a" * 64), networks.attachment("b" * 64)
from fixtures_network import lookup
with serving(web, 80):
    assert ask(client, web.address, 80).startswith("hello"), "neighbours"
    assert ask(client, client.gateway, 8080).startswith("hello"), "hairpin"
assert lookup(client, "web") == web.address, "names"
bridge = networks.device(networks.find("bridge"))
assert bridge in run("iptables", "-S")
networks.down()
assert bridge not in run("iptables", "-S"), "rules were left"
print("well")
"""


@pytest.mark.parametrize(
    "rules",
    [
        "-P FORWARD DROP;-N DOCKER-USER;-A DOCKER-USER -j RETURN;-I FORWARD -j DOCKER-USER",
        "-A FORWARD -j REJECT",
        "-P FORWARD DROP;-P INPUT DROP",
    ],
)
def test_containers_are_reached_beside_a_firewall_that_drops(tmp_path: Path, rules: str) -> None:
    """In a machine of its own (a network namespace), for the rules would hit everybody else's containers."""
    inner = 'mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec "$@"'
    done = subprocess.run(
        ("unshare", "--net", "--mount", "sh", "-c", inner, "sh", sys.executable, "-c", BESIDE_OTHERS,
         str(tmp_path / "store"), str(Path(__file__).parent.parent), rules),
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.stdout == "well\n", done.stdout + done.stderr


def test_bridges_of_a_store_that_was_deleted_go_away(networks: Networks, tmp_path: Path) -> None:
    gone = Networks.open(Store.open(tmp_path / "gone"))
    gone.attach("bridge", A, names=("web",))
    gone.detach(A)
    bridge, table = gone.device(gone.find("bridge")), gone._bridges.table
    assert bridge in present()
    shutil.rmtree(tmp_path / "gone")
    networks.attach("bridge", B)
    assert bridge not in present()
    assert table not in run("nft", "list", "tables")
    assert networks.device(networks.find("bridge")) in present()


def test_an_address_taken_by_a_killed_process_is_free_after_a_sweep(networks: Networks) -> None:
    made = networks.attach("bridge", A)
    network = networks.find("bridge")
    stray = networks._state.lease(network, B)
    assert stray != made.address
    networks.sweep({A})
    assert networks._state.lease(network, B, stray) == stray
    assert networks.attachment(A) == made
