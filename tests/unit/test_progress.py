"""Progress displays."""

import io
import json

from sealift.core.events import Advanced, Event, Failed, Finished, Output, Started, Warned
from sealift.ui import progress

EVENTS: tuple[Event, ...] = (
    Started("a", "[1/2] FROM scratch"), Finished("a", "cached"), Started("b", "[2/2] RUN make"),
    Output("b", 1, b"compil"), Output("b", 2, b"ing\n10%\r50%\r100%\nrest"), Finished("b"),
    Started("c", "bad"), Failed("c", "exit code 1"), Warned("old", "renew"),
)  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def _shown(display: progress.Display) -> None:
    with display:
        for event in EVENTS:
            display.emit(event)


def test_plain_lines_carry_number_time_and_result() -> None:
    stream = io.StringIO()
    _shown(progress.Plain(stream, Clock()))
    assert stream.getvalue().splitlines() == [
        "#1 [1/2] FROM scratch", "#1 CACHED", "", "#2 [2/2] RUN make", "#2 0.500 compiling", "#2 0.500 100%",
        "#2 0.750 rest", "#2 DONE 0.8s", "", "#3 bad", "#3 ERROR: exit code 1", "warning: old",
        "  try: renew",
    ]  # fmt: skip


def test_plain_shows_how_far_a_transfer_is() -> None:
    stream = io.StringIO()
    display = progress.Plain(stream, Clock())
    display.emit(Started("x", "copying", 2_000_000))
    for done in range(20):
        display.emit(Advanced("x", done * 100_000))
    assert "#1 700kB / 2MB" in stream.getvalue()


def test_quiet_shows_warnings_alone() -> None:
    stream = io.StringIO()
    _shown(progress.Quiet(stream))
    assert stream.getvalue() == "warning: old\n  try: renew\n"


def test_rawjson_is_one_object_a_line() -> None:
    stream = io.StringIO()
    _shown(progress.RawJSON(stream, lambda: 1.5))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(EVENTS)
    assert lines[1]["vertexes"][0]["cached"] is True
    assert lines[1]["vertexes"][0]["name"] == "[1/2] FROM scratch"
    assert lines[3]["logs"][0]["timestamp"] == "1970-01-01T00:00:01.500000Z"
    assert lines[7]["vertexes"][0]["error"] == "exit code 1"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_live_view_ends_with_every_step_and_its_state() -> None:
    stream = Terminal()
    _shown(progress.Live(stream, Clock()))
    shown = stream.getvalue()
    for text in ("CACHED [1/2] FROM scratch", "[2/2] RUN make", "ERROR bad", "warning: old"):
        assert text in shown


def test_live_view_is_not_drawn_over_by_what_a_step_prints() -> None:
    stream = Terminal()
    display = progress.Live(stream, Clock())
    with display:
        display.emit(Started("a", "bad \x1b[2Jtitle"))
        display.emit(Output("a", 1, b"\x1b[31mred\x1b[0m\tand\x1b]0;title\x07 \x1b[5A\x07up\n"))
        display.emit(Finished("b"))
        shown = display._draw().plain
    assert "bad title" in shown
    assert "red and  up" in shown
    assert not any(ord(one) < 32 and one != "\n" for one in shown)


def test_auto_is_live_on_a_terminal_and_plain_in_a_pipe() -> None:
    assert isinstance(progress.choose("auto", io.StringIO(), {"TERM": "xterm"}), progress.Plain)
    assert isinstance(progress.choose("auto", Terminal(), {"TERM": "dumb"}), progress.Plain)
    live = progress.choose("auto", Terminal(), {"TERM": "xterm"})
    live.close()
    assert isinstance(live, progress.Live)
