"""The flags that `run` and `create` share: what a container is to be. Docker's, by name and meaning."""

import argparse
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from sealift.cli import values
from sealift.cli.flags import Flag, declare

if TYPE_CHECKING:
    from sealift.cli.arguments import Parser
    from sealift.container import RestartPolicy
    from sealift.runtime import Rlimit


def ulimit(text: str) -> "Rlimit":
    """`NAME=SOFT[:HARD]`."""
    from sealift.runtime import limits

    return values.checked(limits.parse, text)


def restart_policy(text: str) -> "RestartPolicy":
    """`no`, `always`, `unless-stopped`, `on-failure[:RETRIES]`."""
    from sealift.container import RestartPolicy

    return values.checked(RestartPolicy.parse, text)


def platform(text: str) -> str:
    """A platform this host can run: its own."""
    from sealift.core.platform import Platform

    asked, ours = values.checked(Platform.parse, text), Platform.of_machine()
    if asked != ours:
        raise ArgumentTypeError(f"this host runs {ours} containers, not {asked}")
    return text


def pull(text: str) -> str:
    """`missing` and `never`: both mean the images that are here."""
    if text == "always":
        raise ArgumentTypeError("'always' is not supported: images come from build, load and bootstrap")
    if text not in ("missing", "never"):
        raise ArgumentTypeError(f"'missing' or 'never', not {text[:40]!r}")
    return text


def cpu_period(text: str) -> int:
    """Microseconds, within what the kernel takes."""
    value = values.count(text)
    if value and not 1000 <= value <= 1_000_000:
        raise ArgumentTypeError("between 1000 (1ms) and 1000000 (1s)")
    return value


def oom_score(text: str) -> int:
    """-1000 (never killed) to 1000 (killed first)."""
    value = values.whole(text)
    if not -1000 <= value <= 1000:
        raise ArgumentTypeError("between -1000 and 1000")
    return value


def stream(text: str) -> str:
    """The name of a standard stream."""
    if text.lower() not in ("stdin", "stdout", "stderr"):
        raise ArgumentTypeError(f"stdin, stdout or stderr, not {text[:40]!r}")
    return text.lower()


_PROCESS = (
    Flag("-e --env", "NAME[=VALUE]", "set a variable; NAME alone takes its value from here", many=True),
    Flag("--env-file", "FILE", "read variables from a file", many=True),
    Flag("-w --workdir", "DIR", "the directory the command starts in"),
    Flag("-u --user", "USER[:GROUP]", "the user the command runs as, by name or number"),
    Flag("--group-add", "GROUP", "another group of the user", many=True),
    Flag("--entrypoint", "PROGRAM", "run this in place of the image's entrypoint; '' for none"),
    Flag("-t --tty", "", "give the command a terminal"),
    Flag("-i --interactive", "", "pass standard input on"),
    Flag("-a --attach", "STREAM", "attach to stdin, stdout, stderr only", type=stream, many=True),
    Flag("--init", "", "run a small init as process 1, which passes signals on and reaps"),
    Flag("--stop-signal", "SIGNAL", "the signal that asks the container to stop"),
    Flag("--stop-timeout", "SECONDS", "seconds before a stopping container is killed", type=values.whole),
)
_IDENTITY = (
    Flag("--name", "NAME", "the container's name; made up if not given"),
    Flag("-l --label", "NAME[=VALUE]", "a label", many=True),
    Flag("--label-file", "FILE", "read labels from a file", many=True),
    Flag("--annotation", "NAME=VALUE", "an annotation for the runtime", type=values.pair, many=True),
    Flag("--cidfile", "FILE", "write the container's ID to a new file"),
    Flag("--rm", "", "remove the container when it has ended"),
    Flag("--restart", "POLICY", "no, always, unless-stopped or on-failure[:RETRIES]", type=restart_policy),
    Flag("--platform", "OS/ARCH", "refuse to run on any other platform", type=platform),
    Flag("--pull", "missing|never", "both mean: only images that are here", type=pull),
    Flag("-q --quiet", "", "accepted for docker's sake: nothing is pulled"),
)
_NETWORK = (
    Flag("--net --network", "NETWORK", "bridge, none, host, container:NAME or a network's name", many=True),
    Flag("--net-alias --network-alias", "NAME", "another name in the network", many=True),
    Flag("-p --publish", "[IP:][PORT:]PORT[/PROTO]", "publish a port on the host", many=True),
    Flag("-P --publish-all", "", "publish every exposed port at a free port of the host"),
    Flag("--expose", "PORT[/PROTO]", "expose a port, or a range", many=True),
    Flag("-h --hostname", "NAME", "the container's host name"),
    Flag("--add-host", "NAME:IP", "a line for /etc/hosts; host-gateway is the host", many=True),
    Flag("--dns", "IP", "a name server in place of the host's", many=True),
    Flag("--dns-search", "DOMAIN", "a domain to look names up in", many=True),
    Flag("--dns-opt --dns-option", "OPTION", "an option of the resolver", many=True),
)
_FILES = (
    Flag("-v --volume", "[SOURCE:]TARGET[:ro]", "mount a directory of the host, or a volume", many=True),
    Flag("--mount", "type=TYPE,...", "mount a bind, volume or tmpfs, spelled out", many=True),
    Flag("--tmpfs", "TARGET[:OPTIONS]", "mount an empty file system in memory", many=True),
    Flag("--read-only", "", "make the container's root file system read-only"),
    Flag("--shm-size", "SIZE", "the size of /dev/shm (default 64m)", type=values.size),
    Flag("--device", "PATH[:PATH[:rwm]]", "pass on a device of the host", many=True),
)
_LIMITS = (
    Flag("-m --memory", "SIZE", "the most memory it may take, like 512m or 2g", type=values.size),
    Flag("--memory-reservation", "SIZE", "memory that is kept for it", type=values.size),
    Flag("--memory-swap", "SIZE", "memory and swap together; -1 for no limit on swap", type=values.swap),
    Flag("--cpus", "NUMBER", "how many CPUs it may use, like 1.5", type=values.nano_cpus),
    Flag("-c --cpu-shares", "N", "its weight beside others (default 1024)", type=values.count),
    Flag("--cpu-period", "US", "length of a scheduling period, microseconds", type=cpu_period),
    Flag("--cpu-quota", "US", "CPU time within a period, microseconds", type=values.whole),
    Flag("--cpuset-cpus", "LIST", "the CPUs it may use, like 0-3 or 0,2"),
    Flag("--cpuset-mems", "LIST", "the memory nodes it may use"),
    Flag("--pids-limit", "N", "how many processes it may have; -1 for any number", type=values.whole),
    Flag("--ulimit", "NAME=SOFT[:HARD]", "a limit of each process, like nofile=1024", type=ulimit, many=True),
    Flag("--oom-score-adj", "N", "-1000 to 1000: who is killed when memory runs out", type=oom_score),
)
_RIGHTS = (
    Flag("--cap-add", "CAPABILITY", "add a capability, or ALL", many=True),
    Flag("--cap-drop", "CAPABILITY", "drop a capability, or ALL", many=True),
    Flag("--security-opt", "OPTION", "no-new-privileges, seccomp=unconfined, seccomp=FILE", many=True),
    Flag("--privileged", "", "every capability, every device, no filters"),
    Flag("--sysctl", "NAME=VALUE", "a kernel setting of the container's namespaces", values.pair, many=True),
)
_HEALTH = (
    Flag("--health-cmd", "COMMAND", "a shell line that says whether the container is well"),
    Flag("--health-interval", "DURATION", "time between checks (30s)", type=values.duration),
    Flag("--health-timeout", "DURATION", "time a check may take (30s)", type=values.duration),
    Flag("--health-retries", "N", "failures in a row that make it unhealthy (3)", type=values.count),
    Flag("--health-start-period", "DURATION", "time in which failures do not count", type=values.duration),
    Flag("--health-start-interval", "DURATION", "time between checks meanwhile", type=values.duration),
    Flag("--no-healthcheck", "", "switch the image's health check off"),
)
_LOGGING = (
    Flag("--log-driver", "DRIVER", "json-file (default) or none"),
    Flag("--log-opt", "NAME=VALUE", "max-size=SIZE, max-file=N", type=values.pair, many=True),
)
FLAGS = (
    *_IDENTITY, *_PROCESS, *_NETWORK, *_FILES, *_LIMITS, *_RIGHTS, *_HEALTH, *_LOGGING,
)  # fmt: skip


def declare_shared(parser: "Parser") -> None:
    """Declare everything `run` and `create` have in common, the image and its command included."""
    declare(parser, FLAGS)
    parser.add_argument("image", metavar="IMAGE", help="a reference or an image ID")
    parser.add_argument(
        "command", metavar="COMMAND", nargs=argparse.REMAINDER, help="in place of the image's command"
    )
    parser.interspersed = False
    parser.refused = REFUSED


_BLOCK_IO = "there are no limits on block devices"
_WINDOWS = "it is for Windows only"
REFUSED = {
    "--blkio-weight": _BLOCK_IO,
    "--blkio-weight-device": _BLOCK_IO,
    "--cgroup-parent": "every container's cgroup is below its store's",
    "--cgroupns": "every container has a cgroup namespace of its own",
    "--cpu-count": _WINDOWS,
    "--cpu-percent": _WINDOWS,
    "--cpu-rt-period": "there are no limits on real-time scheduling",
    "--cpu-rt-runtime": "there are no limits on real-time scheduling",
    "--device-cgroup-rule": "name the devices with --device",
    "--device-read-bps": _BLOCK_IO,
    "--device-read-iops": _BLOCK_IO,
    "--device-write-bps": _BLOCK_IO,
    "--device-write-iops": _BLOCK_IO,
    "--disable-content-trust": "nothing is pulled, so there is nothing to trust or not; leave it out",
    "--domainname": "give the whole name with --hostname",
    "--gpus": "GPUs are not passed on yet; single device nodes are, with --device",
    "--io-maxbandwidth": _WINDOWS,
    "--io-maxiops": _WINDOWS,
    "--ip": "addresses are given out by the network; use names",
    "--ip6": "containers have IPv4 addresses only",
    "--ipc": "every container has an IPC namespace of its own; for more shared memory use --shm-size",
    "--isolation": _WINDOWS,
    "--kernel-memory": "kernels no longer have this limit",
    "--link": "containers on one network find each other by name: use --network",
    "--link-local-ip": "addresses are given out by the network",
    "--mac-address": "addresses are given out by the network",
    "--memory-swappiness": "set --memory-swap",
    "--oom-kill-disable": "a container over its memory limit is killed; see --oom-score-adj",
    "--pid": "every container has a PID namespace of its own; see `sealift top` and `sealift exec`",
    "--runtime": "the runtime is chosen by what works on this host: see `sealift doctor`",
    "--storage-opt": "there is no quota on the container's files",
    "--use-api-socket": "there is no daemon",
    "--userns": "user namespaces are not chosen by flag",
    "--uts": "every container has a host name of its own",
    "--volume-driver": "volumes are directories on this host",
    "--volumes-from": "name each volume with -v",
}
