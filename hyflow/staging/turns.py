"""One run at a time delivers into an output directory: what several put there at once would be mixed, and overwritten half way."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

_PAUSE = 0.1


@contextlib.asynccontextmanager
async def turn(outdir: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Wait for the directory (made if it is not there), and keep it until the end of the block; `waiting` is called once when another
    run has it. Where it cannot be made or locked nobody waits: the delivery itself says what is wrong."""
    descriptor = await _opened(outdir)
    try:
        if descriptor is not None and not _taken(descriptor):
            waiting()
            while not _taken(descriptor):  # noqa: ASYNC110  # of a lock of the kernel there is no event
                await asyncio.sleep(_PAUSE)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


async def _opened(outdir: Path) -> int | None:
    with contextlib.suppress(OSError):
        await asyncio.to_thread(outdir.mkdir, parents=True, exist_ok=True)
        return os.open(outdir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return None


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # there are no locks here
        return True
    return True
