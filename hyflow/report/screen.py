"""What `hyflow status --watch` draws on a terminal: the status, anew twice a second, on a screen of its own that goes when the run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment

from hyflow.journal import RunDir
from hyflow.report.changes import PERIOD
from hyflow.report.drawing import Drawing, counted, interest
from hyflow.report.standing import UNDER_WAY
from hyflow.report.summary import Summary, every_step, summarize
from hyflow.report.tables import status_head, status_text, steps_table
from hyflow.report.terminal import cell_width, shorten

_FOOT = "Ctrl-C leaves this view; the run goes on"


class Frame:
    """The status of a run, as wide and as high as the terminal is. Where its table is too wide, steps are told in fewer columns; where
    there are too many of them, those at which something happens."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head, steps = status_head(self._summary), self._summary.steps
        room = max(console.height - len(head) - 4, 1)
        shown = steps if len(steps) <= room else sorted(steps, key=interest)[:room]
        foot = " · ".join([_FOOT, *([counted(len(steps) - len(shown), "more step")] if len(shown) < len(steps) else [])])
        table = steps_table(self._summary, shown).splitlines()
        if max(map(cell_width, table)) <= options.max_width:
            yield from _lines([*head, "", *table, "", foot], options.max_width)
        else:
            yield from _lines([*head, ""], options.max_width)
            yield Drawing(shown, foot)


def _lines(texts: Sequence[str], width: int) -> Iterator[Segment]:
    for text in texts:
        yield Segment(shorten(text, width))
        yield Segment.line()


async def watch(run: RunDir) -> None:
    """Draw until the run has ended, then print how. Being cancelled gives the terminal back as it was. Raises JournalError."""
    summary = every_step(run, summarize(run))
    if summary.state in UNDER_WAY:
        console = Console(markup=False, emoji=False, highlight=False)
        with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as display:
            while summary.state in UNDER_WAY:
                display.update(Frame(summary), refresh=True)
                await asyncio.sleep(PERIOD)
                summary = every_step(run, summarize(run))
    print(status_text(summary))
