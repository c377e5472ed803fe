"""Two things at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Meanwhile(Generic[Result]):
    """A call that goes on in a thread until its `result` is asked for."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def result(self) -> Result:
        """What the call returned; raises what it raised."""
        try:
            self._thread.join()
        except BaseException:  # interrupted: whoever undoes the call must not come before its end
            self._thread.join()
            raise
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:
            self._error = error
