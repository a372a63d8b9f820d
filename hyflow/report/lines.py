"""Plain lines for where there is no terminal: when a step begins, ends or fails, and now and then how far the run is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from hyflow.journal.tally import IN_FLIGHT, Phase, job_of
from hyflow.model.events import Event, Stopping
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.outline import over_before
from hyflow.report.patient import Patient
from hyflow.report.progress import Progress
from hyflow.report.sofar import SoFar
from hyflow.report.terminal import address, clean, duration, one_line

_PERIOD = 10.0
_SETTLED = 1.0
"""Seconds for which a scattered step must have had nothing to do before it is said to be done: more jobs may follow."""


class Quiet:
    """Tells failures, that the run is stopped, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Patient(stream)

    def begin(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        self._progress = Progress(program, run, so_far)

    def event(self, event: Event) -> None:
        if message := self._progress.event(event):
            self._say(message)
        if isinstance(event, Stopping):
            self._say(f"stopping ({one_line(event.reason)}): nothing more is started")

    def stage(self, job: JobId, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def alarm(self, text: str) -> None:
        self._say(f"warning: {clean(text)}")

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        for line in self._progress.failures.rest():
            self._say(line)

    def _say(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class Lines(Quiet):
    """Tells the run as it goes."""

    def begin(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        super().begin(program, run, so_far)
        self._single = {line.path for line in self._progress.outline if line.single}
        self._over = over_before(program)
        self._idle: dict[str, float] = {}
        self._begun = {path for path, figures in self._progress.tally.steps.items() if figures.total}
        self._told, self._summary = 0.0, ""
        self._say(f"run {run}{' goes on' if so_far else ''}: {one_line(address(program.source))}")
        if so_far:
            self._told = self._progress.elapsed
            self._sum_up()

    def event(self, event: Event) -> None:
        job, now = job_of(event), self._progress.elapsed
        if job is not None and job.step in self._over and job.step not in self._begun:
            self._begins(job.step)
        super().event(event)
        if note := self._progress.note(event):
            self._say(note)
        if job is not None:
            self._rest(job.step, now)
        for step in [step for step, since in self._idle.items() if now - since >= _SETTLED]:
            self._done(step)
        if now - self._told >= _PERIOD:
            self._told = now
            self._sum_up()

    def warn(self, text: str) -> None:
        self._say(f"warning: {clean(text)}")

    def note(self, text: str) -> None:
        self._say(one_line(text))

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        for step in list(self._idle):
            self._done(step)
        for line in self._progress.retries.rest():
            self._say(line)
        super().end(failures)
        self._sum_up()

    def _begins(self, step: str) -> None:
        """What it takes its inputs from is done, and said to be so first."""
        for source in [source for source in self._idle if source in self._over[step]]:
            self._done(source)
        self._begun.add(step)
        self._say(f"{one_line(step)} begins")

    def _rest(self, step: str, now: float) -> None:
        """A step with nothing in flight is done at once when it can fire only once, else when that lasts."""
        figures = self._progress.tally.steps[step]
        if self._progress.in_flight(step) or not figures.total:
            self._idle.pop(step, None)
        elif step in self._single:
            self._done(step)
        else:
            self._idle[step] = now

    def _done(self, step: str) -> None:
        self._idle.pop(step, None)
        figures = self._progress.tally.steps[step]
        counts = ", ".join(f"{figures[phase]:,} {phase.value}" for phase in Phase if figures[phase] and phase not in IN_FLIGHT)
        self._say(f"{one_line(step)} ends: {counts} in {duration(figures.last - figures.first)}")

    def _sum_up(self) -> None:
        """How far the run is, unless that was just said."""
        figures = [(self._progress.tally.total(phase), phase.value) for phase in Phase]
        counts = ", ".join(f"{count:,} {word}" for count, word in figures if count)
        summary = f"{duration(self._progress.elapsed)}: {counts or 'no jobs yet'}"
        if summary != self._summary:
            self._summary = summary
            self._say(summary)
