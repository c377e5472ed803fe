"""What a runtime says when it fails, as errors a user can act on."""

import json
import re
from pathlib import Path

from sealift.core.errors import NotFound, SealiftError, StartFailed

# Texts, compiled when something failed: not at every start.
_MISSING = r"(?i)executable file (?:`.*' )?not found in \$PATH|no such file or directory|not a directory"
_FORBIDDEN = r"(?i)permission denied|exec format error|is a directory|operation not permitted"
_EXEC = r'exec: "(?P<quoted>(?:[^"\\]|\\.)*)": |exec (?P<bare>/\S+): |(?P<crun>executable file )'


def message_of(output: bytes | str) -> str:
    """The runtime's own words, out of its log lines in JSON, or as they are."""
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    messages = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
                messages.append(str(entry.get("msg", "")))
        except ValueError:
            messages.append(line)
    words = [message.strip() for message in messages if message.strip()]
    return words[-1] if words else ""


def exec_failure(output: bytes | str) -> StartFailed:
    """Why another command did not start in a container that runs: 126 where `start_failure` has 125."""
    return start_failure(output, other=(126, "cannot run this in the container"))


def start_failure(
    output: bytes | str, other: tuple[int, str] = (125, "cannot start the container")
) -> StartFailed:
    """Why a container or its command did not start, with docker's exit code: 127 for a command that does not
    exist, 126 for one that may not be executed, and what `other` says for everything else.
    """
    message = message_of(output) or "the runtime gave no reason"
    found = re.search(_EXEC, message)
    if found is None:
        return StartFailed(f"{other[1]}: {_short(message)}", exit_code=other[0])
    command = found["quoted"] or found["bare"] or ""
    named = f" {command!r}" if command else ""
    rest = message[found.start() :]
    if re.search(_MISSING, rest):
        return StartFailed(
            f"command not found in the container:{named or ' ' + _short(message)}",
            exit_code=127,
            fix="check the spelling, and that the image contains it and what its first line (#!) names",
        )
    if re.search(_FORBIDDEN, rest):
        reason = _short(rest[found.end() - found.start() :])
        return StartFailed(
            f"command cannot be executed in the container:{named} {reason}".rstrip(),
            exit_code=126,
            fix="check its mode (chmod +x), its architecture and its first line (#!)",
        )
    return StartFailed(f"{other[1]}: {_short(message)}", exit_code=other[0])


def command_failure(action: str, container: str, output: bytes) -> SealiftError:
    """Why the runtime could not do something to a container that exists, or did."""
    message = message_of(output)
    if "does not exist" in message:
        return NotFound(f"cannot {action} container {container[:12]}: it is not running")
    return SealiftError(f"cannot {action} container {container[:12]}: {_short(message)}")


def _short(message: str) -> str:
    """Without the chain of the runtime's own function names in front."""
    for prefix in (
        "runc create failed: ",
        "runc run failed: ",
        "exec failed: ",
        "unable to start container process: ",
        "container_linux.go:",
    ):
        message = message.removeprefix(prefix)
    return message[:500]


def last_words(log: Path) -> str:
    """The last error in a runtime's log file."""
    try:
        return message_of(log.read_bytes())
    except FileNotFoundError:
        return ""
