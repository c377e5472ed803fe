"""The runtime's config.json, byte for byte, and what is refused before it is written."""

import json
from pathlib import Path

import pytest

from sealift.core.errors import Denied, Invalid
from sealift.runtime import BundleSpec, Device, Mount, ProcessSpec, Resources, Rlimit, Security, User, bundle
from sealift.runtime.seccomp import Machine

GOLDEN = Path(__file__).parents[1] / "golden"
PROFILE = GOLDEN / "seccomp-small.json"
FACTS = bundle.Facts(
    unified_cgroups=True,
    capabilities=frozenset({"CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"}),
    hard_limits=(("nofile", 4096), ("core", -1)),
    may_raise_limits=False,
    machine=Machine("x86_64", (6, 1), foreign=False),
)
PLAIN = BundleSpec(
    rootfs=Path("/store/rootfs"),
    process=ProcessSpec(("true",)),
    cgroup="/sealift/one",
    security=Security(seccomp=str(PROFILE)),
)
FULL = PLAIN._replace(
    process=ProcessSpec(
        ("serve", "--port", "80"),
        ("A=1",),
        "/srv",
        User(1000, 1000, (44,)),
        True,
        (Rlimit("core", 0, -1),),
        -100,
        (24, 80),
    ),
    hostname="deck",
    network="/run/netns/one",
    mounts=(Mount.tmpfs("/run/b", ("size=1m", "exec")), Mount.bind("/host", "/run", read_only=True)),
    devices=(Device("/dev/fuse", "c", 10, 229),),
    resources=Resources(1 << 20, 0, 2 << 20, 1_500_000_000, 512, 0, 0, "0-1", "", 99),
    security=Security(False, ("CAP_CHOWN", "CAP_NET_ADMIN"), True, str(PROFILE)),
    sysctls=(("net.core.somaxconn", "1024"),),
    read_only=True,
    init="/usr/bin/tini",
    annotations=(("k", "v"),),
)
PRIVILEGED = PLAIN._replace(security=Security(True, ("CAP_CHOWN",)), network="host")


@pytest.mark.parametrize(
    ("name", "spec", "facts"),
    [
        ("plain", PLAIN, FACTS),
        ("full", FULL, FACTS),
        ("cgroups-v1", PLAIN, FACTS._replace(unified_cgroups=False)),
        ("privileged", PRIVILEGED, FACTS._replace(devices=(Device("/dev/kmsg", "c", 1, 11),))),
    ],
)
def test_config_is_as_it_was_agreed(name: str, spec: BundleSpec, facts: bundle.Facts) -> None:
    made = json.loads(json.dumps(bundle.to_json(spec, facts)))
    assert made == json.loads((GOLDEN / f"bundle-{name}.json").read_text())


def test_explicit_limit_above_the_hard_limit_is_denied() -> None:
    process = ProcessSpec(("true",), rlimits=(Rlimit("nofile", 5000, 5000),))
    with pytest.raises(Denied, match="nofile"):
        bundle.to_json(PLAIN._replace(process=process), FACTS)
    bundle.to_json(PLAIN._replace(process=process), FACTS._replace(may_raise_limits=True))


@pytest.mark.parametrize("target", ["relative", "/", "/a/../b", "/proc", "/proc/x", "/a\0b", "//x", "/a/"])
def test_bad_mount_destinations_are_refused(target: str) -> None:
    with pytest.raises(Invalid, match="mount destination"):
        bundle.to_json(PLAIN._replace(mounts=(Mount(target, "/x"),)), FACTS)


@pytest.mark.parametrize("args", [(), ("",)])
def test_no_command_is_refused(args: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="no command"):
        bundle.to_json(PLAIN._replace(process=ProcessSpec(args)), FACTS)


def test_own_mounts_replace_standard_ones_and_parents_come_first() -> None:
    own = (Mount.bind("/b", "/x/y/z"), Mount.bind("/a", "/x"), Mount.tmpfs("/dev/shm"))
    destinations = [mount.destination for mount in bundle.mounts(PLAIN._replace(mounts=own))]
    assert destinations.count("/dev/shm") == 1
    assert destinations.index("/x") < destinations.index("/x/y/z")
