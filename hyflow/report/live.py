"""Live progress on a terminal: a table of steps that is drawn anew a few times a second, with messages scrolling above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO, cast

from rich.console import Console, ConsoleOptions
from rich.live import Live as Display
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from hyflow.journal import Standing
from hyflow.journal.tally import IN_FLIGHT, Phase, StepTally
from hyflow.model.events import Event, Stopping
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.patient import Patient
from hyflow.report.progress import Progress
from hyflow.report.terminal import address, cell_width, clean, duration, one_line, shorten

_FRAMES = 4
"""Drawings a second, at most."""

_CELL = 9
_NAME = 8
"""Columns that the name of a step needs at least beside all the others."""

_DIM = Style(dim=True)
_COLUMNS = {
    Phase.WAITING: _DIM,
    Phase.STAGING: Style(color="magenta"),
    Phase.QUEUED: Style(color="yellow"),
    Phase.RUNNING: Style(color="cyan"),
    Phase.DONE: Style(color="green"),
    Phase.FAILED: Style(color="red", bold=True),
}


class Drawing:
    """One frame: a line a step, and a foot. Made of segments, since rich's own tables cost ten times the time.

    Where the terminal has no room for a column for every phase, there is one for how many jobs of how many have ended.
    """

    def __init__(self, steps: Sequence[StepTally], foot: str) -> None:
        self._steps, self._foot = steps, foot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        wide = options.max_width >= _NAME + _CELL * len(_COLUMNS)
        room = max(options.max_width - (_CELL * len(_COLUMNS) if wide else _CELL), 1)
        names = [shorten(one_line(step.path), room) for step in self._steps]
        width = max(map(cell_width, names), default=0)
        if wide:
            yield from self._line("", width, {phase: phase.value for phase in _COLUMNS})
        for name, step in zip(names, self._steps, strict=True):
            if wide:
                yield from self._line(name, width, {phase: f"{step[phase]:,}" for phase in _COLUMNS if step[phase]})
            else:
                yield from self._short(name, width, step)
        yield Segment(shorten(self._foot, options.max_width), _DIM)
        yield Segment.line()

    @staticmethod
    def _line(name: str, width: int, cells: Mapping[Phase, str]) -> Iterator[Segment]:
        yield Segment(name + " " * (width - cell_width(name)))
        for phase, style in _COLUMNS.items():
            yield Segment(f"{cells.get(phase, ''):>{_CELL}}", style)
        yield Segment.line()

    @staticmethod
    def _short(name: str, width: int, step: StepTally) -> Iterator[Segment]:
        ended = step.total - sum(step[phase] for phase in IN_FLIGHT)
        yield Segment(name + " " * (width - cell_width(name)))
        yield Segment(f"{f'{ended}/{step.total}':>{_CELL}}", _COLUMNS[Phase.FAILED] if step[Phase.FAILED] else None)
        yield Segment.line()


class Live:
    """The observer for terminals. Events are only counted; a thread of rich's draws."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=cast(TextIO, Patient(stream)), force_terminal=True, markup=False, emoji=False, highlight=False)

    def begin(self, program: Program, run: str) -> None:
        self._progress = Progress(program, run)
        self._say(f"run {run}: {one_line(address(program.source))}")
        self._display = Display(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES,
            transient=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._display.start()

    def so_far(self, standing: Standing, since: float) -> None:
        self._progress.so_far(standing, since)

    def event(self, event: Event) -> None:
        if message := self._progress.event(event):
            self._say(message, "red")
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
        for line in self._progress.failures.rest():
            self._say(line, "red")

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _draw(self) -> Drawing:
        steps = self._progress.steps()
        room = max(self._console.height - 5, 3)
        shown = steps if len(steps) <= room else sorted(steps, key=_interest)[:room]
        return Drawing(shown, self._foot(len(steps) - len(shown)))

    def _foot(self, hidden: int) -> str:
        progress = self._progress
        busy = [f"{one_line(site)}: {_counted(cores, 'core')} busy" for site, cores in list(progress.busy.items())]
        total = progress.tally.total
        ended = total(*(phase for phase in Phase if phase not in IN_FLIGHT))
        others = [f"{total(phase):,} {phase.value}" for phase in Phase if phase not in _COLUMNS and total(phase)]
        more = [_counted(hidden, "more step")] if hidden else []
        return " · ".join([duration(progress.elapsed), f"{_counted(ended, 'job')} ended", *others, *busy, *more])


def _counted(number: float, what: str) -> str:
    text = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{text} {what}" if number == 1 else f"{text} {what}s"


def _interest(step: StepTally) -> tuple[bool, bool]:
    """What goes on first, then what failed, then the rest in order."""
    return (not any(step[phase] for phase in IN_FLIGHT), not step[Phase.FAILED])
