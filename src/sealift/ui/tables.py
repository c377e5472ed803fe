"""Tables as docker prints them: columns padded with spaces, nothing drawn around them."""

from collections.abc import Sequence

MINIMUM = 10
GAP = 3
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def table(rows: Sequence[Sequence[str]], columns: Sequence[str], *, bold: bool = False) -> str:
    """The lines of a table under the headers `columns`; `bold` (for a terminal) marks the header."""
    lines = aligned([columns, *rows])
    if bold and lines:
        lines[0] = f"{_BOLD}{lines[0]}{_PLAIN}"
    return "".join(f"{line}\n" for line in lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row as one line, its cells at the same place in all. The last cell is not padded."""
    cells = [[clean(cell) for cell in row] for row in rows]
    count = max(map(len, cells), default=0)
    widths = [
        max(MINIMUM, GAP + max(width(row[index]) for row in cells if index < len(row)))
        for index in range(count)
    ]
    return [
        "".join(
            cell if index == len(row) - 1 else cell + " " * (widths[index] - width(cell))
            for index, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def clean(text: str) -> str:
    """`text` without anything that moves the cursor or turns the line around: names and labels come from
    strangers.
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "�" for sign in text)


def width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def ellipsis(text: str, limit: int) -> str:
    """`text` cut to `limit` signs, the last of them `…`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
