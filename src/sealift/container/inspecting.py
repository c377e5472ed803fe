"""Everything about a container in docker's shape: `GET /containers/{id}/json` of its Engine API 1.51."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealift.container import resolve, views
from sealift.container import status as states
from sealift.container.times import rfc3339
from sealift.container.values import Health, MountPoint
from sealift.core.config import Healthcheck
from sealift.network.ports import PortMapping
from sealift.runtime import defaults
from sealift.runtime.cgroups import unified

if TYPE_CHECKING:
    from sealift.container.parts import Parts
    from sealift.container.record import Record
    from sealift.container.status import Status
    from sealift.core.document import JSON


def inspect(parts: Parts, record: Record, status: Status) -> dict[str, JSON]:
    """The whole document."""
    directory = parts.registry.directory(record.id)
    mounts = [views.mount(parts, mount) for mount in record.mounts]
    log = "" if record.spec.log.driver == "none" else str(parts.registry.bundle(record.id) / "ctr.log")
    return {
        "Id": record.id,
        "Created": rfc3339(record.created),
        "Path": record.command[0],
        "Args": list(record.command[1:]),
        "State": _state(parts, record, status),
        "Image": record.image_id,
        "ResolvConfPath": str(directory / "resolv.conf"),
        "HostnamePath": str(directory / "hostname"),
        "HostsPath": str(directory / "hosts"),
        "LogPath": log,
        "Name": f"/{record.name}",
        "RestartCount": status.restarts,
        "Driver": "overlay",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "HostConfig": _host_config(record),
        "GraphDriver": {"Name": "overlay", "Data": _graph(parts, record)},
        "Mounts": [_mount(mount) for mount in mounts],
        "Config": _config(record),
        "NetworkSettings": _network_settings(record, status),
    }


def _state(parts: Parts, record: Record, status: Status) -> JSON:
    state = views.state(parts.registry.directory(record.id), record, status)
    result: dict[str, JSON] = {
        "Status": state.status,
        "Running": state.running or state.status == states.RESTARTING,
        "Paused": state.status == states.PAUSED,
        "Restarting": state.status == states.RESTARTING,
        "OOMKilled": state.oom_killed,
        "Dead": False,
        "Pid": state.pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": rfc3339(state.started),
        "FinishedAt": rfc3339(state.finished),
    }
    if state.health is not None:
        result["Health"] = _health(state.health)
    return result


def _health(health: Health) -> JSON:
    return {
        "Status": health.status,
        "FailingStreak": health.failing_streak,
        "Log": [
            {
                "Start": rfc3339(result.start),
                "End": rfc3339(result.end),
                "ExitCode": result.exit_code,
                "Output": result.output,
            }
            for result in health.log
        ],
    }


def _config(record: Record) -> JSON:
    spec = record.spec
    result: dict[str, JSON] = {
        "Hostname": record.hostname,
        "Domainname": "",
        "User": spec.user,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": spec.terminal,
        "OpenStdin": spec.interactive,
        "StdinOnce": spec.interactive and spec.auto_remove,
        "Env": list(spec.env),
        "Cmd": list(spec.command) if spec.command else None,
        "Image": spec.image,
        "Volumes": {mount.target: {} for mount in record.mounts if mount.kind == "volume"} or None,
        "WorkingDir": spec.working_dir,
        "Entrypoint": list(spec.entrypoint) if spec.entrypoint else None,
        "OnBuild": None,
        "Labels": dict(spec.labels),
    }
    ports = (*spec.exposed_ports, *(f"{port.container_port}/{port.protocol}" for port in spec.ports))
    if ports:
        result["ExposedPorts"] = {_port_key(port): {} for port in ports}
    if spec.healthcheck is not None:
        result["Healthcheck"] = _healthcheck(spec.healthcheck)
    if spec.stop_signal:
        result["StopSignal"] = spec.stop_signal
    if spec.stop_timeout is not None:
        result["StopTimeout"] = spec.stop_timeout
    if record.shell:
        result["Shell"] = list(record.shell)
    return result


def _healthcheck(check: Healthcheck) -> JSON:
    return check.to_json()


def _host_config(record: Record) -> JSON:
    spec = record.spec
    return {
        "Binds": [_bind(mount) for mount in record.mounts if mount.kind in ("bind", "volume")] or None,
        "ContainerIDFile": "",
        "LogConfig": {"Type": spec.log.driver, "Config": _log_options(record)},
        "NetworkMode": spec.network,
        "PortBindings": _bindings(spec.ports),
        "RestartPolicy": {"Name": spec.restart.name, "MaximumRetryCount": spec.restart.retries},
        "AutoRemove": spec.auto_remove,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "ConsoleSize": [0, 0],
        "Annotations": dict(spec.annotations) or None,
        "Dns": list(spec.dns),
        "DnsOptions": list(spec.dns_options),
        "DnsSearch": list(spec.dns_search),
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.extra_hosts] or None,
        "Links": None,
        "PublishAllPorts": spec.publish_all,
        "ShmSize": spec.shm_size,
        "Sysctls": dict(spec.sysctls),
        "Runtime": "",
        "Isolation": "",
        "Tmpfs": {mount.target: ",".join(mount.options) for mount in record.mounts if mount.kind == "tmpfs"},
        "Init": spec.init,
        **_rights(record),
        **_limits(record),
    }


def _rights(record: Record) -> dict[str, JSON]:
    spec, security = record.spec, record.spec.security
    options: list[JSON] = ["no-new-privileges"] if security.no_new_privileges else []
    if security.seccomp != "default":
        options.append(f"seccomp={security.seccomp}")
    return {
        "CapAdd": list(security.cap_add) or None,
        "CapDrop": list(security.cap_drop) or None,
        "GroupAdd": list(spec.group_add) or None,
        "Privileged": security.privileged,
        "ReadonlyRootfs": spec.read_only,
        "SecurityOpt": options or None,
        "CgroupnsMode": "private" if unified() else "host",
        "IpcMode": "private",
        "PidMode": "",
        "UTSMode": "",
        "UsernsMode": "",
        "Cgroup": "",
        "MaskedPaths": None if security.privileged else list(defaults.MASKED_PATHS),
        "ReadonlyPaths": None if security.privileged else list(defaults.READ_ONLY_PATHS),
    }


def _limits(record: Record) -> dict[str, JSON]:
    spec, resources = record.spec, record.spec.resources
    return {
        "OomScoreAdj": spec.oom_score_adj or 0,
        "CgroupParent": "",
        "CpuShares": resources.cpu_shares,
        "Memory": resources.memory,
        "NanoCpus": resources.nano_cpus,
        "CpuPeriod": resources.cpu_period,
        "CpuQuota": resources.cpu_quota,
        "CpusetCpus": resources.cpuset_cpus,
        "CpusetMems": resources.cpuset_mems,
        "BlkioWeight": 0,
        "Devices": [_device(device.path, device.access) for device in spec.devices],
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "MemoryReservation": resources.memory_reservation,
        "MemorySwap": resources.memory_swap,
        "MemorySwappiness": None,
        "OomKillDisable": None,
        "PidsLimit": resources.pids or None,
        "Ulimits": [{"Name": one.name, "Hard": one.hard, "Soft": one.soft} for one in spec.ulimits] or None,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
    }


def _log_options(record: Record) -> JSON:
    log = record.spec.log
    options: dict[str, JSON] = {}
    if log.max_size:
        options["max-size"] = str(log.max_size)
        options["max-file"] = str(log.max_files)
    return options


def _bind(mount: MountPoint) -> JSON:
    source = mount.name if mount.kind == "volume" else mount.source
    return f"{source}:{mount.target}:ro" if mount.read_only else f"{source}:{mount.target}"


def _device(path: str, access: str) -> JSON:
    return {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": access}


def _mount(mount: MountPoint) -> JSON:
    result: dict[str, JSON] = {
        "Type": mount.kind,
        "Source": mount.source,
        "Destination": mount.target,
        "Mode": "",
        "RW": not mount.read_only,
        "Propagation": (mount.options[0] if mount.options else "rprivate") if mount.kind == "bind" else "",
    }
    if mount.kind == "volume":
        result["Name"] = mount.name
        result["Driver"] = "local"
        result["Mode"] = "z"
    return result


def _graph(parts: Parts, record: Record) -> JSON:
    directory = parts.registry.snapshot(record.id)
    return {
        "MergedDir": str(directory / "rootfs"),
        "UpperDir": str(directory / "upper"),
        "WorkDir": str(directory / "work"),
    }


def _bindings(ports: tuple[PortMapping, ...]) -> JSON:
    result: dict[str, JSON] = {}
    for port in ports:
        bound = result.setdefault(f"{port.container_port}/{port.protocol}", [])
        if isinstance(bound, list):
            host = "" if port.host_address == "0.0.0.0" else port.host_address  # noqa: S104 - docker's way to say it
            bound.append({"HostIp": host, "HostPort": str(port.host_port or "")})
    return result


def _published(status: Status, exposed: tuple[str, ...]) -> JSON:
    result: dict[str, JSON] = {_port_key(port): None for port in exposed}
    for port in views.ports(status):
        key = f"{port.container_port}/{port.protocol}"
        bound = result.get(key) or []
        if isinstance(bound, list):
            result[key] = [*bound, {"HostIp": port.host_address, "HostPort": str(port.host_port)}]
    return result


def _port_key(text: str) -> str:
    return text if "/" in text else f"{text}/tcp"


def _network_settings(record: Record, status: Status) -> JSON:
    joined = views.is_running(status)
    facts = status.network if joined else {}
    running = bool(facts)
    return {
        "Bridge": "",
        "SandboxID": record.id if running else "",
        "SandboxKey": facts.get("netns", ""),
        "Ports": _published(status, record.spec.exposed_ports) if running else {},
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": "",
        "Gateway": facts.get("gateway", "") if record.spec.network == "bridge" else "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": facts.get("address", "") if record.spec.network == "bridge" else "",
        "IPPrefixLen": facts.get("prefix", 0) if record.spec.network == "bridge" else 0,
        "IPv6Gateway": "",
        "MacAddress": facts.get("mac", "") if record.spec.network == "bridge" else "",
        "Networks": {}
        if record.spec.network.startswith(resolve.NETWORK_CONTAINER)
        else _networks(record, facts),
    }


def _networks(record: Record, facts: dict[str, JSON]) -> JSON:
    name = record.spec.network
    names: list[JSON] = [record.name, *record.spec.network_aliases, record.id[:12]]
    return {
        str(facts.get("network", name)): {
            "IPAMConfig": None,
            "Links": None,
            "Aliases": list(record.spec.network_aliases) or None,
            "MacAddress": facts.get("mac", ""),
            "DriverOpts": None,
            "GwPriority": 0,
            "NetworkID": facts.get("network_id", ""),
            "EndpointID": "",
            "Gateway": facts.get("gateway", ""),
            "IPAddress": facts.get("address", ""),
            "IPPrefixLen": facts.get("prefix", 0),
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "DNSNames": names if facts else None,
        }
    }
