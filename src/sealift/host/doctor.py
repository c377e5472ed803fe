"""What this host can do for containers, what is missing, and the command that gets it."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sealift.host import probes
from sealift.host.boot import in_user_namespace
from sealift.host.programs import find

SECCOMP_PROFILE = Path("/usr/share/containers/seccomp.json")
CDI_DIRECTORIES = (Path("/etc/cdi"), Path("/var/run/cdi"))
DEVICES = Path("/dev")
_CGROUPS = Path("/sys/fs/cgroup")
_GIB = 1 << 30
_LOW_SPACE = 2 * _GIB


class Finding(NamedTuple):
    """One thing looked at. `detail` says what is there, or what its lack means; `fix` is a command to type.

    What is not `needed` may be missing: something that few use.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


class Program(NamedTuple):
    """A program that Sealift calls: one of `names`, what it is for, and Debian's package of it."""

    names: tuple[str, ...]
    purpose: str
    package: str
    needed: bool = True


PROGRAMS = (
    Program(("conmon",), "watches over containers", "conmon"),
    Program(("ip",), "makes bridges and addresses", "iproute2"),
    Program(("nft",), "publishes ports and gives containers the internet", "nftables"),
    Program(("aardvark-dns",), "lets containers find each other by name", "aardvark-dns", needed=False),
    Program(("mmdebstrap",), "makes base images: sealift bootstrap", "mmdebstrap", needed=False),
    Program(("docker-init", "catatonit", "tini-static"), "the init of run --init", "tini", needed=False),
    Program(("setpriv",), "ends build steps whose build was killed", "util-linux", needed=False),
    Program(("newuidmap",), "gives containers users of their own without root", "uidmap", needed=False),
    Program(("pasta",), "carries containers' traffic without root", "passt", needed=False),
)


def examine(store: Path) -> list[Finding]:
    """Everything, for a store at `store`, which exists. Looks only; whatever it mounts is gone afterwards."""
    return [
        kernel(),
        privileges(),
        cgroups(),
        runtime(),
        *(program(entry) for entry in PROGRAMS),
        seccomp(),
        *mounting(store),
        space(store),
        user_namespaces(),
        packet_filter(),
        tun(),
        gpu(),
    ]


def kernel() -> Finding:
    """5.11 is where overlays work in user namespaces, and all calls that are needed exist."""
    release = os.uname().release
    found = re.match(r"(\d+)\.(\d+)", release)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version >= (5, 11):
        return Finding("kernel", True, f"Linux {release}, {os.uname().machine}")
    return Finding("kernel", False, f"Linux {release}: 5.11 or later is needed", "install a newer kernel")


def privileges() -> Finding:
    if in_user_namespace():
        return Finding("privileges", True, "root of a user namespace: images are unpacked instead of mounted")
    if os.geteuid() == 0:
        return Finding("privileges", True, "root")
    return Finding(
        "privileges", False, f"user {os.geteuid()}: containers need root here", "sudo sealift doctor"
    )


def cgroups() -> Finding:
    if (_CGROUPS / "cgroup.controllers").exists():
        return Finding("cgroups", True, "version 2")
    if _is_hybrid():
        return Finding(
            "cgroups", True, "version 1 with a version 2 tree beside it (hybrid): runc works, crun not"
        )
    if (_CGROUPS / "memory").is_dir():
        return Finding("cgroups", True, "version 1")
    return Finding("cgroups", False, f"nothing is mounted at {_CGROUPS}", f"mount -t cgroup2 none {_CGROUPS}")


def _is_hybrid() -> bool:
    return (_CGROUPS / "unified" / "cgroup.procs").exists()


def runtime() -> Finding:
    """The program that makes containers. crun starts them faster, but refuses hybrid control groups."""
    crun, runc = find("crun"), find("runc")
    if crun and not _is_hybrid():
        return Finding("runtime", True, crun)
    if runc:
        return Finding("runtime", True, runc)
    detail = "crun refuses this host's hybrid cgroups" if crun else "neither runc nor crun is installed"
    return Finding("runtime", False, detail, install("runc"))


def program(entry: Program) -> Finding:
    name = " or ".join(entry.names)
    path = find(*entry.names)
    if path:
        return Finding(name, True, path, needed=entry.needed)
    detail = f"not installed: {entry.purpose}"
    return Finding(name, False, detail, install(entry.package), needed=entry.needed)


def install(*packages: str) -> str:
    """The command that installs Debian packages."""
    prefix = "" if os.geteuid() == 0 else "sudo "
    return f"{prefix}apt-get install {' '.join(packages)}"


def seccomp() -> Finding:
    if not Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return Finding(
            "seccomp", False, "this kernel cannot filter system calls", "use a kernel with CONFIG_SECCOMP"
        )
    if SECCOMP_PROFILE.is_file():
        return Finding("seccomp", True, str(SECCOMP_PROFILE))
    detail = f"{SECCOMP_PROFILE} is missing: which system calls containers may use"
    return Finding("seccomp", False, detail, install("golang-github-containers-common"))


def mounting(store: Path) -> list[Finding]:
    """How images become trees in this store."""
    found = probes.probe(store)
    if found.overlay_problem:
        fix = "choose another directory with --root or SEALIFT_ROOT, on ext4, xfs, btrfs or tmpfs"
        overlay = Finding("overlay", False, f"cannot be mounted in {store}: {found.overlay_problem}", fix)
    else:
        overlay = Finding("overlay", True, f"works in {store}")
    if found.erofs == probes.FILES:
        return [Finding("erofs", True, "layers are mounted where they lie"), overlay]
    if found.erofs == probes.LOOPS:
        return [
            Finding("erofs", True, f"layers are mounted over loop devices ({found.erofs_problem})"),
            overlay,
        ]
    detail = f"layers are unpacked into directories, which is slower ({found.erofs_problem})"
    fix = "" if in_user_namespace() or os.geteuid() else "modprobe erofs, or use Linux 6.12 or later"
    return [Finding("erofs", False, detail, fix, needed=False), overlay]


def space(store: Path) -> Finding:
    found = os.statvfs(store)
    free = found.f_bavail * found.f_frsize
    detail = f"{free / _GIB:.1f} GiB free in {store}"
    return Finding("disk", free >= _LOW_SPACE, detail, "" if free >= _LOW_SPACE else "sealift system prune")


def user_namespaces() -> Finding:
    """Whether users may have namespaces of their own, which containers without root need."""
    switches: tuple[tuple[str, Callable[[int], bool], int], ...] = (
        ("user.max_user_namespaces", lambda value: value > 0, 10000),
        ("kernel.unprivileged_userns_clone", lambda value: value == 1, 1),
        ("kernel.apparmor_restrict_unprivileged_userns", lambda value: value == 0, 0),
    )
    for name, allows, wanted in switches:
        value = _number(Path("/proc/sys") / name.replace(".", "/"))
        if value is not None and not allows(value):
            detail = f"forbidden to users: {name} is {value}"
            return Finding("user namespaces", False, detail, f"sysctl -w {name}={wanted}", needed=False)
    if not Path("/proc/self/ns/user").exists():
        return Finding("user namespaces", False, "this kernel has none", needed=False)
    return Finding("user namespaces", True, "allowed", needed=False)


def packet_filter() -> Finding:
    """nftables answers only those who may change them."""
    import subprocess

    nft = find("nft")
    if nft is None:
        return program(next(entry for entry in PROGRAMS if entry.names == ("nft",)))._replace(name="nftables")
    done = subprocess.run([nft, "list", "tables"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Finding("nftables", True, "rules can be read")
    why = (done.stderr.strip().splitlines() or ["no reason given"])[0]
    return Finding("nftables", False, f"published ports need it: {why[:200]}", "modprobe nf_tables")


def tun() -> Finding:
    path = "/dev/net/tun"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        detail = f"networks without root need {path}: {error.strerror}"
        fix = "modprobe tun" if isinstance(error, FileNotFoundError) else f"chmod 666 {path}"
        return Finding("tun", False, detail, fix, needed=False)
    return Finding("tun", True, path, needed=False)


def gpu() -> Finding:
    """Devices, and the specifications that tell how containers get them (Container Device Interface)."""
    nvidia = _matching(DEVICES, r"nvidia\d+")
    others = [*_matching(DEVICES / "dri", r"renderD\d+"), *_matching(DEVICES, r"kfd")]
    specs = [path for directory in CDI_DIRECTORIES for path in _matching(directory, r".*\.(json|ya?ml)")]
    if nvidia and not specs:
        detail = f"{', '.join(nvidia)}, but no CDI specification: containers cannot get it"
        fix = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
        return Finding("gpu", False, detail, fix, needed=False)
    found = [*nvidia, *others, *specs]
    return Finding("gpu", True, ", ".join(found) if found else "none here", needed=False)


def missing_packages(findings: Iterable[Finding]) -> str:
    """One command for all packages that the findings miss, or nothing."""
    prefix = install()
    words = [
        finding.fix.removeprefix(prefix).strip() for finding in findings if finding.fix.startswith(prefix)
    ]
    return install(*dict.fromkeys(words)) if words else ""


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _matching(directory: Path, pattern: str) -> list[str]:
    with suppress(OSError):
        return sorted(str(path) for path in directory.iterdir() if re.fullmatch(pattern, path.name))
    return []
