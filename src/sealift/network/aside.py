"""Work done in a thread while the caller does other things."""

import threading
from collections.abc import Callable


class Aside:
    """Begins with the call; `finish` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def finish(self) -> None:
        try:
            self._thread.join()
        finally:
            self._thread.join()  # when the user interrupts: what it makes must be there to be undone
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failure = error
