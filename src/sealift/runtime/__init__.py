"""Running containers: bundles for crun or runc, conmon as their supervisor, cgroups, logs.

The values and the engine are here; `step.run_step`, `monitor`, `attach`, `execs`, `logs` and `users` are
modules that a command imports when it needs them.
"""

from sealift.runtime.engine import Engine, Runtime, State, choose_runtime
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
    User,
)

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
    "User",
    "choose_runtime",
]
