"""From a container's record and its mounted tree to the bundle that the runtime reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container import files, resolve
from sealift.container.status import read
from sealift.core.errors import Conflict, Invalid
from sealift.runtime import capabilities, users
from sealift.runtime.spec import (
    HOST_NETWORK,
    NEW_NETWORK,
    BundleSpec,
    Mount,
    ProcessSpec,
    Security,
    User,
)

if TYPE_CHECKING:
    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.spec import SecuritySpec
    from sealift.container.values import MountPoint
    from sealift.network.values import Attachment

_PROPAGATION = "rprivate"


def check_sources(record: Record) -> None:
    """Look at what the host is to lend before anything is made: `Invalid` where it is not there."""
    for spec in record.spec.mounts:
        if spec.kind != "bind" or os.path.lexists(spec.source):
            continue
        if not spec.make_source:
            raise Invalid(
                f"the path to mount does not exist on this host: {spec.source}", fix="make it first"
            )
        Path(spec.source).mkdir(parents=True, exist_ok=True)


def spec(parts: Parts, record: Record, rootfs: Path, attachment: Attachment | None) -> BundleSpec:
    """The bundle of a container whose tree is mounted at `rootfs`; its volumes are filled where new."""
    wanted, directory = record.spec, parts.registry.directory(record.id)
    user = find_user(rootfs, wanted.user, wanted.group_add)
    shared = _shared(parts, record)
    name = hostname(parts, record)
    return BundleSpec(
        rootfs=rootfs,
        process=ProcessSpec(
            args=record.command,
            env=environment(record, user, name),
            cwd=wanted.working_dir,
            user=user,
            terminal=wanted.terminal,
            rlimits=wanted.ulimits,
            oom_score_adj=wanted.oom_score_adj,
        ),
        cgroup=parts.engine.cgroup(record.id).path,
        hostname=name,
        network=_network(parts, record, shared, attachment),
        mounts=(
            *(_mount(parts, record, mount, rootfs) for mount in record.mounts),
            *files.write(
                directory, record, name, attachment, parts.registry.directory(shared) if shared else None
            ),
        ),
        devices=wanted.devices,
        resources=wanted.resources,
        security=_security(wanted.security),
        sysctls=wanted.sysctls,
        read_only=wanted.read_only,
        shm_size=wanted.shm_size,
        init=_init() if wanted.init else "",
        annotations=wanted.annotations,
    )


def _security(rights: SecuritySpec) -> Security:
    chosen = capabilities.choose(rights.cap_add, rights.cap_drop, privileged=rights.privileged)
    return Security(rights.privileged, chosen, rights.no_new_privileges, rights.seccomp)


def find_user(rootfs: Path, text: str, groups: tuple[str, ...] = ()) -> User:
    """The user of a process, with the groups that were added."""
    user = users.lookup(rootfs, text)
    if not groups:
        return user
    more = {users.group_id(rootfs, name) for name in groups}
    return user._replace(groups=tuple(sorted({*user.groups, *more})))


def environment(record: Record, user: User, hostname: str) -> tuple[str, ...]:
    """The container's variables, with those every process gets where they are not given."""
    given = dict(variable.split("=", 1) for variable in record.spec.env)
    ours = {"PATH": given.get("PATH", ""), "HOSTNAME": hostname}
    if record.spec.terminal:
        ours["TERM"] = "xterm"
    merged = {**{key: value for key, value in ours.items() if value}, **given}
    merged.setdefault("HOME", user.home)
    return tuple(f"{name}={value}" for name, value in merged.items())


def _shared(parts: Parts, record: Record) -> str:
    """The ID of the container whose network it uses, or nothing."""
    network = record.spec.network
    if not network.startswith(resolve.NETWORK_CONTAINER):
        return ""
    return parts.registry.find(network.removeprefix(resolve.NETWORK_CONTAINER))


def hostname(parts: Parts, record: Record) -> str:
    """What the container calls its machine."""
    shared = _shared(parts, record)
    if shared:
        return parts.registry.read(shared).hostname
    if record.spec.network == resolve.NETWORK_HOST and not record.spec.hostname:
        return os.uname().nodename
    return record.hostname


def _network(parts: Parts, record: Record, shared: str, attachment: Attachment | None) -> str:
    if attachment is not None:
        return attachment.netns
    if record.spec.network == resolve.NETWORK_HOST:
        return HOST_NETWORK
    if shared:
        status = read(parts.registry.directory(shared))
        if status.process is None or not status.alive:
            raise Conflict(
                f"cannot join the network of container {shared[:12]}: it is not running",
                fix=f"sealift start {shared[:12]}",
            )
        return f"/proc/{status.process.pid}/ns/net"
    return NEW_NETWORK


def _mount(parts: Parts, record: Record, mount: MountPoint, rootfs: Path) -> Mount:
    if mount.kind == "tmpfs":
        words = mount.options if not mount.read_only or "ro" in mount.options else (*mount.options, "ro")
        return Mount.tmpfs(mount.target, words)
    if mount.kind == "bind":
        if not os.path.lexists(mount.source):
            raise Invalid(f"the path to mount does not exist on this host any more: {mount.source}")
        propagation = mount.options[0] if mount.options else _PROPAGATION
        return Mount(
            mount.target, mount.source, "bind", ("rbind", propagation, "ro" if mount.read_only else "rw")
        )
    parts.volumes.ensure(mount.name, anonymous=mount.name in record.anonymous_volumes)
    source = parts.volumes.fill(mount.name, None if "nocopy" in mount.options else rootfs, mount.target)
    return Mount.bind(source, mount.target, read_only=mount.read_only)


def _init() -> str:
    from sealift.runtime.programs import init_program

    return init_program()
