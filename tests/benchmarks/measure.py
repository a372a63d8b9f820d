"""Measures one command, as a process of its own that stays small: what a command inherits of its parent's peak memory is in its figure.

    echo '{"argv": [...], "cwd": "...", "environment": {...}, "said": "...", "patience": 600}' | python measure.py

prints {"began": unix seconds, "wall": seconds or null, "status": n, "largest": bytes, "tree": bytes} as JSON. `largest` is the peak
resident memory of the largest process among the command and all that it waited for (wait4). `tree` is the largest sum of the resident
memory of the command and everything that it started, as seen every 50 ms: what processes share is counted in each. Linux only.
Interrupted (SIGINT, SIGTERM), it ends all that it started.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INTERVAL = 0.05
"""Seconds between two looks at the memory."""
LEAVE = 30.0
"""Seconds for which what a command has left running is waited for, outside the clock; what is there after that is ended."""
PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")


def interruptible() -> None:
    """From now on SIGINT or SIGTERM raises KeyboardInterrupt, once: what is done then is not interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)


def _interrupted(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def children(pid: int) -> list[int]:
    """The processes that any thread of this one started."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        return [int(child) for thread in threads for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
    except OSError:
        return []


def below(pid: int, size: int = -1) -> Iterator[tuple[int, int]]:
    """All that came of a process: (pid, resident bytes). One that was just forked and still is its parent's image counts nothing."""
    for child in children(pid):
        try:
            whole, resident = Path(f"/proc/{child}/statm").read_text().split()[:2]
        except OSError:
            continue
        yield child, 0 if int(whole) == size else int(resident) * PAGE
        yield from below(child, int(whole))


def settle(patience: float) -> None:
    """Wait for what is still running, and end it when that takes too long."""
    late = time.monotonic() + patience
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if time.monotonic() > late:
            for pid, _ in list(below(os.getpid())):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        time.sleep(0.02)


def watch(pid: int, patience: float) -> tuple[bool, int]:
    """Wait until the process has ended: (whether it did in time, the peak of the whole tree in bytes)."""
    late = time.monotonic() + patience
    peak = 0
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        while not poll.poll(INTERVAL * 1000):
            peak = max(peak, sum(size for _, size in below(os.getpid())))
            if time.monotonic() > late:
                return False, peak
    finally:
        os.close(descriptor)
    return True, peak


def measure(argv: list[str], cwd: str, environment: dict[str, str], said: str, patience: float) -> dict[str, Any]:
    """Run a command; its standard output goes to `said`, its standard error beside it with `.err`."""
    with open(said, "wb") as out, open(f"{said}.err", "wb") as err:
        began, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        ended, tree = watch(process.pid, patience)
        wall = time.perf_counter() - clock
    if not ended:
        settle(0)
        process.returncode = -signal.SIGKILL
        return {"began": began, "wall": None, "status": -signal.SIGKILL, "largest": 0, "tree": tree}
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    settle(LEAVE)
    largest = usage.ru_maxrss * 1024
    return {"began": began, "wall": wall, "status": process.returncode, "largest": largest, "tree": max(tree, largest)}


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    interruptible()
    try:
        print(json.dumps(measure(**json.load(sys.stdin))))
    except KeyboardInterrupt:
        settle(0)
        sys.exit(130)
