"""The processes in a container, as the host's `ps` shows them (`top`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealift.container import status as states
from sealift.container.looking import look
from sealift.core.errors import Conflict, Invalid
from sealift.runtime import programs

if TYPE_CHECKING:
    from sealift.container.parts import Parts

_DEFAULT = ("-ef",)


def top(parts: Parts, name: str, arguments: tuple[str, ...]) -> tuple[list[str], list[list[str]]]:
    """Column titles and a row for each process. `arguments` are for ps; PID must be among its columns."""
    record, status = look(parts, parts.registry.find(name))
    if status.status not in (states.RUNNING, states.PAUSED):
        raise Conflict(f"container {record.name} is not running", fix=f"sealift start {record.name}")
    pids = set(map(str, parts.engine.pids(record.id)))
    ps = programs.need("ps", "procps")
    code, output, errors = programs.call([ps, *(arguments or _DEFAULT)])
    if code != 0:
        said = errors.decode("utf-8", "replace").strip().splitlines()
        raise Invalid(f"ps does not understand {' '.join(arguments)!r}: {said[0] if said else ''}")
    lines = output.decode("utf-8", "replace").splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise Invalid(
            "the columns of ps must have PID among them", fix=f"sealift top {record.name} -o pid,args"
        )
    rows = [line.split(None, len(titles) - 1) for line in lines[1:]]
    place = titles.index("PID")
    return titles, [row for row in rows if len(row) > place and row[place] in pids]
