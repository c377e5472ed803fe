"""The machine below: system calls that Python lacks, mounts, and what this host can do."""

from sealift.host.boot import boot_id, in_user_namespace

__all__ = ["boot_id", "in_user_namespace"]
