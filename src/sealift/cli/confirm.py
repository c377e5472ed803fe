"""Asking before something is deleted."""

import sys

from sealift.cli.app import App


def confirm(warning: str, app: App) -> bool:
    """Show what is about to happen and ask; only a yes is one, not silence."""
    app.stdout.write(f"WARNING! {warning}\nAre you sure you want to continue? [y/N] ")
    app.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
