"""Doing one thing to each of several names: those that fail are reported, the others still done."""

from collections.abc import Callable, Sequence

from sealift.cli.app import App
from sealift.core.errors import SealiftError

_MOST_AT_ONCE = 32


def each(names: Sequence[str], action: Callable[[str], str], app: App, *, together: bool = False) -> int:
    """Print what `action` returns for each name, in order; the exit code: 0, or 1 where one failed.

    `together` does them at the same time, for actions that mostly wait.
    """
    outcomes = _together(names, action) if together and len(names) > 1 else (_try(action, n) for n in names)
    code = 0
    for outcome in outcomes:
        if isinstance(outcome, SealiftError):
            code = report(outcome, app)
        else:
            app.print(outcome)
    return code


def report(error: SealiftError, app: App) -> int:
    """Say on standard error what went wrong, and go on. The exit code for that: 1."""
    app.stdout.flush()
    app.note(f"sealift: {error.message}")
    if error.fix:
        app.note(f"  try: {error.fix}")
    return 1


def _try(action: Callable[[str], str], name: str) -> str | SealiftError:
    try:
        return action(name)
    except SealiftError as error:
        return error


def _together(names: Sequence[str], action: Callable[[str], str]) -> list[str | SealiftError]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(names), _MOST_AT_ONCE)) as pool:
        return list(pool.map(lambda name: _try(action, name), names))
