"""What this machine offers: cores and memory, within what CPU affinity and control groups (v1 and v2) allow."""

from __future__ import annotations

import math
import os
from pathlib import Path

from hyflow.errors import DeploymentError
from hyflow.model.quantities import parse_size
from hyflow.model.resources import Resources

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
DEVICES = Path("/dev")
FALLBACK_MEMORY = 4 << 30


def capacity(cores: float | None, memory: str | None, gpus: int | None = None) -> Resources:
    """The settings' caps, and what was found for those that are not set."""
    if cores is not None and not (cores > 0 and math.isfinite(cores)):
        raise DeploymentError(f"cores must be more than 0, not {cores}")
    return Resources(
        cores=found_cores() if cores is None else cores,
        memory=found_memory() if memory is None else parse_size(memory),
        gpus=found_gpus() if gpus is None else gpus,
    )


def found_gpus(devices: Path = DEVICES) -> int:
    """GPUs whose device files are there (NVIDIA's)."""
    return sum(name.name.removeprefix("nvidia").isdigit() for name in devices.glob("nvidia*"))


def found_cores(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float:
    """Cores that this process may use; a fraction where a control group allows a part of one."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for folder in _folders(cgroups, membership, "cpu"):
        quota, period = _v2_quota(folder) or _v1_quota(folder) or (0.0, 1.0)
        if quota > 0 and period > 0:
            cores = min(cores, quota / period)
    return max(cores, 0.01)


def found_memory(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Bytes of memory that this process may use."""
    memory = _physical()
    for folder in _folders(cgroups, membership, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _number(folder / name)
            if limit:
                memory = min(memory, int(limit))
    return memory


def _physical() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return FALLBACK_MEMORY


def _folders(cgroups: Path, membership: Path, controller: str) -> list[Path]:
    """The control groups that bound this process, with those above them; the top too, for containers see their own as the top."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            base = cgroups
        elif controller in controllers.split(","):
            base = cgroups / controllers if (cgroups / controllers).is_dir() else cgroups / controller
        else:
            continue
        here = base / path.lstrip("/")
        found += [here, *(parent for parent in here.parents if parent == base or base in parent.parents)]
    return found


def _v2_quota(folder: Path) -> tuple[float, float] | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else (float(quota), float(period))
    except (OSError, ValueError):
        return None


def _v1_quota(folder: Path) -> tuple[float, float] | None:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return (quota, period) if quota and period else None


def _number(path: Path) -> float | None:
    try:
        number = float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return number if number > 0 else None
