"""What containers use: samples of counters, and what lies between two of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sealift.container import status as states
from sealift.container.looking import look
from sealift.container.values import Sample, Usage

if TYPE_CHECKING:
    from sealift.container.parts import Parts
    from sealift.runtime.processes import Process


def sample(parts: Parts, name: str) -> Sample | None:
    """The counters of a running container now."""
    record, status = look(parts, parts.registry.find(name))
    if status.status not in (states.RUNNING, states.PAUSED) or status.process is None:
        return None
    used = parts.engine.cgroup(record.id).stats()
    if used is None:
        return None
    received, sent = (0, 0) if record.spec.network == "host" else _network(status.process)
    return Sample(
        time=time.monotonic_ns(),
        cpu=used.cpu,
        system_cpu=used.system_cpu,
        online_cpus=used.online_cpus,
        memory=used.memory,
        memory_limit=used.memory_limit,
        pids=used.pids,
        pids_limit=used.pids_limit,
        read_bytes=used.read_bytes,
        written_bytes=used.written_bytes,
        received_bytes=received,
        sent_bytes=sent,
    )


def usage(before: Sample | None, now: Sample) -> Usage:
    """What was used between two samples; CPU is 0 where there is only one."""
    total = _memory_of_host()
    limit = min(now.memory_limit, total) if now.memory_limit else total
    return Usage(
        cpu_percent=_cpu(before, now),
        memory=now.memory,
        memory_limit=limit,
        memory_percent=100 * now.memory / limit if limit else 0.0,
        received_bytes=now.received_bytes,
        sent_bytes=now.sent_bytes,
        read_bytes=now.read_bytes,
        written_bytes=now.written_bytes,
        pids=now.pids,
    )


def _cpu(before: Sample | None, now: Sample) -> float:
    """Percent of one CPU, as docker counts: the share of what all CPUs had, times their number."""
    if before is None or now.system_cpu <= before.system_cpu or now.cpu < before.cpu:
        return 0.0
    return 100 * now.online_cpus * (now.cpu - before.cpu) / (now.system_cpu - before.system_cpu)


def _network(process: Process) -> tuple[int, int]:
    """Bytes received and sent over everything but the loopback device (proc(5), /proc/PID/net/dev)."""
    received = sent = 0
    try:
        lines = Path(f"/proc/{process.pid}/net/dev").read_text().splitlines()[2:]
    except (FileNotFoundError, ProcessLookupError, OSError):
        return 0, 0
    for line in lines:
        device, _, counters = line.partition(":")
        if device.strip() != "lo":
            fields = counters.split()
            received += int(fields[0])
            sent += int(fields[8])
    return received, sent


def _memory_of_host() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
