"""What `hyflow status --watch` prints where there is no terminal: a line whenever something has changed, until the run ends."""

from __future__ import annotations

import time

from hyflow import plain
from hyflow.journal import Phase, RunDir
from hyflow.report.standing import UNDER_WAY
from hyflow.report.summary import Summary, every_step, status_json, summarize
from hyflow.report.tables import status_text
from hyflow.report.terminal import duration, one_line
from hyflow.report.waits import Heard, cause_words

PERIOD = 0.5
"""Seconds between two looks."""


def tell(run: RunDir, *, as_lines: bool) -> None:
    """Print until the run has ended. `as_lines`: each line is the status as a JSON object. Raises JournalError."""
    before: object = None
    heard = Heard()
    while True:
        summary = every_step(run, summarize(run))
        if (now := (summary.standing, summary.steps, summary.causes)) != before:
            before = now
            print(plain.line(status_json(summary)) if as_lines else _line(summary, heard), flush=True)
        if summary.state not in UNDER_WAY:
            break
        time.sleep(PERIOD)
    if not as_lines:
        print(status_text(summary), flush=True)


def _line(summary: Summary, heard: Heard) -> str:
    """How far the run is; below it what its jobs wait for, where that was not told before."""
    counts = [f"{count:,} {phase.value}" for phase in Phase if (count := summary.total(phase))]
    waits = [one_line(f"{cause.site}: {cause_words(cause)}") for cause in heard.fresh(summary.causes)]
    return "\n".join([f"{duration(summary.elapsed)}: {', '.join(counts) or 'no jobs yet'}", *waits])
