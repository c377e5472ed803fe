"""What runs without a user: conmon's clean-up behind a container, and the watcher of a running one.

Started as `wiring.background_command` says, by conmon or by a command, with no terminal and no output.
"""

import sys
from pathlib import Path


def main() -> None:
    """Words: the store's root, the action, the container's ID."""
    from sealift import wiring
    from sealift.container import background
    from sealift.core.errors import SealiftError
    from sealift.core.settings import Settings

    root, action, container = sys.argv[1:4]
    parts = wiring.container_parts(Settings(Path(root), {}))
    try:
        background.run(parts, action, container)
    except (SealiftError, OSError):
        # Nobody is there to read it. The state on disk says how far it came; the next look goes on from it.
        sys.exit(1)
