"""What `hyflow logs --follow` prints: the story of a run, or what one job writes, as it grows. Looks a few times a second, and ends
with the run or with the job. Begins nothing that would have to be ended: Ctrl-C may end it at any moment.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hyflow import plain
from hyflow.errors import HyflowError, UsageError
from hyflow.journal import Phase, RunDir, read_events, read_job, read_record, read_tallies
from hyflow.journal.tally import IN_FLIGHT
from hyflow.model.events import Failed, Submitting
from hyflow.model.jobs import JobId
from hyflow.report import jsonlog
from hyflow.report.growing import Growing, Told
from hyflow.report.joblog import JobStory, Story, try_words
from hyflow.report.logs import named
from hyflow.report.outline import outline
from hyflow.report.selection import Selection, select
from hyflow.report.standing import UNDER_WAY, Standing, standing
from hyflow.report.story import story_line
from hyflow.report.summary import program_of
from hyflow.report.terminal import clean, one_line

_PERIOD = 0.25
"""Seconds between two looks."""


def follow(run: RunDir, step: str | None, *, streams: Sequence[str] = (), as_lines: bool = False, whole: bool = False) -> None:
    """Print what is known of the run, or of the job that `step` ("STEP[INDEX]") means, and what comes, until its end.

    `streams`: of a job only these ("stdout", "stderr"). `as_lines`: JSON, an object a line. `whole`: all that a job wrote before goes to
    a terminal too. Raises UsageError, when there can be no such
    job, HyflowError, when what it writes cannot be read from here, and JournalError.
    """
    if step is not None:
        _Job(run, _job_of(run, step), Told(streams or ("stderr", "stdout"), as_lines=as_lines, whole=whole)).follow()
    elif streams:
        raise UsageError("--stdout and --stderr are about one job", hint=f"hyflow logs {run.id} STEP[INDEX]")
    else:
        _story(run, as_lines)


def _story(run: RunDir, as_lines: bool) -> None:
    seq = 0
    while True:
        stands = standing(run)  # before the events: what it wrote last is read then
        for record in read_events(run.journal, after=seq):
            seq = record.seq
            print(plain.line(jsonlog.as_json(record.event, record.at)) if as_lines else story_line(record))
        sys.stdout.flush()
        if stands.state not in UNDER_WAY:
            _say(f"run {run.id}: {_ending(run, stands)}")
            return
        time.sleep(_PERIOD)


def _ending(run: RunDir, stands: Standing) -> str:
    return "; ".join(filter(None, [stands.words, stands.goes_on, stands.next(run.id)]))


def _job_of(run: RunDir, text: str) -> JobId:
    """The job that is meant, which may not have begun. Raises UsageError when it may be several."""
    known = {tally.path: tally for tally in read_tallies(run.journal)}
    chosen = named(run, text) or select(text, list(known))
    if chosen.tag is not None or _single(run, chosen):
        return JobId(chosen.step, chosen.tag or ())
    hint = f"hyflow logs {run.id} '{one_line(chosen.step)}[0]' --follow follows the first one"
    raise UsageError(f"the step {one_line(chosen.step)} may have several jobs: which one is to be followed?", hint=hint)


def _single(run: RunDir, chosen: Selection) -> bool:
    program = program_of(run)
    return program is None or any(line.single for line in outline(program) if line.path == chosen.step)


class _Job:
    """Follows one job over its attempts."""

    def __init__(self, run: RunDir, job: JobId, told: Told) -> None:
        self._run, self._job, self._told = run, job, told
        self._name = one_line(str(job))
        self._story, self._seq = Story(job), 0
        self._files: Growing | None = None
        self._watching = False
        """What was there before is known: what comes from now on is news."""

    def follow(self) -> None:
        while True:
            stands = standing(self._run)
            self._read()
            ended = self._over or stands.state not in UNDER_WAY
            if self._files is not None:
                self._files.pump(last=ended)
            if ended:
                return self._end(stands)
            if self._files is None and not self._watching:
                _say(f"{self._name} has not started yet: waiting for it")
            self._watching = True
            time.sleep(_PERIOD)

    @property
    def _over(self) -> bool:
        return self._story.phase is not None and self._story.phase not in IN_FLIGHT

    def _read(self) -> None:
        """Take in what befell the job since the last look."""
        latest = read_record(self._run.journal)
        after, self._seq = self._seq, latest.seq if latest else 0
        for record in read_job(self._run.journal, self._job, after=after):
            self._seq = max(self._seq, record.seq)
            self._story.event(record.event)
            story = self._story.told()
            match record.event:
                case Submitting():
                    self._next_attempt(story)
                case Failed(again=float() | int()) if story.tries:
                    self._drain()
                    _say(f"{self._name}: {one_line(try_words(story.attempts, story.tries[-1]))}")
        self._check_here(self._story.told())

    def _next_attempt(self, story: JobStory) -> None:
        self._drain()
        if story.where is not None:
            if story.attempts > 1:
                _say(f"{self._name}: attempt {story.attempts} goes to {one_line(str(story.where))}")
            self._files = Growing(story.where.dir, story.attempts, self._told)

    def _drain(self) -> None:
        """What the attempt wrote last, if it was followed."""
        if self._watching and self._files is not None:
            self._files.pump(last=True)

    def _check_here(self, story: JobStory) -> None:
        """Where a command has run there is the attempt's directory, if it can be seen from here."""
        if story.where is None or not (self._over or story.phase is Phase.RUNNING):
            return
        directory = one_line(story.where.dir)
        if not (self._files is not None and self._files.seen) and not Path(story.where.dir).is_dir():
            what = f"what {self._name} writes cannot be read from here: it runs, or ran, at {one_line(str(story.where))}"
            raise HyflowError(what, hint=f"what is left of it lies there, in {directory}/stdout and {directory}/stderr")

    def _end(self, stands: Standing) -> None:
        story = self._story.told()
        if story.phase is None:
            raise HyflowError(f"nothing is known of a job {self._name}: run {self._run.id} {stands.sentence}")
        _say(_summed_up(story) if self._over else f"{self._name} has no end: run {self._run.id} {stands.sentence}")


def _summed_up(story: JobStory) -> str:
    state = (story.phase or Phase.WAITING).value
    told = f"{story.job}: {state}" + (f", attempt {story.attempts} at {story.where}" if story.where else "")
    return one_line(told) + (f"\n  {clean(story.failure.message)}" if story.failure else "")


def _say(text: str) -> None:
    """What is not the job's own words is no part of the output."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
