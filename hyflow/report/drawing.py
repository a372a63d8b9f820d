"""A table of steps as a frame for a terminal: made anew for every drawing, as wide as the terminal is then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

from hyflow.journal.tally import IN_FLIGHT, Phase, StepTally
from hyflow.report.terminal import cell_width, one_line, shorten

_CELL = 9
_NAME = 8
"""Columns that the name of a step needs at least beside all the others."""

_DIM = Style(dim=True)
COLUMNS = {
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
        wide = options.max_width >= _NAME + _CELL * len(COLUMNS)
        room = max(options.max_width - (_CELL * len(COLUMNS) if wide else _CELL), 1)
        names = [shorten(one_line(step.path), room) for step in self._steps]
        width = max(map(cell_width, names), default=0)
        if wide:
            yield from self._line("", width, {phase: phase.value for phase in COLUMNS})
        for name, step in zip(names, self._steps, strict=True):
            if wide:
                yield from self._line(name, width, {phase: f"{step[phase]:,}" for phase in COLUMNS if step[phase]})
            else:
                yield from self._short(name, width, step)
        yield Segment(shorten(self._foot, options.max_width), _DIM)
        yield Segment.line()

    @staticmethod
    def _line(name: str, width: int, cells: Mapping[Phase, str]) -> Iterator[Segment]:
        yield Segment(name + " " * (width - cell_width(name)))
        for phase, style in COLUMNS.items():
            yield Segment(f"{cells.get(phase, ''):>{_CELL}}", style)
        yield Segment.line()

    @staticmethod
    def _short(name: str, width: int, step: StepTally) -> Iterator[Segment]:
        ended = step.total - sum(step[phase] for phase in IN_FLIGHT)
        yield Segment(name + " " * (width - cell_width(name)))
        yield Segment(f"{f'{ended}/{step.total}':>{_CELL}}", COLUMNS[Phase.FAILED] if step[Phase.FAILED] else None)
        yield Segment.line()


def counted(number: float, what: str, several: str = "") -> str:
    """So many of what there is; `several`: its plural, where that is not regular."""
    text = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{text} {what if number == 1 else several or f'{what}s'}"


def interest(step: StepTally) -> tuple[bool, bool]:
    """What goes on first, then what failed, then the rest in order."""
    return (not any(step[phase] for phase in IN_FLIGHT), not step[Phase.FAILED])
