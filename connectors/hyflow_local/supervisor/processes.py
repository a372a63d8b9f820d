"""Processes of this machine: who descends from whom, who is still the same, and how to end them. Knows nothing of jobs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

PROC = os.path.exists("/proc/self/stat")
PR_SET_CHILD_SUBREAPER = 36
TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
"""Nanoseconds."""


class Process(NamedTuple):
    """`start` is the kernel's start time in ticks since boot, or elsewhere the date that `ps` shows."""

    parent: int
    group: int
    session: int
    start: str


def snapshot() -> dict[int, Process]:
    """Every process that can be seen now, zombies left out."""
    if not PROC:
        return _snapshot_of_ps()
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = _of_proc(int(name))
            if process is not None:
                found[int(name)] = process
    return found


def _of_proc(pid: int) -> Process | None:
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The second field is the command's name in parentheses, which may hold anything.
    fields = text[text.rfind(b")") + 2:].split()
    if fields[0] in b"ZX":
        return None
    return Process(int(fields[1]), int(fields[2]), int(fields[3]), fields[19].decode())


def _snapshot_of_ps() -> dict[int, Process]:
    import subprocess

    columns = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "lstart="]
    listing = subprocess.run(columns, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    found = {}
    for line in listing.stdout.decode(errors="replace").splitlines():
        pid, parent, group, start = line.split(None, 3)
        found[int(pid)] = Process(int(parent), int(group), int(group), " ".join(start.split()))
    return found


def working_directories() -> Iterator[tuple[int, str]]:
    """Each process of ours with the directory that it works in, where the kernel shows that."""
    for name in os.listdir("/proc") if PROC else ():
        if name.isdigit():
            with contextlib.suppress(OSError):
                yield int(name), os.readlink(f"/proc/{name}/cwd")


def ticks() -> int:
    """Now, as the kernel counts the start times of processes; 0 where it shows none."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // TICK if PROC else 0


def boot_id() -> str:
    """Names the time since the machine started."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        import subprocess

        return subprocess.run(["sysctl", "-n", "kern.boottime"], capture_output=True, check=False).stdout.decode(errors="replace").strip()


def same(process: Process | None, start: tuple[int, int], at: float) -> bool:
    """Whether this is the process that was started between two `ticks`, at the time `at`, and not a later one of its number."""
    if process is None:
        return False
    if PROC:
        return start[0] <= int(process.start) <= start[1]
    try:
        return abs(time.mktime(time.strptime(process.start, "%a %b %d %H:%M:%S %Y")) - at) < 3
    except ValueError:
        return False


def family(heads: Collection[int], every: Mapping[int, Process]) -> dict[int, str]:
    """The start times of the heads, of all that descends from them or from their sessions and groups, by process number."""
    children: dict[int, list[int]] = {}
    for pid, process in every.items():
        children.setdefault(process.parent, []).append(pid)
    wanted = set(heads)
    todo = [pid for pid, process in every.items() if pid in wanted or process.session in wanted or process.group in wanted]
    found: dict[int, str] = {}
    while todo:
        pid = todo.pop()
        if pid not in found:
            found[pid] = every[pid].start
            todo += children.get(pid, ())
    return found


def kill_group(group: int, number: int) -> None:
    """Signal a process group; one that is gone, or holds zombies alone, is passed over."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def reap() -> tuple[int, int, Any]:
    """Reap one child, if one has ended, and kill what is left of its group: before its number can be given away, where that can be done."""
    if not hasattr(os, "waitid"):
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid:
            kill_group(pid, signal.SIGKILL)
        return pid, status, usage
    ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return 0, 0, None
    kill_group(ended.si_pid, signal.SIGKILL)
    return os.wait4(ended.si_pid, 0)


def kill_known(known: Mapping[int, str], number: int) -> int:
    """Signal those processes that are still the same; returns how many there were."""
    if not known:
        return 0
    every = None if PROC else snapshot()
    count = 0
    for pid, start in known.items():
        process = _of_proc(pid) if every is None else every.get(pid)
        if process is not None and process.start == start:
            count += 1
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
    return count


def end_for_good(heads: Collection[int], patience: float = 5.0) -> bool:
    """Kill the heads (none of which is a child of ours) with their families; whether all are gone."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        left = family(heads, snapshot())
        left.pop(os.getpid(), None)
        if not left:
            return True
        kill_known(left, signal.SIGKILL)
        time.sleep(0.01)
    return False


def adopt_orphans() -> None:
    """On Linux, make this process the parent of all descendants whose own parent has died, so that none can slip away."""
    if not PROC:
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    try:
        with open("/proc/vmstat", "rb") as file:
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0
