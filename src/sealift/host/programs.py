"""Where the programs that Sealift calls are installed."""

import os

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_HELPERS = ("/usr/lib/podman", "/usr/libexec/podman")
"""Where distributions put programs that nobody is meant to type."""


def find(*names: str) -> str | None:
    """The path of the first of these that is installed: on the caller's PATH, or where systems put it."""
    directories = [*os.environ.get("PATH", "").split(":"), *SYSTEM_PATH.split(":"), *_HELPERS]
    for name in names:
        for directory in directories:
            path = f"{directory}/{name}"
            if directory and os.access(path, os.X_OK):
                return path
    return None
