"""What the flags of `run` and `create` mean."""

from pathlib import Path

import pytest

from sealift.cli import run
from sealift.cli.arguments import Parser, UsageError
from sealift.cli.run_flags import REFUSED
from sealift.cli.run_spec import container_spec
from sealift.container import ContainerSpec, LogOptions, MountSpec, RestartPolicy, SecuritySpec
from sealift.core.config import Healthcheck
from sealift.core.errors import Invalid, NotFound
from sealift.core.platform import Platform
from sealift.network import PortMapping
from sealift.runtime.spec import Resources, Rlimit

OURS = {"HOME": "/home/me", "TOKEN": "s3cret=="}


def spec(*words: str) -> ContainerSpec:
    """The spec of `sealift run WORDS image`."""
    return spec_of([*words, "image"])


def spec_of(words: list[str]) -> ContainerSpec:
    parser = Parser(prog="sealift run")
    run.configure(parser)
    return container_spec(parser.parse_args(words), OURS)


def test_an_image_alone_takes_every_default() -> None:
    assert spec() == ContainerSpec("image")


def test_words_after_the_image_are_the_command() -> None:
    found = spec_of(["--rm", "-it", "image", "sh", "-c", "exit 3", "--rm", "-p", "80"])
    assert found.command == ("sh", "-c", "exit 3", "--rm", "-p", "80")
    assert (found.auto_remove, found.interactive, found.terminal, found.ports) == (True, True, True, ())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--entrypoint", "sh"], {"entrypoint": ("sh",)}),
        (["--entrypoint="], {"entrypoint": ()}),
        (["--entrypoint", ""], {"entrypoint": ()}),
        (["--name", "web", "-h", "host", "-w", "/srv", "-u", "1000:100"],
         {"name": "web", "hostname": "host", "working_dir": "/srv", "user": "1000:100"}),
        (["-l", "a", "-l", "b=c=d", "--label=a=2"], {"labels": (("a", "2"), ("b", "c=d"))}),
        (["-p8000:80", "-p", "127.0.0.1:53:53/udp"],
         {"ports": (PortMapping(80, 8000), PortMapping(53, 53, "udp", "127.0.0.1"))}),
        (["-p", "8000-8001:80-81"], {"ports": (PortMapping(80, 8000), PortMapping(81, 8001))}),
        (["-P", "--expose", "80-81", "--expose", "53/udp"],
         {"publish_all": True, "exposed_ports": ("80/tcp", "81/tcp", "53/udp")}),
        (["-m", "1.5g", "--memory-swap", "-1"],
         {"resources": Resources(memory=3 << 29, memory_swap=-1)}),
        (["--memory=512M", "--memory-swap=1GiB", "--memory-reservation", "128kb"],
         {"resources": Resources(memory=512 << 20, memory_swap=1 << 30, memory_reservation=128 << 10)}),
        (["--cpus", ".5", "-c", "512", "--cpuset-cpus", "0-1", "--pids-limit", "100"],
         {"resources": Resources(nano_cpus=500_000_000, cpu_shares=512, cpuset_cpus="0-1", pids=100)}),
        (["--pids-limit", "-1", "--cpu-period", "50000", "--cpu-quota", "25000"],
         {"resources": Resources(cpu_period=50000, cpu_quota=25000)}),
        (["--ulimit", "nofile=1024:2048", "--ulimit", "core=-1"],
         {"ulimits": (Rlimit("nofile", 1024, 2048), Rlimit("core", -1, -1))}),
        (["--restart", "on-failure:5"], {"restart": RestartPolicy("on-failure", 5)}),
        (["--cap-add", "NET_ADMIN", "--cap-drop=ALL", "--security-opt", "no-new-privileges"],
         {"security": SecuritySpec(cap_add=("NET_ADMIN",), cap_drop=("ALL",), no_new_privileges=True)}),
        (["--privileged", "--security-opt", "seccomp=unconfined", "--security-opt=label:disable"],
         {"security": SecuritySpec(privileged=True, seccomp="unconfined")}),
        (["--security-opt", "seccomp:/etc/profile.json", "--security-opt", "no-new-privileges:false"],
         {"security": SecuritySpec(seccomp="/etc/profile.json")}),
        (["--health-cmd", "curl -f localhost", "--health-interval", "1m30s", "--health-retries=5"],
         {"healthcheck": Healthcheck(("CMD-SHELL", "curl -f localhost"), interval=90 * 10**9, retries=5)}),
        (["--health-timeout", "500ms"], {"healthcheck": Healthcheck((), timeout=500 * 10**6)}),
        (["--no-healthcheck"], {"healthcheck": Healthcheck(("NONE",))}),
        (["--network", "none"], {"network": "none"}),
        (["--net=default"], {"network": "bridge"}),
        (["--network", "mine", "--network-alias", "db", "--network-alias", "db2"],
         {"network": "mine", "network_aliases": ("db", "db2")}),
        (["--add-host", "db:10.0.0.2", "--add-host", "me=host-gateway", "--add-host", "six:[::1]"],
         {"extra_hosts": (("db", "10.0.0.2"), ("me", "host-gateway"), ("six", "::1"))}),
        (["--dns", "10.0.0.1", "--dns-search", "lan", "--dns-opt", "ndots:1"],
         {"dns": ("10.0.0.1",), "dns_search": ("lan",), "dns_options": ("ndots:1",)}),
        (["-v", "data:/data", "-v", "/etc:/host:ro,z", "--tmpfs", "/run:size=64m"],
         {"mounts": (
             MountSpec("volume", "/data", "data"),
             MountSpec("bind", "/host", "/etc", read_only=True, make_source=True),
             MountSpec("tmpfs", "/run", options=("size=64m",)),
         )}),
        (["--mount", "type=bind,src=/etc,dst=/host,readonly"],
         {"mounts": (MountSpec("bind", "/host", "/etc", read_only=True),)}),
        (["--read-only", "--init", "--shm-size", "1g", "--stop-signal", "INT", "--stop-timeout", "3"],
         {"read_only": True, "init": True, "shm_size": 1 << 30, "stop_signal": "INT", "stop_timeout": 3}),
        (["--sysctl", "net.ipv4.ip_forward=1", "--oom-score-adj", "-500", "--group-add", "video"],
         {"sysctls": (("net.ipv4.ip_forward", "1"),), "oom_score_adj": -500, "group_add": ("video",)}),
        (["--log-driver", "none"], {"log": LogOptions("none")}),
        (["--log-opt", "max-size=10m", "--log-opt", "max-file=3"],
         {"log": LogOptions(max_size=10 << 20, max_files=3)}),
        (["--platform", str(Platform.of_machine()), "--pull=never", "-q"], {}),
    ],
)  # fmt: skip
def test_flags_say_what_the_container_is(words: list[str], expected: dict[str, object]) -> None:
    assert spec(*words) == ContainerSpec("image")._replace(**expected)  # type: ignore[arg-type]


def test_device_nodes_are_those_of_the_host() -> None:
    (device,) = spec("--device", "/dev/null:/dev/nothing:r").devices
    assert (device.path, device.major, device.minor, device.access) == ("/dev/nothing", 1, 3, "r")


def test_environment_comes_from_files_then_flags_and_from_ours(tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_text('\ufeff# comment\n\nA=1 2 \n  B=#x\nHOME\nUNSET\nQUOTED="q"\r\n')
    found = spec("-e", "A=3", "--env-file", str(file), "-e", "TOKEN", "-e", "MISSING", "-e=EMPTY=")
    assert found.env == (
        "A=1 2 ", "B=#x", "HOME=/home/me", 'QUOTED="q"', "A=3", "TOKEN=s3cret==", "MISSING", "EMPTY=",
    )  # fmt: skip


def test_labels_come_from_files_then_flags(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    file.write_text("a=file\nb\n")
    assert spec("--label-file", str(file), "-l", "a=flag").labels == (("a", "flag"), ("b", ""))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A B=c\n", "contains blanks"),
        (b"=c\n", "no name"),
        (b"A=\xff\n", "is not UTF-8: byte 2"),
    ],
)
def test_malformed_environment_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "variables"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=message) as caught:
        spec("--env-file", str(file))
    assert str(file) in caught.value.message


def test_missing_environment_file_is_named() -> None:
    with pytest.raises(NotFound, match="no such file: /missing/file"):
        spec("--env-file", "/missing/file")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--memory", "lots"], "argument -m/--memory: invalid size"),
        (["--memory", "9999999999p"], "argument -m/--memory: size out of range"),
        (["--memory", "-5"], "argument -m/--memory: invalid size"),
        (["--cpus", "1,5"], "invalid number of CPUs: '1,5'"),
        (["--cpus", "."], "invalid number of CPUs"),
        (["--cpu-period", "5"], "between 1000"),
        (["--cpu-shares", "-1"], "must not be negative"),
        (["--pids-limit", "many"], "not a whole number: 'many'"),
        (["--ulimit", "files=3"], "invalid ulimit: 'files=3'"),
        (["--restart", "sometimes"], "invalid restart policy: 'sometimes'"),
        (["--health-interval", "1us"], "must be at least 1ms"),
        (["--health-interval", "soon"], "invalid duration 'soon'"),
        (["--oom-score-adj", "1001"], "between -1000 and 1000"),
        (["--platform", "windows/amd64"], "not windows/amd64"),
        (["--pull", "always"], "'always' is not supported"),
        (["--sysctl", "kernel.x"], "not NAME=value"),
        (["-a", "stdlog"], "stdin, stdout or stderr"),
        (["--gpus", "all"], "--gpus is not supported"),
        (["--volumes-from=x"], "--volumes-from is not supported: name each volume with -v"),
        (["--memroy", "1g"], "unknown flag: --memroy\n  did you mean: --memory?"),
    ],
)
def test_wrong_values_are_usage_errors(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec(*words)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rm", "--restart", "always"], "--rm and --restart contradict each other"),
        (["--cpus", "1", "--cpu-quota", "1000"], "--cpus is a quota by itself"),
        (["-m", "1g", "--memory-swap", "512m"], "cannot be less than --memory"),
        (["--memory-swap", "512m"], "needs --memory"),
        (["-m", "1m"], "below the least"),
        (["--health-cmd", "true", "--no-healthcheck"], "contradict each other"),
        (["--network", "a", "--network", "b"], "a container has one network, not 2: a, b"),
        (["--network", "name=a,ip=10.0.0.2"], "invalid network"),
        (["--add-host", "db"], "invalid host: 'db'"),
        (["--add-host", "db:somewhere"], "invalid host"),
        (["--dns", "example"], "not an IP address"),
        (["--expose", "http"], "invalid port 'http'"),
        (["-p", "80:80:80:80"], "invalid port '80:80:80:80'"),
        (["-v", "relative path/x:/y:z:q"], "invalid volume"),
        (["-v", "a:/x", "--tmpfs", "/x/"], "duplicate mount point: /x"),
        (["-e", "=x"], "invalid environment variable"),
        (["-l", "=x"], "invalid label"),
        (["--security-opt", "apparmor=mine"], "security option not supported: 'apparmor=mine'"),
        (["--log-driver", "syslog"], "log driver not supported: 'syslog'"),
        (["--log-opt", "tag=x"], "log option not supported: 'tag'"),
        (["--log-opt", "max-size=big"], "--log-opt max-size: invalid size"),
    ],
)
def test_contradictions_and_malformed_texts_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        spec(*words)
    assert message in str(caught.value)


def test_every_flag_of_docker_is_taken_or_refused_with_a_reason() -> None:
    parser = Parser(prog="sealift run")
    run.configure(parser)
    known = {name for action in parser._actions for name in action.option_strings} | REFUSED.keys()
    assert not [flag for flag in DOCKER_RUN_FLAGS if flag not in known]


# `docker run --help` of 28.2
DOCKER_RUN_FLAGS = [
    "--add-host", "--annotation", "-a", "--attach", "--blkio-weight", "--blkio-weight-device", "--cap-add",
    "--cap-drop", "--cgroup-parent", "--cgroupns", "--cidfile", "--cpu-count", "--cpu-percent",
    "--cpu-period", "--cpu-quota", "--cpu-rt-period", "--cpu-rt-runtime", "-c", "--cpu-shares", "--cpus",
    "--cpuset-cpus", "--cpuset-mems", "-d", "--detach", "--detach-keys", "--device", "--device-cgroup-rule",
    "--device-read-bps", "--device-read-iops", "--device-write-bps", "--device-write-iops",
    "--disable-content-trust", "--dns", "--dns-option", "--dns-search", "--domainname", "--entrypoint",
    "-e", "--env", "--env-file", "--expose", "--gpus", "--group-add", "--health-cmd", "--health-interval",
    "--health-retries", "--health-start-interval", "--health-start-period", "--health-timeout", "--help",
    "-h", "--hostname", "--init", "-i", "--interactive", "--io-maxbandwidth", "--io-maxiops", "--ip",
    "--ip6", "--ipc", "--isolation", "--kernel-memory", "-l", "--label", "--label-file", "--link",
    "--link-local-ip", "--log-driver", "--log-opt", "--mac-address", "-m", "--memory",
    "--memory-reservation", "--memory-swap", "--memory-swappiness", "--mount", "--name", "--network",
    "--network-alias", "--no-healthcheck", "--oom-kill-disable", "--oom-score-adj", "--pid", "--pids-limit",
    "--platform", "--privileged", "-p", "--publish", "-P", "--publish-all", "--pull", "-q", "--quiet",
    "--read-only", "--restart", "--rm", "--runtime", "--security-opt", "--shm-size", "--sig-proxy",
    "--stop-signal", "--stop-timeout", "--storage-opt", "--sysctl", "--tmpfs", "-t", "--tty", "--ulimit",
    "--use-api-socket", "-u", "--user", "--userns", "--uts", "-v", "--volume", "--volume-driver",
    "--volumes-from", "-w", "--workdir",
]  # fmt: skip
