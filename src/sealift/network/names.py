"""Names on networks: one aardvark-dns a store answers on every bridge's address.

Its configuration is a file a network: the gateway, then a line a container. It is started with the first
container, told of changes by SIGHUP, and ended with the last one. Should it be killed, the next change or
sweep starts it again.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sealift.network import programs
from sealift.network.values import Attachment
from sealift.store.locks import locked

PROGRAM = "aardvark-dns"
_PID_FILE = "aardvark.pid"
_PATIENCE = 2000  # milliseconds


def available() -> bool:
    """Whether names can be served on this host."""
    return programs.find(PROGRAM) is not None


class Names:
    """The name server of a store, with its configuration in `directory`."""

    def __init__(self, directory: Path, locks: Path) -> None:
        self._directory = directory
        self._locks = locks

    def join(self, bridge: str, attachment: Attachment) -> None:
        """Have the container found by its names."""
        with self._lock():
            if (self._directory / bridge).exists():
                # A file system that is asked to replace a file writes it to the disk first: 3 ms.
                with (self._directory / bridge).open("a") as file:
                    file.write(f"{_line(attachment)}\n")
            else:
                self._write(bridge, [attachment.gateway, _line(attachment)])
            self._tell()

    def leave(self, bridge: str, container: str) -> None:
        """Forget the container's names; end the server where they were the last."""
        with self._lock():
            if not (self._directory / bridge).exists():
                return
            lines = self._lines(bridge, container)
            if len(lines) > 1:
                self._write(bridge, lines)
                self._tell()
            else:
                (self._directory / bridge).unlink(missing_ok=True)
                self._tell() if self._networks() else self._end()

    def heal(self) -> None:
        """Start the server where it should be there and is not."""
        if self._networks() and self._server() is None:
            with self._lock():
                if self._networks() and self._server() is None:
                    self._start()

    def end(self) -> None:
        """Forget all names and end the server."""
        with self._lock():
            for name in self._networks():
                (self._directory / name).unlink(missing_ok=True)
            self._end()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with locked(self._locks, "network-names"):
            yield

    def _networks(self) -> list[str]:
        return [name for name in os.listdir(self._directory) if name != _PID_FILE]  # noqa: PTH208

    def _lines(self, bridge: str, without: str) -> list[str]:
        try:
            lines = (self._directory / bridge).read_text().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if not line.startswith(f"{without} ")]

    def _write(self, bridge: str, lines: list[str]) -> None:
        # Written outside the directory, for the server reads every file in there as a network.
        temporary = self._directory.parent / f"names-{bridge}"
        temporary.write_text("\n".join(lines) + "\n")
        temporary.replace(self._directory / bridge)

    def _tell(self) -> None:
        """Have the server read its configuration again."""
        pid = self._server()
        if pid is None:
            self._start()
        elif _catches(pid, signal.SIGHUP):
            _signal(pid, signal.SIGHUP)
        # Else it is about to read what was just written: until then, SIGHUP would end it.

    def _start(self) -> None:
        programs.start(PROGRAM, "--config", str(self._directory), "--port", "53", "run")

    def _end(self) -> None:
        """End the server and wait for it, so that the next one finds its addresses free."""
        pid = self._server()
        if pid is not None:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                try:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    waiting = select.poll()
                    waiting.register(descriptor, select.POLLIN)
                    waiting.poll(_PATIENCE)
                finally:
                    os.close(descriptor)
        (self._directory / _PID_FILE).unlink(missing_ok=True)

    def _server(self) -> int | None:
        """The server's process, known by its command line: the number alone may be another's by now."""
        try:
            pid = int((self._directory / _PID_FILE).read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        return pid if os.fsencode(self._directory) in words else None


def _line(attachment: Attachment) -> str:
    servers = f" {','.join(attachment.servers)}" if attachment.servers else ""
    return f"{attachment.container} {attachment.address}  {','.join(attachment.names)}{servers}"


def _catches(pid: int, number: int) -> bool:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return False


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
