"""Another process in a running container, with a conmon of its own that reports its exit code."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from sealift.core import document
from sealift.core.errors import NotFound
from sealift.runtime import failures
from sealift.runtime.attach import Attachment
from sealift.runtime.capabilities import ALL, available
from sealift.runtime.conmon import (
    Conmon,
    common_words,
    exit_words,
    leave_session,
    read_answer,
    read_process,
)
from sealift.runtime.monitor import Monitor
from sealift.runtime.processes import Process
from sealift.runtime.spec import ProcessSpec


class Exec:
    """One process added to a container. Its files are in `directory`, which `close` removes."""

    def __init__(self, directory: Path, process: Process | None, answers: BinaryIO, errors: Path) -> None:
        self.directory = directory
        self.process = process
        self._answers = answers
        self._errors = errors

    def wait(self) -> int:
        """The exit code, when it has ended; 128+n for signal n, 137 when its conmon was killed."""
        line = self._answers.readline()
        answer = read_answer(line, self._errors) if line else None
        self.close()
        return 137 if answer is None or answer.data < 0 else answer.data

    def close(self) -> None:
        """Let go: it runs on where it has not ended, and its conmon clears up behind it."""
        self._answers.close()


def start(
    monitor: Monitor,
    container: str,
    bundle: Path,
    process: ProcessSpec,
    *,
    stdin: bool = False,
    privileged: bool = False,
) -> tuple[Exec, Attachment]:
    """Run `process` in the container of `bundle`, with its streams attached before it begins.

    `StartFailed` with docker's exit code (126, 127) when it cannot be executed; `NotFound` when the container
    does not run.
    """
    directory = _prepare(monitor, container, bundle, process, privileged)
    try:
        return _start(monitor, container, directory, process, stdin)
    except BaseException:
        _remove(directory)
        raise


def start_detached(
    monitor: Monitor, container: str, bundle: Path, process: ProcessSpec, *, privileged: bool = False
) -> Process | None:
    """Run `process` in the container and leave it to itself. Its output goes nowhere, as docker's does."""
    execution, attachment = start(monitor, container, bundle, process, privileged=privileged)
    attachment.close()
    execution.close()
    return execution.process


def _prepare(monitor: Monitor, container: str, bundle: Path, process: ProcessSpec, privileged: bool) -> Path:
    if monitor.engine.process(container) is None:
        raise NotFound(f"container {container[:12]} is not running", fix=f"sealift start {container[:12]}")
    config = json.loads((bundle / "config.json").read_bytes())
    directory = bundle / "execs" / os.urandom(8).hex()
    (directory / "exits").mkdir(mode=0o700, parents=True)
    (directory / "process.json").write_bytes(
        document.encode(_process(config["process"], process, privileged))
    )
    return directory


def _start(
    monitor: Monitor, container: str, directory: Path, process: ProcessSpec, stdin: bool
) -> tuple[Exec, Attachment]:
    sync, sync_theirs = os.pipe()
    attached, attached_theirs = os.pipe()
    pipes = {"_OCI_SYNCPIPE": sync_theirs, "_OCI_ATTACHPIPE": attached_theirs}
    answers = os.fdopen(sync, "rb")
    try:
        with os.fdopen(attached, "rb") as ready:
            try:
                conmon = Conmon.start(
                    _command(monitor, container, directory, process, stdin), directory, pipes
                )
            finally:
                for pipe in pipes.values():
                    os.close(pipe)
            with closing(conmon):
                attachment = _attach(conmon, ready, answers, directory)
        supervisor = read_process(directory / "conmon.pid")
        if supervisor is not None:
            leave_session(supervisor)
        return Exec(directory, read_process(directory / "pidfile"), answers, conmon.errors), attachment
    except BaseException:
        answers.close()
        raise


def _attach(conmon: Conmon, ready: BinaryIO, answers: BinaryIO, directory: Path) -> Attachment:
    """The rest of the dialogue: it says that it can be attached to, we are, it starts the process."""
    conmon.go()
    if not ready.readline():
        raise failures.exec_failure(read_answer(b"", conmon.errors).message)
    attachment = Attachment.connect(directory)
    try:
        conmon.tell()
        answer = read_answer(answers.readline(), conmon.errors)
        if answer.data <= 0:
            raise failures.exec_failure(answer.message or failures.last_words(directory / "oci-log"))
    except BaseException:
        attachment.close()
        raise
    return attachment


def _command(
    monitor: Monitor, container: str, directory: Path, process: ProcessSpec, stdin: bool
) -> list[str]:
    command = [
        *common_words(monitor.program, monitor.engine, container, directory, directory),
        *("--exec", "--exec-attach", "--exec-process-spec", str(directory / "process.json")),
        *("--exit-dir", str(directory / "exits"), "--log-path", "none"),
        *exit_words(("/bin/rm", "-rf", "--", str(directory))),
    ]
    command += ["--terminal", "--leave-stdin-open"] if process.terminal else []
    return command + (["--stdin"] if stdin else [])


def like_first(bundle: Path, args: tuple[str, ...]) -> dict[str, Any]:
    """A process with everything as the container's first one has it, but for the command."""
    base: dict[str, Any] = json.loads((bundle / "config.json").read_bytes())["process"]
    base.pop("consoleSize", None)
    return {**base, "args": list(args), "terminal": False}


def _process(base: dict[str, Any], process: ProcessSpec, privileged: bool) -> dict[str, Any]:
    """The container's own first process, with what differs: so limits and capabilities are the same."""
    result: dict[str, Any] = {
        **base,
        "args": list(process.args),
        "env": list(process.env),
        "cwd": process.cwd,
        "terminal": process.terminal,
        "user": {
            "uid": process.user.uid,
            "gid": process.user.gid,
            "additionalGids": list(process.user.groups),
        },
    }
    held = available()
    bounding = [name for name in ALL if name in held] if privileged else base["capabilities"]["bounding"]
    effective = bounding if process.user.uid == 0 or privileged else []
    result["capabilities"] = {"bounding": bounding, "effective": effective, "permitted": effective}
    result.pop("consoleSize", None)
    if process.size:
        result["consoleSize"] = {"height": process.size[0], "width": process.size[1]}
    return result


def _remove(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)
