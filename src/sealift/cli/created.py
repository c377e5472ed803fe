"""What `run` and `create` do around the making of a container: the file for its ID, docker's exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.core.errors import Conflict, Denied, SealiftError, StartFailed, Unavailable

if TYPE_CHECKING:
    from sealift.container import Container

NOT_STARTED = 125


@contextmanager
def failing_as_125() -> Iterator[None]:
    """Every failure before the command runs ends with docker's 125, so that it is not taken for the
    command's own exit code.
    """
    try:
        yield
    except StartFailed:
        raise  # it has its own
    except SealiftError as error:
        raise _with_exit_code(error) from None
    except BrokenPipeError:
        raise  # the reader of our output went away
    except PermissionError as error:
        raise _with_exit_code(Denied(f"permission denied: {error.filename or error}")) from error
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise _with_exit_code(Unavailable(f"{error.strerror or error}{where}")) from error


def _with_exit_code(error: SealiftError) -> SealiftError:
    error.__dict__["cli_exit_code"] = NOT_STARTED
    return error


def check_cidfile(path: str | None) -> None:
    """`Conflict` where the file is there already: it may hold the ID of a container that still runs."""
    if path and Path(path).exists():
        raise Conflict(f"the container ID file exists: {path}", fix=f"rm {path}")


def write_cidfile(path: str | None, container: "Container") -> None:
    """Write the container's ID, as docker without a newline, to a file that must not be there."""
    if not path:
        return
    try:
        with Path(path).open("x") as file:
            file.write(container.id)
    except FileExistsError as error:
        raise Conflict(f"the container ID file exists: {path}", fix=f"rm {path}") from error
