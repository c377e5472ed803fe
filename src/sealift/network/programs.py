"""The programs below networks (ip, nft, iptables, aardvark-dns), called with nothing of ours open."""

import os
import signal

from sealift.core.errors import Unavailable

_DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin")
_HELPERS = ("/usr/lib/podman", "/usr/libexec/podman")
_PACKAGES = {"ip": "iproute2", "nft": "nftables", "iptables": "iptables"}
_ENVIRONMENT = {"PATH": ":".join(_DIRECTORIES), "LC_ALL": "C"}
_OUTPUT_LIMIT = 1 << 24


def find(name: str) -> str | None:
    """The path of a program, or None where it is not installed."""
    for directory in (*_DIRECTORIES, *_HELPERS):
        path = f"{directory}/{name}"
        if os.access(path, os.X_OK):
            return path
    return None


def attempt(name: str, *words: str, text: str = "") -> tuple[int, str]:
    """Run a program with `text` as its standard input: its exit code, and all it printed."""
    path = find(name)
    if path is None:
        package = _PACKAGES.get(name, name)
        raise Unavailable(f"{name} is not installed, which networks need", fix=f"apt-get install {package}")
    return _spawn((path, *words), text)


def run(name: str, *words: str, text: str = "") -> str:
    """As `attempt`, and `Unavailable` with the first line it printed where it fails."""
    code, printed = attempt(name, *words, text=text)
    if code:
        lines = [line for line in printed.splitlines() if line.strip()]
        raise Unavailable(f"{name} failed: {lines[0][:300] if lines else f'exit code {code}'}")
    return printed


def start(name: str, *words: str) -> bool:
    """Run a program that puts itself into the background; False where it cannot.

    It holds no directory of the user's busy, and no descriptor the user gave us.
    """
    path, env = find(name), find("env")
    if path is None or env is None:
        return False
    return _spawn((env, "-C", "/", path, *words), "", detached=True)[0] == 0


def _spawn(command: tuple[str, ...], text: str, *, detached: bool = False) -> tuple[int, str]:
    """Files in memory instead of pipes: nothing has to be read while it runs, and no thread is needed."""
    given, printed = os.memfd_create("given"), os.memfd_create("printed")
    try:
        os.write(given, text.encode())
        os.lseek(given, 0, os.SEEK_SET)
        actions: list[tuple[int, ...]] = [
            (os.POSIX_SPAWN_DUP2, given, 0),
            (os.POSIX_SPAWN_DUP2, printed, 1),
            (os.POSIX_SPAWN_DUP2, printed, 2),
            *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
        ]
        pid = os.posix_spawn(
            command[0],
            command,
            _ENVIRONMENT,
            file_actions=actions,
            setsid=detached,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
        )
        _, status = os.waitpid(pid, 0)
        os.lseek(printed, 0, os.SEEK_SET)
        output = os.read(printed, _OUTPUT_LIMIT).decode("utf-8", "replace")
        return os.waitstatus_to_exitcode(status), output
    finally:
        os.close(given)
        os.close(printed)


def _inheritable() -> list[int]:
    """Descriptors that a program of ours would get from us, as we got them from whoever started us."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - no import of pathlib
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return found
