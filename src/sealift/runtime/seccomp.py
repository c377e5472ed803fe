"""Seccomp profiles: from docker's format (conditions on capabilities, architecture, kernel) to OCI's.

The profile is the distribution's own file, which follows new system calls with its updates. Docker's format:
moby's profiles/seccomp/seccomp.go; OCI's: runtime-spec, config-linux.md, "Seccomp". Translating takes
0.5 ms, so nothing of it is kept.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

from sealift.core.document import JSON, Node
from sealift.core.errors import Invalid, Unavailable

DEFAULT_PROFILES = (Path("/usr/share/containers/seccomp.json"), Path("/etc/containers/seccomp.json"))

# Machine name -> (docker's architecture names, libseccomp's).
_ARCHITECTURES = {
    "x86_64": (("amd64", "x86", "x32"), "SCMP_ARCH_X86_64"),
    "aarch64": (("arm64", "arm"), "SCMP_ARCH_AARCH64"),
    "riscv64": (("riscv64",), "SCMP_ARCH_RISCV64"),
    "ppc64le": (("ppc64le",), "SCMP_ARCH_PPC64LE"),
    "s390x": (("s390x", "s390"), "SCMP_ARCH_S390X"),
}

# Hardly any kernel has the x32 ABI switched on. Left out, its calls are refused, which is stricter.
_LEFT_OUT = frozenset({"SCMP_ARCH_X32"})


class Machine(NamedTuple):
    """What a profile's conditions are decided by."""

    architecture: str
    kernel: tuple[int, int]
    # Whether programs for the processor's older ABIs (i386 on amd64) are to be let through. Each ABI costs
    # 8 ms of every start, as the runtime compiles the whole list once more.
    foreign: bool = True

    @classmethod
    def here(cls) -> "Machine":
        name = os.uname()
        major, minor = (int("".join(filter(str.isdigit, part)) or 0) for part in name.release.split(".")[:2])
        return cls(name.machine, (major, minor))


def load(profile: str, capabilities: frozenset[str], machine: Machine) -> JSON:
    """The `linux.seccomp` member for a profile: "default", "unconfined" (none), or a path."""
    if profile == "unconfined":
        return None
    path = Path(profile) if profile != "default" else _default_profile()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read the seccomp profile {path}: {error.strerror}") from error
    try:
        # Not `document.decode`, whose checks against hostile input cost 1 ms: this file is the host's own.
        profile_node = Node(json.loads(data), f"seccomp profile {path}")
    except ValueError as error:
        raise Invalid(f"seccomp profile {path} is not valid JSON: {error}") from error
    return translate(profile_node, capabilities, machine)


def translate(profile: Node, capabilities: frozenset[str], machine: Machine) -> JSON:
    """A profile in docker's format as OCI's, its conditions decided. One in OCI's format stays the same."""
    result: dict[str, JSON] = {
        "defaultAction": profile.get("defaultAction").text(),
        "architectures": _architectures(profile, machine),
        "syscalls": [
            _rule(rule) for rule in profile.get("syscalls").items() if _applies(rule, capabilities, machine)
        ],
    }
    for key in ("defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"):
        if profile.get(key).value is not None:
            result[key] = profile.get(key).value
    return result


def _default_profile() -> Path:
    for path in DEFAULT_PROFILES:
        if path.exists():
            return path
    raise Unavailable(
        f"the default seccomp profile is missing: {DEFAULT_PROFILES[0]}",
        fix="apt-get install golang-github-containers-common (or containers-common)",
    )


def _architectures(profile: Node, machine: Machine) -> list[JSON]:
    if profile.get("architectures").value is not None:
        return list(profile.get("architectures").texts())
    native = _ARCHITECTURES.get(machine.architecture, ((), ""))[1]
    for entry in profile.get("archMap").items():
        if entry.get("architecture").text() == native:
            others = entry.get("subArchitectures").texts()
            return [native, *(name for name in others if machine.foreign and name not in _LEFT_OUT)]
    return [native] if native else []


def _applies(rule: Node, capabilities: frozenset[str], machine: Machine) -> bool:
    included, excluded = rule.get("includes"), rule.get("excludes")
    names = _ARCHITECTURES.get(machine.architecture, ((machine.architecture,), ""))[0]
    arches = included.get("arches").texts()
    if arches and not set(arches) & set(names):
        return False
    if set(excluded.get("arches").texts()) & set(names):
        return False
    if not set(included.get("caps").texts()) <= capabilities:
        return False
    if set(excluded.get("caps").texts()) & capabilities:
        return False
    if machine.kernel < _kernel(included.get("minKernel").text("")):
        return False
    limit = excluded.get("minKernel").text("")
    return not (limit and machine.kernel >= _kernel(limit))


def _kernel(text: str) -> tuple[int, int]:
    if not text:
        return (0, 0)
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise Invalid(f"seccomp profile: minKernel {text[:40]!r} is not like 4.8")
    return int(major), int(minor)


def _rule(rule: Node) -> JSON:
    names = rule.get("names").value or [rule.get("name").text()]
    # Not `texts()`: hundreds of names, on the way of every start.
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise rule.get("names").error("a list of strings")
    result: dict[str, JSON] = {"names": names, "action": rule.get("action").text()}
    args = rule.get("args").items()
    if args:
        result["args"] = [dict(arg.members()) for arg in args]
    if rule.get("errnoRet").value is not None:
        result["errnoRet"] = rule.get("errnoRet").integer()
    return result
