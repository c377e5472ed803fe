"""Long work shown while it runs: live on a terminal, plain lines in a pipe, JSON for programs, or not at all.

All take the same events, from any thread. `close` ends the display; use them with `with`.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TextIO, assert_never

from sealift.core.events import Advanced, Event, Failed, Finished, Output, Started, Warned

MODES = ("auto", "plain", "tty", "quiet", "rawjson")
CACHED = "cached"
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
OUTPUT_LINES = 6
Clock = Callable[[], float]
"""Seconds from any fixed point."""


class Progress(Protocol):
    def emit(self, event: Event) -> None: ...

    def close(self) -> None: ...


def choose(mode: str, stream: TextIO, environment: Mapping[str, str]) -> "Display":
    """The display for `--progress=MODE`: 'auto' is live where `stream` is a terminal that can move its
    cursor.
    """
    if mode == "auto":
        live = stream.isatty() and environment.get("TERM", "dumb") != "dumb" and "NO_COLOR" not in environment
        mode = "tty" if live else "plain"
    match mode:
        case "tty":
            return Live(stream)
        case "quiet":
            return Quiet(stream)
        case "rawjson":
            return RawJSON(stream)
    return Plain(stream)


class Display:
    """What all displays share: one event at a time, and `with`."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()

    def emit(self, event: Event) -> None:
        with self._lock:
            self._show(event)

    def close(self) -> None:
        """Nothing is shown after this."""
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _show(self, event: Event) -> None:
        raise NotImplementedError


class Quiet(Display):
    """Warnings only."""

    def _show(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._stream.write(warning(event))


class Work:
    """One piece of work as a display knows it. Times in the clock's seconds."""

    def __init__(self, number: int, event: Started, now: float) -> None:
        self.number = number
        self.title = event.title
        self.total = event.total
        self.unit = event.unit
        self.began = now
        self.shown = now
        self.ended: float | None = None
        self.note = ""
        self.failed = ""
        self.done = 0
        self.rest = b""
        self.tail: deque[str] = deque(maxlen=OUTPUT_LINES)

    def lines(self, data: bytes) -> list[str]:
        """The lines that `data` completes. Of a line redrawn with carriage returns, its last form."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > 1 << 16:
            whole, self.rest = [*whole, self.rest], b""
        return [_line(line) for line in whole]

    def amount(self) -> str:
        """How far it is: `12.3MB / 40MB`."""
        return f"{_quantity(self.done, self.unit)} / {_quantity(self.total, self.unit)}"


class Plain(Display):
    """Lines that read well in a file: `#3 [build 2/5] RUN …`, `#3 0.512 output`, `#3 DONE 1.2s`."""

    INTERVAL = 2.0

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        super().__init__(stream, clock)
        self._works: dict[str, Work] = {}
        self._last = 0

    def _show(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, Warned):
            self._stream.write(warning(event))
        elif isinstance(event, Started):
            work = self._works[event.key] = Work(len(self._works) + 1, event, now)
            self._write(work, event.title)
        elif (found := self._works.get(event.key)) is not None:
            self._update(found, event, now)
        self._stream.flush()

    def _update(self, work: Work, event: Advanced | Output | Finished | Failed, now: float) -> None:
        match event:
            case Output():
                for line in work.lines(event.data):
                    self._write(work, f"{now - work.began:.3f} {line}")
            case Advanced():
                work.done = event.done
                if now - work.shown >= self.INTERVAL and work.total:
                    work.shown = now
                    self._write(work, work.amount())
            case Finished():
                self._flush(work, now)
                self._write(work, "CACHED" if event.note == CACHED else _ended(event.note, now - work.began))
            case Failed():
                self._flush(work, now)
                self._write(work, f"ERROR: {event.reason}")
            case _:
                assert_never(event)

    def _flush(self, work: Work, now: float) -> None:
        if work.rest:
            self._write(work, f"{now - work.began:.3f} {_line(work.rest)}")
            work.rest = b""

    def _write(self, work: Work, text: str) -> None:
        if self._last not in (0, work.number):
            self._stream.write("\n")
        self._last = work.number
        self._stream.write(f"#{work.number} {text}\n")


class RawJSON(Display):
    """One JSON object a line, in the shape of BuildKit's solve status (`docker build --progress=rawjson`)."""

    def __init__(self, stream: TextIO, wall: Callable[[], float] = time.time) -> None:
        super().__init__(stream)
        self._wall = wall
        self._vertices: dict[str, dict[str, Any]] = {}

    def _show(self, event: Event) -> None:
        now = _timestamp(self._wall())
        match event:
            case Started():
                self._vertices[event.key] = {"digest": event.key, "name": event.title, "started": now}
                self._write({"vertexes": [self._vertices[event.key]]})
            case Output():
                import base64

                data = base64.b64encode(event.data).decode()
                log = {"vertex": event.key, "stream": event.stream, "data": data, "timestamp": now}
                self._write({"logs": [log]})
            case Advanced():
                status = {"vertex": event.key, "id": event.key, "current": event.done, "timestamp": now}
                self._write({"statuses": [status]})
            case Finished():
                ended: dict[str, Any] = {"completed": now}
                if event.note == CACHED:
                    ended["cached"] = True
                self._end(event.key, ended)
            case Failed():
                self._end(event.key, {"completed": now, "error": event.reason})
            case Warned():
                self._write(
                    {"warnings": [{"short": event.message, "detail": [event.fix] if event.fix else []}]}
                )
            case _:
                assert_never(event)

    def _end(self, key: str, more: dict[str, Any]) -> None:
        self._write({"vertexes": [{**self._vertices.get(key, {"digest": key}), **more}]})

    def _write(self, value: object) -> None:
        self._stream.write(json.dumps(value) + "\n")
        self._stream.flush()


class Live(Display):
    """The steps with running timers and the last lines of what runs now, redrawn in place."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        super().__init__(stream, clock)
        from rich.console import Console
        from rich.live import Live as RichLive

        self._works: dict[str, Work] = {}
        self._began = clock()
        self._console = Console(file=stream)
        self._live = RichLive(
            get_renderable=self._draw, console=self._console, refresh_per_second=8, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def close(self) -> None:
        self._live.stop()
        super().close()

    def _show(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, Warned):
            self._console.print(warning(event), end="", markup=False, highlight=False)
            return
        if isinstance(event, Started):
            self._works[event.key] = Work(len(self._works) + 1, event, now)
            return
        work = self._works.get(event.key)
        if work is None:
            return
        match event:
            case Output():
                work.tail.extend(_printable(line) for line in work.lines(event.data))
            case Advanced():
                work.done = event.done
            case Finished():
                work.ended, work.note = now, event.note
            case Failed():
                work.ended, work.failed = now, event.reason
            case _:
                assert_never(event)

    def _draw(self) -> Any:
        """The whole picture, as tall as the terminal at most: what is done gives way first."""
        from rich.text import Text

        with self._lock:
            now = self._clock()
            works = list(self._works.values())
        width, height = self._console.size
        ended = sum(work.ended is not None for work in works)
        header = Text(f"[+] {now - self._began:.1f}s ({ended}/{len(works)})", style="bold")
        rows: list[Text] = []
        for work in works:
            rows += self._rows(work, now, width)
        return Text("\n").join([header, *rows[-max(1, height - 2) :]])

    def _rows(self, work: Work, now: float, width: int) -> list[Any]:
        from rich.text import Text

        state = "CACHED " if work.note == CACHED else "ERROR " if work.failed else ""
        if work.total and work.ended is None:
            state = f"{work.amount()} "
        seconds = f"{(work.ended if work.ended is not None else now) - work.began:.1f}s"
        room = max(10, width - len(seconds) - 1)
        title = _printable(f" => {state}{work.title}")[:room].ljust(room)
        style = "red" if work.failed else "blue" if work.ended is not None else ""
        rows = [Text(f"{title} {seconds}", style=style, no_wrap=True, end="")]
        if work.ended is None:
            rows += [
                Text(f" => => {line}"[:width], style="dim", no_wrap=True, end="") for line in list(work.tail)
            ]
        return rows


def warning(event: Warned) -> str:
    """A warning as people read it."""
    return f"warning: {event.message}\n" + (f"  try: {event.fix}\n" if event.fix else "")


def _line(data: bytes) -> str:
    return data.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode("utf-8", "replace")


def _printable(text: str) -> str:
    """Without what moves the cursor: a step's output must not draw over the picture it stands in."""
    return "".join(one if one.isprintable() else " " for one in _ESCAPES.sub("", text))


def _ended(note: str, seconds: float) -> str:
    return f"DONE {seconds:.1f}s" + (f" ({note})" if note else "")


def _quantity(amount: int, unit: str) -> str:
    if unit != "bytes":
        return f"{amount} {unit}".rstrip()
    size = float(amount)
    for name in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g}{name}"
        size /= 1000
    return f"{size:.4g}TB"


def _timestamp(seconds: float) -> str:
    whole, fraction = divmod(round(seconds * 1_000_000), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{fraction:06d}Z"
