"""What users write about containers, as values: names, signals, mounts, policies, and how images join in."""

import pytest

from sealift.container import names, parsing, resolve, signals
from sealift.container.record import Record
from sealift.container.spec import ContainerSpec, LogOptions, MountSpec, RestartPolicy, SecuritySpec
from sealift.container.times import rfc3339
from sealift.container.values import MountPoint
from sealift.core.config import Healthcheck, ImageConfig
from sealift.core.digest import Digest
from sealift.core.errors import Corrupt, Invalid
from sealift.core.platform import Platform
from sealift.network.ports import PortMapping
from sealift.runtime import Device, Resources, Rlimit

IMAGE = ImageConfig(
    platform=Platform("linux", "amd64"),
    env=("PATH=/image", "A=1", "B=2"),
    entrypoint=("serve",),
    cmd=("--port", "80"),
    user="app",
    working_dir="/srv",
    exposed_ports=("80/tcp", "53/udp"),
    volumes=("/data",),
    labels=(("who", "image"), ("only", "image")),
    stop_signal="SIGINT",
    healthcheck=Healthcheck(("CMD", "check"), interval=5, retries=7),
)


@pytest.mark.parametrize("name", ["ab", "a-b", "A.b_c-9", "0a", "x" * 255])
def test_good_names(name: str) -> None:
    assert names.check(name) == name
    assert names.check("/" + name) == name


@pytest.mark.parametrize("name", ["a", "-ab", "a b", "a/b", "..", "ä1", "ab\n", "", "x" * 256, "//ab"])
def test_bad_names(name: str) -> None:
    with pytest.raises(Invalid, match="invalid container name"):
        names.check(name)


def test_made_up_names_are_names_and_differ() -> None:
    made = {names.make_up(attempt) for attempt in range(60)}
    assert len(made) > 50
    assert all(names.check(name) == name for name in made)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TERM", 15),
        ("SIGKILL", 9),
        ("usr1", 10),
        ("2", 2),
        ("sigRTMIN+3", 37),
        ("RTMAX", 64),
        ("RTMAX-1", 63),
    ],
)
def test_signals(text: str, number: int) -> None:
    assert signals.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "0", "65", "-1", "NOPE", "SIG", "RTMIN+99", "RTMIN3", "9999999", "_DFL"]
)
def test_bad_signals(text: str) -> None:
    with pytest.raises(Invalid, match="invalid signal"):
        signals.parse(text)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("no", ("no", 0)),
        ("always", ("always", 0)),
        ("on-failure:5", ("on-failure", 5)),
        ("on-failure", ("on-failure", 0)),
    ],
)
def test_restart_policies(text: str, policy: tuple[str, int]) -> None:
    assert RestartPolicy.parse(text) == policy
    assert str(RestartPolicy.parse(text)) == text


@pytest.mark.parametrize("text", ["", "never", "always:3", "on-failure:", "on-failure:-1", "on-failure:x"])
def test_bad_restart_policies(text: str) -> None:
    with pytest.raises(Invalid, match="invalid restart policy"):
        RestartPolicy.parse(text)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/host:/in", MountSpec("bind", "/in", "/host", make_source=True)),
        ("./here:/in:ro", MountSpec("bind", "/in", "/cwd/here", True, make_source=True)),
        ("../up:/in", MountSpec("bind", "/in", "/up", make_source=True)),
        ("/h:/in:rw,rshared,z", MountSpec("bind", "/in", "/h", False, ("rshared",), True)),
        ("vol:/in", MountSpec("volume", "/in", "vol")),
        ("vol:/in/../x//y/:ro,nocopy", MountSpec("volume", "/x/y", "vol", True, copy=False)),
        ("/in", MountSpec("volume", "/in")),
    ],
)
def test_volumes_as_docker_writes_them(text: str, mount: MountSpec) -> None:
    assert parsing.parse_volume(text, "/cwd") == mount


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":/in",
        "a:b",
        "a:/in:nope",
        "a:/in:ro:x",
        "vol:/",
        "v ol:/in",
        "vol:/in:rshared",
        "/a:/..",
    ],
)
def test_bad_volumes(text: str) -> None:
    with pytest.raises(Invalid, match=r"invalid (volume|mount)"):
        parsing.parse_volume(text)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("type=bind,source=/a,target=/b", MountSpec("bind", "/b", "/a")),
        (
            "type=bind,src=/a/,dst=/b,readonly,bind-propagation=rslave",
            MountSpec("bind", "/b", "/a", True, ("rslave",)),
        ),
        ("source=vol,destination=/b,volume-nocopy", MountSpec("volume", "/b", "vol", copy=False)),
        ("type=volume,target=/b,ro=false", MountSpec("volume", "/b")),
        (
            "type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=700",
            MountSpec("tmpfs", "/b", "", False, ("size=64m", "mode=700")),
        ),
    ],
)
def test_mounts_as_docker_writes_them(text: str, mount: MountSpec) -> None:
    assert parsing.parse_mount(text) == mount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type=bind",
        "type=bind,target=/b",
        "type=bind,source=a,target=/b",
        "type=nfs,target=/b",
        "what=x,target=/b",
        "target=/b,target=/c",
        "type=tmpfs,source=x,target=/b",
        "target=/b,readonly=maybe",
        "target=b",
    ],
)
def test_bad_mounts(text: str) -> None:
    with pytest.raises(Invalid, match="invalid mount"):
        parsing.parse_mount(text)


def test_tmpfs_options() -> None:
    assert parsing.parse_tmpfs("/run:size=1m,ro") == MountSpec("tmpfs", "/run", "", True, ("size=1m", "ro"))


def test_devices_need_to_be_devices() -> None:
    (device,) = parsing.parse_device("/dev/null:/dev/nothing:rw")
    assert (device.path, device.kind, device.major, device.minor, device.access) == (
        "/dev/nothing",
        "c",
        1,
        3,
        "rw",
    )
    assert parsing.parse_device("/dev/zero:r")[0].access == "r"
    for text in ("dev/null", "/dev/null:/x:rwx", "/dev/null:/x:", "/dev/null:a:b:c", ""):
        with pytest.raises(Invalid):
            parsing.parse_device(text)


def merged(**members: object) -> ContainerSpec:
    return resolve.merge(ContainerSpec("i")._replace(**members), IMAGE)  # type: ignore[arg-type]


def test_image_fills_what_is_left_open() -> None:
    spec = merged()
    assert (spec.entrypoint, spec.command) == (("serve",), ("--port", "80"))
    assert (spec.user, spec.working_dir, spec.stop_signal) == ("app", "/srv", "SIGINT")
    assert spec.exposed_ports == ("80/tcp", "53/udp")


def test_command_and_entrypoint_replace_as_in_docker() -> None:
    assert merged(command=("x",))[1:3] == (("x",), ("serve",))
    assert merged(entrypoint=("e",))[1:3] == ((), ("e",))
    assert merged(entrypoint=("e",), command=("x",))[1:3] == (("x",), ("e",))
    assert merged(entrypoint=(), command=("x",))[1:3] == (("x",), ())


def test_variables_and_labels_are_merged_by_name() -> None:
    spec = merged(env=("A=9", "B", "C=3"), labels=(("who", "user"),))
    assert spec.env == ("PATH=/image", "A=9", "C=3")
    assert dict(spec.labels) == {"who": "user", "only": "image"}
    with pytest.raises(Invalid):
        merged(env=("=x",))
    with pytest.raises(Invalid):
        merged(env=("A=\0",))


def test_health_check_is_merged_member_by_member() -> None:
    own = Healthcheck((), interval=9)
    assert merged(healthcheck=own).healthcheck == Healthcheck(("CMD", "check"), interval=9, retries=7)
    assert merged(healthcheck=Healthcheck(("NONE",))).healthcheck is None
    assert resolve.healthcheck(own, None) is None


def test_all_exposed_ports_are_published_when_asked_for() -> None:
    spec = merged(publish_all=True, ports=(PortMapping(80, 8080),), exposed_ports=("9000",))
    assert spec.ports == (PortMapping(80, 8080), PortMapping(53, 0, "udp"), PortMapping(9000, 0))


def test_image_volumes_are_covered_by_own_mounts() -> None:
    spec = merged(mounts=(MountSpec("bind", "/data", "/host"),))
    assert resolve.mount_points(spec, IMAGE) == (MountPoint("bind", "/host", "/data"),)
    (anonymous,) = resolve.mount_points(merged(), IMAGE)
    assert (anonymous.kind, anonymous.target, len(anonymous.name)) == ("volume", "/data", 64)


@pytest.mark.parametrize("target", ["relative", "/", "/..", "/../..", ""])
def test_image_volume_that_leads_nowhere_is_refused(target: str) -> None:
    with pytest.raises(Invalid):
        resolve.mount_points(merged(), IMAGE._replace(volumes=(target,)))


@pytest.mark.parametrize(
    "members",
    [
        {"entrypoint": (), "command": ()},
        {"auto_remove": True, "restart": RestartPolicy("always")},
        {"working_dir": "here"},
        {"stop_signal": "NOPE"},
        {"mounts": (MountSpec("tmpfs", "/a"), MountSpec("volume", "/a"))},
        {"network": "none", "ports": (PortMapping(80),)},
        {"network": "host", "network_aliases": ("x",)},
        {"network": "container:x", "hostname": "y"},
    ],
)
def test_contradictions_are_refused(members: dict[str, object]) -> None:
    whole = merged()._replace(**members)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        resolve.check(whole)


def test_record_is_read_as_it_was_written() -> None:
    spec = merged(
        name="x", ports=(PortMapping(80, 1),), mounts=(MountSpec("tmpfs", "/t", options=("size=1m",)),),
        resources=Resources(memory=5), restart=RestartPolicy("on-failure", 2), log=LogOptions(max_size=7),
        security=SecuritySpec(cap_add=("SYS_PTRACE",)), ulimits=(Rlimit("nofile", 1, 2),),
        devices=(Device("/dev/null", "c", 1, 3),), extra_hosts=(("a", "1.2.3.4"),), sysctls=(("k", "v"),),
    )  # fmt: skip
    digest = Digest.of(b"x")
    record = Record("f" * 64, "x", 5, digest, (digest,), spec, (MountPoint("tmpfs", "", "/t"),), ("/bin/sh",))
    assert Record.decode(record.encode(), "it") == record


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 99}', b"null", b"\xff"])
def test_damaged_record_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt):
        Record.decode(data, "container.json")


def test_times_as_docker_prints_them() -> None:
    assert rfc3339(0) == "0001-01-01T00:00:00Z"
    assert rfc3339(1_500_000_000) == "1970-01-01T00:00:01.5Z"
    assert rfc3339(1_500_000_000, digits=0) == "1970-01-01T00:00:01Z"
