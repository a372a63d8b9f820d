"""Follows a run that another process drives: an observer is told from the journal what it would have been told by the driver, but for what
is no event (data that move, warnings).
"""

from __future__ import annotations

import asyncio

from hyflow.journal import RunDir, holder, read_events
from hyflow.model.workflow import Program
from hyflow.report.observer import Observer
from hyflow.report.sofar import so_far

_PERIOD = 0.2
"""Seconds between looks."""


async def follow(run: RunDir, program: Program, observer: Observer) -> None:
    """From how the run stands until nobody drives it any more. The observer is not told its end. Raises JournalError."""
    known = so_far(run)
    observer.begin(program, run.id, known)
    seq, driven = known.seq, True
    while driven:
        driven = holder(run.lock) is not None  # first: what its driver wrote last is read then, too
        for record in read_events(run.journal, after=seq):
            seq = record.seq
            observer.event(record.event)
        if driven:
            await asyncio.sleep(_PERIOD)
