"""From the flags of `run` and `create` to the value that says what the container is to be."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sealift.cli import variables
from sealift.container.spec import (
    ContainerSpec,
    LogOptions,
    MountSpec,
    RestartPolicy,
    SecuritySpec,
)
from sealift.core.errors import Invalid
from sealift.runtime.spec import DEFAULT_SHM_SIZE, Resources

if TYPE_CHECKING:
    from sealift.core.config import Healthcheck
    from sealift.network import PortMapping
    from sealift.runtime.spec import Device

Value = TypeVar("Value")


def container_spec(args: argparse.Namespace, ours: Mapping[str, str]) -> ContainerSpec:
    """What the flags ask for; `ours` is our environment, for `-e NAME`. `Invalid` names what is wrong."""
    _check_conflicts(args)
    return ContainerSpec(
        image=args.image,
        command=tuple(args.command) or None,
        entrypoint=None if args.entrypoint is None else (args.entrypoint,) if args.entrypoint else (),
        name=args.name or "",
        env=variables.environment(args.env_file, args.env, ours),
        labels=variables.labels(args.label_file, args.label),
        annotations=tuple(args.annotation),
        working_dir=args.workdir or "",
        user=args.user or "",
        group_add=tuple(args.group_add),
        hostname=args.hostname or "",
        terminal=args.tty,
        interactive=args.interactive,
        auto_remove=args.rm,
        network=_network(args.network),
        network_aliases=tuple(args.network_alias),
        ports=_each(_ports, args.publish),
        publish_all=args.publish_all,
        exposed_ports=_each(_exposed, args.expose),
        mounts=_mounts(args),
        resources=_resources(args),
        read_only=args.read_only,
        init=args.init,
        restart=args.restart or RestartPolicy(),
        healthcheck=_healthcheck(args),
        stop_signal=args.stop_signal or "",
        stop_timeout=args.stop_timeout,
        security=_security(args),
        ulimits=tuple(args.ulimit),
        sysctls=tuple(args.sysctl),
        oom_score_adj=args.oom_score_adj,
        extra_hosts=tuple(_host(text) for text in args.add_host),
        dns=tuple(_name_server(text) for text in args.dns),
        dns_search=tuple(args.dns_search),
        dns_options=tuple(args.dns_option),
        shm_size=args.shm_size or DEFAULT_SHM_SIZE,
        devices=_each(_devices, args.device),
        log=_log(args),
    )


def _check_conflicts(args: argparse.Namespace) -> None:
    if args.rm and args.restart is not None and args.restart.name != "no":
        raise Invalid("--rm and --restart contradict each other: a removed container cannot start again")
    if args.cpus and (args.cpu_period or args.cpu_quota):
        raise Invalid("--cpus is a quota by itself: leave out --cpu-period and --cpu-quota")
    if args.memory and args.memory_swap and 0 < args.memory_swap < args.memory:
        raise Invalid("--memory-swap is memory and swap together: it cannot be less than --memory")
    if args.memory_swap and not args.memory:
        raise Invalid("--memory-swap needs --memory, too")
    if args.memory and args.memory < 6 << 20:
        raise Invalid(f"--memory is below the least a container can start with, 6m: {args.memory} bytes")


def _each(parse: Callable[[str], Iterable[Value]], texts: Iterable[str]) -> tuple[Value, ...]:
    return tuple(value for text in texts for value in parse(text))


def _ports(text: str) -> "Iterable[PortMapping]":
    from sealift.network import parse_port

    return parse_port(text)


def _exposed(text: str) -> list[str]:
    from sealift.network import parse_exposed

    return [f"{port}/{protocol}" for port, protocol in parse_exposed(text)]


def _network(names: list[str]) -> str:
    chosen = list(dict.fromkeys("bridge" if name == "default" else name for name in names))
    if len(chosen) > 1:
        raise Invalid(f"a container has one network, not {len(chosen)}: {', '.join(chosen)[:200]}")
    if chosen and ("=" in chosen[0] or "," in chosen[0]):
        raise Invalid(f"invalid network: {chosen[0][:80]!r}", fix="--network NAME --network-alias NAME")
    return chosen[0] if chosen and chosen[0] else "bridge"


def _mounts(args: argparse.Namespace) -> tuple[MountSpec, ...]:
    if not (args.volume or args.mount or args.tmpfs):
        return ()
    from sealift.container import parsing

    found = (
        *map(parsing.parse_volume, args.volume),
        *map(parsing.parse_mount, args.mount),
        *map(parsing.parse_tmpfs, args.tmpfs),
    )
    targets: set[str] = set()
    for mount in found:
        if mount.target in targets:
            raise Invalid(f"duplicate mount point: {mount.target}")
        targets.add(mount.target)
    return found


def _devices(text: str) -> "Iterable[Device]":
    from sealift.container import parsing

    return parsing.parse_device(text)


def _resources(args: argparse.Namespace) -> Resources:
    return Resources(
        memory=args.memory or 0,
        memory_reservation=args.memory_reservation or 0,
        memory_swap=args.memory_swap or 0,
        nano_cpus=args.cpus or 0,
        cpu_shares=args.cpu_shares or 0,
        cpu_quota=args.cpu_quota or 0,
        cpu_period=args.cpu_period or 0,
        cpuset_cpus=args.cpuset_cpus or "",
        cpuset_mems=args.cpuset_mems or "",
        pids=max(0, args.pids_limit or 0),
    )


def _security(args: argparse.Namespace) -> SecuritySpec:
    no_new_privileges, seccomp = False, "default"
    for option in args.security_opt:
        # docker takes both `name=value` and the older `name:value`
        separator = "=" if "=" in option else ":"
        name, _, value = option.partition(separator)
        if name == "no-new-privileges" and value in ("", "true", "false"):
            no_new_privileges = value != "false"
        elif name == "seccomp" and value:
            seccomp = value if value in ("unconfined", "default") else str(Path(value).absolute())
        elif option not in ("apparmor=unconfined", "label=disable", "label:disable", "seccomp=builtin"):
            raise Invalid(
                f"security option not supported: {option[:80]!r}",
                fix="no-new-privileges, seccomp=unconfined or seccomp=FILE",
            )
    return SecuritySpec(
        args.privileged, tuple(args.cap_add), tuple(args.cap_drop), no_new_privileges, seccomp
    )


def _healthcheck(args: argparse.Namespace) -> "Healthcheck | None":
    times = (
        args.health_interval,
        args.health_timeout,
        args.health_start_period,
        args.health_start_interval,
        args.health_retries,
    )
    given = args.health_cmd is not None or any(value is not None for value in times)
    if args.no_healthcheck and given:
        raise Invalid("--no-healthcheck and the other --health flags contradict each other")
    if not given and not args.no_healthcheck:
        return None
    from sealift.core.config import Healthcheck

    if args.no_healthcheck:
        return Healthcheck(("NONE",))
    return Healthcheck(("CMD-SHELL", args.health_cmd) if args.health_cmd else (), *(n or 0 for n in times))


def _host(text: str) -> tuple[str, str]:
    """docker's `NAME:IP` or `NAME=IP`."""
    name, separator, address = text.partition("=" if "=" in text else ":")
    address = address.removeprefix("[").removesuffix("]")
    if not name or not separator or (address != "host-gateway" and not _is_address(address)):
        raise Invalid(f"invalid host: {text[:80]!r}", fix="--add-host NAME:IP, or NAME:host-gateway")
    return name, address


def _name_server(text: str) -> str:
    if not _is_address(text):
        raise Invalid(f"not an IP address: --dns {text[:80]}")
    return text


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _log(args: argparse.Namespace) -> LogOptions:
    from sealift.cli import values

    options = LogOptions(args.log_driver or "json-file")
    if options.driver not in ("json-file", "none"):
        raise Invalid(f"log driver not supported: {options.driver[:40]!r}", fix="json-file or none")
    for name, value in args.log_opt:
        try:
            if name == "max-size":
                options = options._replace(max_size=max(0, values.swap(value)))
            elif name == "max-file":
                options = options._replace(max_files=max(1, values.count(value)))
            else:
                raise Invalid(f"log option not supported: {name[:40]!r}", fix="max-size or max-file")
        except argparse.ArgumentTypeError as error:
            raise Invalid(f"--log-opt {name}: {error}") from error
    return options
