"""A container's streams on ours: what comes from conmon's attach socket to stdout and stderr, stdin to it."""

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from sealift.core.errors import Conflict
from sealift.runtime import terminal
from sealift.runtime.spec import Streams

_PACKET = 8193  # conmon's largest: one byte that says which stream, 8192 of it
_CHUNK = 8192
_STDERR = 3  # 2 is stdout
_LONGEST_PATIENCE = 64  # ms between attempts to pass on what the container does not read
_FORWARDED = tuple(
    number
    for number in signal.valid_signals()
    if number
    not in (
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGCHLD,
        signal.SIGPIPE,
        signal.SIGURG,
        signal.SIGWINCH,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGCONT,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGABRT,
        signal.SIGSYS,
        signal.SIGTRAP,
    )
)


class Attachment:
    """A connection to the streams of a container or of an exec.

    Connect before the container starts, or its first output is missed; then `run`.
    """

    def __init__(self, connection: socket.socket, directory: Path) -> None:
        self._socket = connection
        self.directory = directory

    @classmethod
    def connect(cls, directory: Path) -> "Attachment":
        """Attach to what has its conmon's files in `directory`. `Conflict` where nothing runs."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Through a descriptor, as a socket's address has only 108 bytes and a store's path may be longer.
        parent = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{parent}/attach")
        except (FileNotFoundError, ConnectionRefusedError) as error:
            connection.close()
            raise Conflict("cannot attach: the container is not running") from error
        finally:
            os.close(parent)
        connection.setblocking(False)
        return cls(connection, directory)

    def close(self) -> None:
        """Let go; the container runs on."""
        self._socket.close()

    def run(self, streams: Streams, detach_keys: bytes = b"") -> bool:
        """Copy in both directions until the container closes its streams (True) or the user typed the detach
        keys (False). BrokenPipeError when stdout or stderr is closed.
        """
        return _Copy(self._socket, streams, terminal.DetachKeys(detach_keys)).run()


def interact(attachment: Attachment, streams: Streams, detach_keys: bytes) -> bool:
    """`run` with the user's terminal, which is raw meanwhile and passes on its size."""
    keyboard = 0 if streams.stdin is None else streams.stdin
    with ExitStack() as stack:
        stack.enter_context(terminal.raw(keyboard))
        stack.enter_context(_resizing(attachment.directory, keyboard))
        return attachment.run(streams, detach_keys)


@contextmanager
def forwarding(deliver: Callable[[int], None]) -> Iterator[None]:
    """Meanwhile the signals that we get go to the container. The third interrupt is ours: KeyboardInterrupt,
    for a container whose first process ignores them. Only for the main thread.
    """
    interrupts = 0

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal interrupts
        if number == signal.SIGINT:
            interrupts += 1
            if interrupts >= 3:
                raise KeyboardInterrupt
        deliver(number)

    with _handling(_FORWARDED, handle):
        yield


@contextmanager
def _resizing(directory: Path, descriptor: int) -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        size = terminal.size(descriptor)
        if size:
            terminal.resize(directory, *size)

    with _handling((signal.SIGWINCH,), handle):
        handle(signal.SIGWINCH, None)
        yield


@contextmanager
def _handling(numbers: tuple[int, ...], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)


class _Copy:
    """One run of the copying. The socket never blocks us: a container that does not read its stdin while it
    writes would otherwise wait for us, and we for it.
    """

    def __init__(self, connection: socket.socket, streams: Streams, keys: terminal.DetachKeys) -> None:
        self._socket = connection
        self._streams = streams
        self._keys = keys
        self._stdin = streams.stdin
        self._pending = b""  # typed, and not yet taken by conmon
        self._leave = False
        self._patience = 1  # ms until it is offered again
        self._reset = False

    def run(self) -> bool:
        while True:
            for descriptor in self._ready():
                if descriptor == self._stdin:
                    self._read(descriptor)
                elif not self._receive():
                    return True
            self._send()
            if self._leave and not self._pending:
                return False

    def _ready(self) -> list[int]:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if self._stdin is not None and not (self._pending or self._leave):
            poll.register(self._stdin, select.POLLIN)
        # Not POLLOUT: the kernel says a packet socket is writable while its peer's queue is full.
        return [descriptor for descriptor, _ in poll.poll(self._patience if self._pending else None)]

    def _receive(self) -> bool:
        """Pass on one packet; False at the end."""
        try:
            packet = self._socket.recv(_PACKET)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            # conmon went without reading all that we sent. Said once: what it sent comes behind that.
            ended, self._reset = self._reset, True
            return not ended
        if not packet:
            return False
        target = self._streams.stderr if packet[0] == _STDERR else self._streams.stdout
        if target is not None:
            _write_all(target, packet[1:])
        return True

    def _read(self, descriptor: int) -> None:
        """Take what the user typed, or note its end."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # the terminal is gone
        if not data:
            self._stdin = None
            self._socket.shutdown(socket.SHUT_WR)
            return
        self._pending, self._leave = self._keys.feed(data)

    def _send(self) -> None:
        while self._pending:
            try:
                sent = self._socket.send(self._pending[:_CHUNK])
            except BlockingIOError:
                self._patience = min(self._patience * 2, _LONGEST_PATIENCE)
                return
            except (BrokenPipeError, ConnectionResetError):
                self._pending = b""
                return
            self._pending = self._pending[sent:]
            self._patience = 1


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # whoever shares our terminal with us made it so
            select.select([], [descriptor], [])
