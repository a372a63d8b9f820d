"""Live progress on a terminal: a table of steps that is drawn anew a few times a second, with messages scrolling above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, Group
from rich.live import Live as Display
from rich.table import Table
from rich.text import Text

from hyflow.journal.tally import IN_FLIGHT, Phase, StepTally
from hyflow.model.events import Event, Stopping
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.progress import Progress
from hyflow.report.terminal import clean, duration, one_line

_FRAMES = 4
"""Drawings a second, at most."""

_COLUMNS = {
    Phase.WAITING: "dim",
    Phase.STAGING: "magenta",
    Phase.QUEUED: "yellow",
    Phase.RUNNING: "cyan",
    Phase.DONE: "green",
    Phase.FAILED: "bold red",
}


class Live:
    """The observer for terminals. Events are only counted; a thread of rich's draws."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True, markup=False, emoji=False, highlight=False)

    def begin(self, program: Program, run: str) -> None:
        self._progress = Progress(program, run)
        self._say(f"run {run}: {one_line(program.source)}")
        self._display = Display(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES,
            transient=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._display.start()

    def event(self, event: Event) -> None:
        if message := self._progress.event(event):
            self._say(message, "red")
        if isinstance(event, Stopping):
            self._say(f"stopping ({one_line(event.reason)}): nothing more is started", "yellow")

    def stage(self, job: JobId, text: str) -> None:
        self._progress.stage(job, text)

    def warn(self, text: str) -> None:
        self._say(f"warning: {clean(text)}", "yellow")

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        self._display.stop()
        for line in self._progress.failures.rest():
            self._say(line, "red")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _draw(self) -> Group:
        steps = self._progress.steps()
        room = max(self._console.height - 5, 3)
        shown = steps if len(steps) <= room else sorted(steps, key=_interest)[:room]
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=False, show_edge=False)
        table.add_column("step", overflow="ellipsis", no_wrap=True)
        for phase, style in _COLUMNS.items():
            table.add_column(phase.value, justify="right", style=style, no_wrap=True)
        for step in shown:
            table.add_row(Text(one_line(step.path)), *(f"{step[phase]:,}" if step[phase] else "" for phase in _COLUMNS))
        return Group(table, Text(self._foot(len(steps) - len(shown)), style="dim"))

    def _foot(self, hidden: int) -> str:
        progress = self._progress
        busy = [f"{one_line(site)}: {cores:g} cores busy" for site, cores in list(progress.busy.items())]
        ended = progress.tally.total(Phase.DONE, Phase.SKIPPED, Phase.FAILED, Phase.CANCELLED)
        more = [f"{hidden} more steps"] if hidden else []
        return " · ".join([duration(progress.elapsed), f"{ended:,} jobs ended", *busy, *more])


def _interest(step: StepTally) -> tuple[bool, bool]:
    """What goes on first, then what failed, then the rest in order."""
    return (not any(step[phase] for phase in IN_FLIGHT), not step[Phase.FAILED])
