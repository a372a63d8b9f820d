"""How far away a machine is: its clock, how long a command takes there and back, how much goes through in a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable
from statistics import median

from hyflow.connector import Finding
from hyflow.errors import SiteError
from hyflow.model.quantities import size_text
from hyflow.shell.trips import Opens, trip

TRIPS = 5
APART = 3.0
"""Seconds by which clocks may differ before it is worth a word."""
SECONDS = 2.0
"""How long one direction is measured, about."""
PATIENCE = 8.0
"""How long it may take at most, on a link that is much slower at times."""
SMALLEST, GROWTH, LARGEST = 1 << 14, 4, 1 << 24
"""Bytes of the first block that is moved, how much larger the next one is, and those of the last: 21 MiB in all."""

Move = Callable[[int], Awaitable[None]]


async def measure(site: Opens) -> list[Finding]:
    """Measure; takes about 5 seconds. Raises SiteError."""
    trips = [await _moment(site) for _ in range(TRIPS)]
    usual = median(took for took, _, _ in trips)
    sent = await throughput(lambda size: _send(site, size), usual)
    received = await throughput(lambda size: _receive(site, size), usual)
    return [
        clock(*min(trips)),
        Finding("latency", f"{1000 * usual:.0f} ms for a command, there and back"),
        Finding("throughput", f"{rate_words(sent)} there, {rate_words(received)} back"),
    ]


async def _moment(site: Opens) -> tuple[float, float, float]:
    """Seconds that a command took; how far ahead its clock was half-way; how exact that is, in seconds."""
    began, at = time.monotonic(), time.time()
    answer = (await trip(site, ("date", "+%s.%N"), what="asking for the time")).decode(errors="replace").strip()
    took = time.monotonic() - began
    if (known := re.match(r"(\d{1,12})(?:\.(\d{1,9})$)?", answer, re.ASCII)) is None:
        raise SiteError(f"the machine's clock cannot be read: {answer[:80]!r}", transient=False)
    # Not every date knows fractions of a second.
    there, coarse = (float(f"{known[1]}.{known[2]}"), 0.0) if known[2] else (int(known[1]) + 0.5, 0.5)
    return took, there - (at + took / 2), took / 2 + coarse


def clock(_: float, ahead: float, within: float) -> Finding:
    """What the difference means."""
    if abs(ahead) <= max(within, 0.1):
        return Finding("clock", f"as here (within {max(within, 0.1):.1f} s)")
    words = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's (within {within:.1f} s)"
    apart = abs(ahead) - within > APART
    return Finding("clock", f"{words}: times that jobs write differ by that" if apart else words, "warning" if apart else "ok")


async def throughput(move: Move, idle: float) -> float | None:
    """Bytes a second, of ever larger blocks for as long as there is time. `idle`: seconds that moving nothing takes. None: not even the
    smallest block was moved in time."""
    rate, size, ending = None, SMALLEST, time.monotonic() + SECONDS
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while size <= LARGEST:
                began = time.monotonic()
                await move(size)
                took = time.monotonic() - began
                moving = took - idle if took > 2 * idle else took  # what is hidden in the way there tells a lower bound
                rate = max(rate or 0.0, size / max(moving, 1e-6))
                size *= GROWTH
                if time.monotonic() + idle + moving * GROWTH > ending:
                    break
    return rate


async def _send(site: Opens, size: int) -> None:
    answer = await trip(site, ("wc", "-c"), await asyncio.to_thread(os.urandom, size), what="measuring the way there")
    if answer.split() != [str(size).encode()]:
        raise SiteError(f"of {size:,} bytes that were sent not all arrived", transient=True)


async def _receive(site: Opens, size: int) -> None:
    came = len(await trip(site, ("head", "-c", str(size), "/dev/urandom"), what="measuring the way back"))
    if came != size:
        raise SiteError(f"of {size:,} bytes that were asked for {came:,} arrived", transient=True)


def rate_words(rate: float | None) -> str:
    """As a person says it; None: see `throughput`."""
    return f"less than {size_text(int(SMALLEST / PATIENCE))}/s" if rate is None else f"{size_text(int(rate))}/s"
