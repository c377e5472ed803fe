"""The life of containers: created, started, supervised, stopped, removed; volumes; health.

`ContainerSpec` says what one is to be, `Containers` does it. `parsing` has docker's texts for mounts and
devices; `signals`, `names` and the rest are imported where they are needed.
"""

from sealift.container.service import Containers
from sealift.container.spec import (
    ContainerSpec,
    ExecSpec,
    LogOptions,
    MountSpec,
    RestartPolicy,
    SecuritySpec,
)
from sealift.container.values import Container, State

__all__ = [
    "Container",
    "ContainerSpec",
    "Containers",
    "ExecSpec",
    "LogOptions",
    "MountSpec",
    "RestartPolicy",
    "SecuritySpec",
    "State",
]
