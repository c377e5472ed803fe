"""A `BundleSpec` as the runtime reads it: `config.json` (OCI runtime spec 1.0.2, config{,-linux}.md)."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sealift.core import document
from sealift.core.document import JSON
from sealift.core.errors import Invalid, StartFailed
from sealift.runtime import capabilities, defaults, limits, seccomp
from sealift.runtime.inside import check_rootfs, check_workdir, has_foreign_programs
from sealift.runtime.spec import HOST_NETWORK, NEW_NETWORK, BundleSpec, Device, Mount, ProcessSpec, Resources

INIT_PATH = "/sbin/docker-init"

# What execve(2) takes (MAX_ARG_STRLEN, and three quarters of _STK_LIM), and how many variables runc can
# take in: it looks through all of them for each.
MAX_WORD_BYTES = (128 << 10) - 1
MAX_WORDS_BYTES = 6 << 20
MAX_VARIABLES = 20_000


class Facts(NamedTuple):
    """What of this machine shapes a config: passed in, so that tests get the same bytes everywhere."""

    unified_cgroups: bool
    capabilities: frozenset[str]
    hard_limits: tuple[tuple[str, int], ...]  # by name (`nofile`), of those with a default
    may_raise_limits: bool
    machine: seccomp.Machine
    devices: tuple[Device, ...] = ()  # those of the host: what a privileged container gets

    @classmethod
    def here(cls, *, privileged: bool = False) -> "Facts":
        held = capabilities.available()
        return cls(
            unified_cgroups=Path("/sys/fs/cgroup/cgroup.controllers").exists(),
            capabilities=held,
            hard_limits=limits.hard_limits(),
            may_raise_limits="CAP_SYS_RESOURCE" in held,
            machine=seccomp.Machine.here(),
            devices=defaults.host_devices() if privileged else (),
        )


def write(directory: Path, spec: BundleSpec, facts: Facts | None = None) -> None:
    """Make `directory` a bundle for `spec`: checks the tree and the working directory, writes config.json.

    `Invalid` when the tree could lead the runtime outside itself, or when the spec asks for the impossible.
    """
    check_rootfs(spec.rootfs)
    check_workdir(spec.rootfs, spec.process.cwd, bound(spec.mounts))
    known = facts or Facts.here(privileged=spec.security.privileged)
    foreign = has_foreign_programs(spec.rootfs, spec.process.args[0] if spec.process.args else "")
    known = known._replace(machine=known.machine._replace(foreign=foreign))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not fsynced: it is written anew for each start, and nothing reads it after a power cut.
    temporary = directory / "config.json.new"
    temporary.write_bytes(document.encode(to_json(spec, known)))
    temporary.rename(directory / "config.json")


def bound(own: Iterable[Mount]) -> dict[str, str]:
    """The directories of the host among mounts, by their place in the container."""
    return {mount.destination: mount.source for mount in own if mount.kind == "bind"}


def to_json(spec: BundleSpec, facts: Facts) -> dict[str, JSON]:
    """The whole config. It depends on nothing but its arguments and the seccomp profile's file."""
    process = spec.process
    if spec.init:
        process = process._replace(args=(INIT_PATH, "--", *process.args))
    result: dict[str, JSON] = {
        "ociVersion": "1.0.2",
        "process": process_json(process, spec, facts),
        "root": {"path": str(spec.rootfs), "readonly": spec.read_only},
        "mounts": [_mount(mount) for mount in mounts(spec)],
        "linux": _linux(spec, facts),
    }
    if spec.hostname:
        result["hostname"] = spec.hostname
    if spec.annotations:
        result["annotations"] = dict(spec.annotations)
    return result


def process_json(process: ProcessSpec, spec: BundleSpec, facts: Facts) -> dict[str, JSON]:
    """A process in the container of `spec`: the member `process`, and what `exec` is given."""
    if not process.args or not process.args[0]:
        raise Invalid("no command given", fix="name a command, or build the image with CMD or ENTRYPOINT")
    _check_words(process)
    held = [name for name in spec.security.capabilities if name in facts.capabilities]
    # An ordinary user keeps no capability over execve: saying so avoids a moment in which it had them.
    effective = held if process.user.uid == 0 else []
    user: dict[str, JSON] = {"uid": process.user.uid, "gid": process.user.gid}
    if process.user.groups:
        user["additionalGids"] = list(process.user.groups)
    result: dict[str, JSON] = {
        "terminal": process.terminal,
        "user": user,
        "args": list(process.args),
        "env": list(process.env),
        "cwd": process.cwd,
        "capabilities": {
            "bounding": list[JSON](held),
            "effective": list[JSON](effective),
            "permitted": list[JSON](effective),
        },
        "rlimits": limits.to_json(process.rlimits, dict(facts.hard_limits), facts.may_raise_limits),
        "noNewPrivileges": spec.security.no_new_privileges,
    }
    if process.oom_score_adj is not None:
        result["oomScoreAdj"] = process.oom_score_adj
    if process.size:
        result["consoleSize"] = {"height": process.size[0], "width": process.size[1]}
    return result


def _check_words(process: ProcessSpec) -> None:
    """`StartFailed` for words that no kernel takes: runtimes choke on them, or hang, before it can refuse."""
    sizes = [len(word.encode("utf-8", "surrogatepass")) for word in (*process.args, *process.env)]
    if "\0" in "".join((*process.args, *process.env)):
        raise StartFailed("the command or a variable holds a zero byte, which no program can be given")
    if max(sizes) > MAX_WORD_BYTES or sum(sizes) + 9 * len(sizes) > MAX_WORDS_BYTES:
        raise StartFailed(
            f"the command and the variables are too long: {sum(sizes)} bytes, {max(sizes)} in one of them; "
            f"the kernel takes {MAX_WORDS_BYTES} and {MAX_WORD_BYTES}",
            exit_code=126,
        )
    if len(process.env) > MAX_VARIABLES:
        raise StartFailed(
            f"the environment has {len(process.env)} variables: the limit is {MAX_VARIABLES}", exit_code=126
        )


def mounts(spec: BundleSpec) -> list[Mount]:
    """The mounts in the order they are made: the standard ones that the spec does not replace, then its own,
    parents before what lies in them.
    """
    own = list(spec.mounts)
    if spec.init:
        own.append(Mount(INIT_PATH, spec.init, "bind", ("bind", "ro", "rprivate")))
    for mount in own:
        _check_destination(mount)
    taken = {mount.destination for mount in own}
    standard = defaults.mounts(privileged=spec.security.privileged, shm_size=spec.shm_size)
    own.sort(key=lambda mount: mount.destination.count("/"))
    return [mount for mount in standard if mount.destination not in taken] + own


def resources_json(resources: Resources) -> dict[str, JSON]:
    """Limits in the runtime's spelling: part of the config, and the input of `update`."""
    memory = _given(
        limit=resources.memory, reservation=resources.memory_reservation, swap=resources.memory_swap
    )
    period = resources.cpu_period or (100_000 if resources.nano_cpus else 0)
    quota = resources.cpu_quota or resources.nano_cpus * period // 1_000_000_000
    cpu = _given(
        shares=resources.cpu_shares,
        quota=quota,
        period=period,
        cpus=resources.cpuset_cpus,
        mems=resources.cpuset_mems,
    )
    members: dict[str, JSON] = {
        "memory": memory,
        "cpu": cpu,
        "pids": _given(limit=resources.pids),
    }
    return {key: value for key, value in members.items() if value}


def _given(**members: int | str) -> dict[str, JSON]:
    return {key: value for key, value in members.items() if value}


def _mount(mount: Mount) -> JSON:
    result: dict[str, JSON] = {
        "destination": mount.destination,
        "type": mount.kind,
        "source": mount.source,
    }
    if mount.options:
        result["options"] = list(mount.options)
    return result


def _check_destination(mount: Mount) -> None:
    path = mount.destination
    plain = path.startswith("/") and not path.startswith("//") and os.path.normpath(path) == path
    if not plain or path == "/" or "\0" in path:
        raise Invalid(f"invalid mount destination {path!r}", fix="an absolute path below / without '..'")
    if path == "/proc" or path.startswith("/proc/"):
        raise Invalid(f"invalid mount destination {path!r}: /proc belongs to the container's own kernel view")


def _linux(spec: BundleSpec, facts: Facts) -> dict[str, JSON]:
    namespaces: list[JSON] = [{"type": name} for name in ("pid", "ipc", "uts", "mount")]
    if spec.network == NEW_NETWORK:
        namespaces.append({"type": "network"})
    elif spec.network != HOST_NETWORK:
        namespaces.append({"type": "network", "path": spec.network})
    if facts.unified_cgroups:
        # On v1 the namespace is the host's, as docker and podman have it there.
        namespaces.append({"type": "cgroup"})
    devices = (*facts.devices, *spec.devices) if spec.security.privileged else spec.devices
    result: dict[str, JSON] = {
        "namespaces": namespaces,
        "cgroupsPath": spec.cgroup,
        "devices": [_device(device) for device in devices],
        "resources": {
            **resources_json(spec.resources),
            "devices": _device_rules(spec),
        },
    }
    if spec.sysctls:
        result["sysctl"] = dict(spec.sysctls)
    if spec.security.privileged:
        return result
    result["maskedPaths"] = list(defaults.MASKED_PATHS)
    result["readonlyPaths"] = list(defaults.READ_ONLY_PATHS)
    profile = seccomp.load(spec.security.seccomp, frozenset(spec.security.capabilities), facts.machine)
    if profile is not None:
        result["seccomp"] = profile
    return result


def _device(device: Device) -> JSON:
    return {
        "path": device.path,
        "type": device.kind,
        "major": device.major,
        "minor": device.minor,
        "fileMode": device.mode,
        "uid": device.uid,
        "gid": device.gid,
    }


def _device_rules(spec: BundleSpec) -> list[JSON]:
    """The cgroup's device rules. The runtime adds those for the default devices itself."""
    if spec.security.privileged:
        return [{"allow": True, "access": "rwm"}]
    allowed: list[JSON] = [
        {
            "allow": True,
            "type": device.kind,
            "major": device.major,
            "minor": device.minor,
            "access": device.access,
        }
        for device in spec.devices
    ]
    return [{"allow": False, "access": "rwm"}, *allowed]
