"""mmdebstrap: a Debian tree from signed packages, as a tar. apt checks the signatures."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from sealift.bootstrap.recipes import Recipe
from sealift.core.errors import StepFailed, Unavailable
from sealift.core.events import Emit, Output
from sealift.runtime import programs

LEFT_OUT = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
    # `pip install` in an image is the image's own business, as it is in docker's python images.
    "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED",
)
"""What dpkg leaves out, now and in later installs: documentation (licences stay) and translations."""

_HOOKS = "/usr/share/mmdebstrap/hooks"
_MERGED = (
    "usr-is-merged"  # else bookworm takes the package that merges /usr afterwards, and 47 MB of Perl for it
)
_TAIL_LINES = 15
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
         "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "CURL_CA_BUNDLE")  # fmt: skip


def make_tree(
    recipe: Recipe,
    tar: Path,
    *,
    mirrors: Sequence[str],
    epoch: int,
    environment: Mapping[str, str],
    emit: Emit,
    key: str,
) -> None:
    """Write the tree of `recipe` into `tar`. No file in it is newer than `epoch` (unix seconds).

    Without `mirrors` mmdebstrap takes the suite from where Debian publishes it. `StepFailed` with its last
    words when it fails; when we are interrupted, it is too, and clears up.
    """
    program = programs.need("mmdebstrap", "mmdebstrap")
    mode = "root" if os.geteuid() == 0 else "unshare"
    options = [f"--dpkgopt={option}" for option in LEFT_OUT]
    options += [f"--hook-dir={_HOOKS}/merged-usr", f"--include={','.join((_MERGED, *recipe.packages))}"]
    kept = {name: environment[name] for name in _KEPT if name in environment}
    kept["PATH"] = f"{kept.get('PATH', '')}:{programs.SYSTEM_PATH}".strip(":")
    process = subprocess.Popen(
        [
            program,
            "--variant=minbase",
            f"--mode={mode}",
            "--format=tar",
            *options,
            recipe.suite,
            tar,
            *mirrors,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, "SOURCE_DATE_EPOCH": str(epoch)},
        start_new_session=True,
    )
    tail = _pass_on(process, emit, key)
    if process.returncode != 0:
        name, code = recipe.reference.familiar, process.returncode
        shown = "\n".join(f"  | {line}" for line in tail)
        raise StepFailed(
            f"mmdebstrap could not make {name} (exit code {code}):\n{shown}",
            exit_code=1,
            fix="check that this machine reaches a Debian mirror (apt-get update), or name one with --mirror",
        )
    if not tar.exists():
        raise Unavailable("mmdebstrap wrote no file", fix="apt-get install --reinstall mmdebstrap")


def _pass_on(process: "subprocess.Popen[bytes]", emit: Emit, key: str) -> list[str]:
    """The program's output as events, until it ends; its last lines."""
    tail: list[str] = []
    output = cast(IO[bytes], process.stdout)
    try:
        for line in output:
            emit(Output(key, 2, line))
            tail = [*tail, line.decode("utf-8", "replace").rstrip()][-_TAIL_LINES:]
        process.wait()
    except BaseException:
        # To the whole group, once: mmdebstrap unmounts and removes its directory when it is interrupted.
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    finally:
        output.close()
    return tail
