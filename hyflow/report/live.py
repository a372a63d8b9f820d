"""Live progress on a terminal: a table of steps that is drawn anew a few times a second, with messages scrolling above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO, cast

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from hyflow.journal.tally import IN_FLIGHT, Phase
from hyflow.model.events import Event, Stopping
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.drawing import COLUMNS, Drawing, counted, interest
from hyflow.report.patient import Patient
from hyflow.report.progress import Progress
from hyflow.report.sofar import SoFar
from hyflow.report.terminal import address, clean, duration, one_line

_FRAMES = 4
"""Drawings a second, at most."""


class Live:
    """The observer for terminals. Events are only counted; a thread of rich's draws."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=cast(TextIO, Patient(stream)), force_terminal=True, markup=False, emoji=False, highlight=False)

    def begin(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        self._progress = Progress(program, run, so_far)
        self._say(f"run {run}{' goes on' if so_far else ''}: {one_line(address(program.source))}")
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
        if note := self._progress.note(event):
            self._say(note, "yellow")
        if isinstance(event, Stopping):
            self._say(f"stopping ({one_line(event.reason)}): nothing more is started", "yellow")

    def stage(self, job: JobId, text: str) -> None:
        self._progress.stage(job, text)

    def warn(self, text: str) -> None:
        self._say(f"warning: {clean(text)}", "yellow")

    def note(self, text: str) -> None:
        self._say(one_line(text))

    def alarm(self, text: str) -> None:
        self._say(f"warning: {clean(text)}", "red")

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        self._display.stop()
        for line in self._progress.retries.rest():
            self._say(line, "yellow")
        for line in self._progress.failures.rest():
            self._say(line, "red")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _draw(self) -> Drawing:
        steps = self._progress.steps()
        room = max(self._console.height - 5, 3)
        shown = steps if len(steps) <= room else sorted(steps, key=interest)[:room]
        return Drawing(shown, self._foot(len(steps) - len(shown)))

    def _foot(self, hidden: int) -> str:
        progress = self._progress
        busy = [f"{one_line(site)}: {counted(cores, 'core')} busy" for site, cores in list(progress.busy.items())]
        total = progress.tally.total
        ended = total(*(phase for phase in Phase if phase not in IN_FLIGHT))
        others = [f"{total(phase):,} {phase.value}" for phase in Phase if phase not in COLUMNS and total(phase)]
        more = [counted(hidden, "more step")] if hidden else []
        tried = sum(step.retries for step in list(progress.tally.steps.values()))
        again = [counted(tried, "retry", "retries")] if tried else []
        return " · ".join([duration(progress.elapsed), f"{counted(ended, 'job')} ended", *others, *again, *busy, *more])
