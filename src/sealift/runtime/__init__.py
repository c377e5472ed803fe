"""Running containers: bundles for crun or runc, conmon as their supervisor, cgroups, logs.

The values and the engine are here; `step.run_step`, `monitor`, `attach`, `execs`, `logs` and `users` are
modules that a command imports when it needs them.
"""

from typing import TYPE_CHECKING

from sealift.runtime.spec import (
    HOST_NETWORK,
    NEW_NETWORK,
    BundleSpec,
    Device,
    Mount,
    ProcessSpec,
    Resources,
    Rlimit,
    Security,
    Streams,
    User,
)

if TYPE_CHECKING:
    from sealift.runtime.engine import Engine, Runtime, State, choose_runtime
else:

    def __getattr__(name: str) -> object:
        """The engine is loaded when first asked for: a listing of containers needs the values only."""
        if name not in ("Engine", "Runtime", "State", "choose_runtime"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from sealift.runtime import engine

        return getattr(engine, name)


__all__ = [
    "HOST_NETWORK",
    "NEW_NETWORK",
    "BundleSpec",
    "Device",
    "Engine",
    "Mount",
    "ProcessSpec",
    "Resources",
    "Rlimit",
    "Runtime",
    "Security",
    "State",
    "Streams",
    "User",
    "choose_runtime",
]
