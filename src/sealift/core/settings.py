"""What the user decided before any command: where state lives, from flags and environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self


class Settings(NamedTuple):
    """`root` is the one directory that holds all state; two roots never meet."""

    root: Path
    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, uid: int, root: str | None = None) -> Self:
        """`--root`, else SEALIFT_ROOT, else /var/lib/sealift for root and the XDG data home for others."""
        chosen = root or environment.get("SEALIFT_ROOT")
        if chosen:
            return cls(Path(chosen).absolute(), environment)
        if uid == 0:
            return cls(Path("/var/lib/sealift"), environment)
        data_home = environment.get("XDG_DATA_HOME") or f"{environment.get('HOME', '/')}/.local/share"
        return cls(Path(data_home) / "sealift", environment)
