"""What `hyflow logs --follow` prints: the story of a run, or what one job writes, as it grows. Whoever iterates says when to look again.
Begins nothing that would have to be ended, and enters no site: what this machine does not see it asks others to bring.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from hyflow import plain
from hyflow.errors import HyflowError, UsageError
from hyflow.journal import Phase, RunDir, read_events, read_job, read_record, read_tallies
from hyflow.journal.tally import IN_FLIGHT
from hyflow.model.events import Failed, Submitting
from hyflow.model.jobs import JobId
from hyflow.report import jsonlog
from hyflow.report.distant import Distant
from hyflow.report.growing import Files, Growing, Told, say
from hyflow.report.joblog import JobStory, Story, Try, try_words
from hyflow.report.logs import named
from hyflow.report.outline import outline
from hyflow.report.selection import Selection, select
from hyflow.report.standing import UNDER_WAY, Standing, standing
from hyflow.report.story import story_line
from hyflow.report.summary import program_of
from hyflow.report.terminal import clean, one_line

PERIOD = 0.25
"""Seconds between two looks, about."""

Looks = Iterator[Distant | None]
"""A look each. Gives what somebody has to bring from elsewhere, once, and else nothing."""


def follow(run: RunDir, step: str | None, *, streams: Sequence[str] = (), as_lines: bool = False, whole: bool = False) -> Looks:
    """Print what is known of the run, or of the job that `step` ("STEP[INDEX]") means, and what comes, until its end.

    `streams`: of a job only these ("stdout", "stderr"). `as_lines`: JSON, an object a line. `whole`: all that a job wrote before goes to
    a terminal too. Raises UsageError, when there can be no such job, HyflowError, when what it writes cannot be had, and JournalError.
    """
    if step is not None:
        return _Job(run, _job_of(run, step), Told(streams or ("stderr", "stdout"), as_lines=as_lines, whole=whole)).looks()
    if streams:
        raise UsageError("--stdout and --stderr are about one job", hint=f"hyflow logs {run.id} STEP[INDEX]")
    return _story(run, as_lines)


def _story(run: RunDir, as_lines: bool) -> Looks:
    seq = 0
    while True:
        stands = standing(run)  # before the events: what it wrote last is read then
        for record in read_events(run.journal, after=seq):
            seq = record.seq
            print(plain.line(jsonlog.as_json(record.event, record.at)) if as_lines else story_line(record))
        sys.stdout.flush()
        if stands.state not in UNDER_WAY:
            say(f"run {run.id}: {_ending(run, stands)}")
            return
        yield None


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
        self._files: Files | None = None
        self._watching = self._forsaken = False
        """`_watching`: what was there before is known, what comes from now on is news. `_forsaken`: it was said that nobody drives the
        run."""

    def looks(self) -> Looks:
        """Look again and again, until there is nothing more to see."""
        while True:
            stands = standing(self._run)
            yield from self._read()
            driven = stands.state in UNDER_WAY
            alone = self._files is not None and self._files.alone
            complete = self._files is None or self._files.pump(last=self._over or not (driven or alone))
            if complete and (self._over or not driven):
                return self._end(stands)
            self._say_what_goes_on(stands)
            yield None

    def _say_what_goes_on(self, stands: Standing) -> None:
        if self._files is None and not self._watching:
            say(f"{self._name} has not started yet: waiting for it")
        if not (stands.state in UNDER_WAY or self._over or self._forsaken):
            self._forsaken = True
            say(f"run {self._run.id} {stands.sentence}; what {self._name} writes is followed to its end")
        self._watching = True

    @property
    def _over(self) -> bool:
        return self._story.phase is not None and self._story.phase not in IN_FLIGHT

    def _read(self) -> Looks:
        """Take in what befell the job since the last look."""
        latest = read_record(self._run.journal)
        after, self._seq = self._seq, latest.seq if latest else 0
        for record in read_job(self._run.journal, self._job, after=after):
            self._seq = max(self._seq, record.seq)
            before = self._story.told()
            self._story.event(record.event)
            story = self._story.told()
            match record.event:
                case Submitting():
                    yield from self._drain(before)
                    self._next_attempt(story)
                case Failed(again=float() | int()) if story.tries:
                    yield from self._drain(story)
                    say(f"{self._name}: {one_line(try_words(story.attempts, story.tries[-1]))}")
        yield from self._look_elsewhere(self._story.told(), over=self._over)

    def _next_attempt(self, story: JobStory) -> None:
        if story.where is not None:
            if story.attempts > 1:
                say(f"{self._name}: attempt {story.attempts} goes to {one_line(str(story.where))}")
            self._files = Growing(story.where.dir, story.attempts, self._told)

    def _drain(self, story: JobStory) -> Looks:
        """What the latest attempt wrote last, if it was followed."""
        if self._watching and self._files is not None:
            yield from self._look_elsewhere(story, over=False)
            while not self._files.pump(last=True):
                yield None

    def _look_elsewhere(self, story: JobStory, *, over: bool) -> Looks:
        """Where a command has run there is the attempt's directory; if it cannot be seen from here, somebody has to bring what is in it."""
        if isinstance(self._files, Growing) and story.where is not None and (over or _has_run(story.tries[-1])) and not self._files.seen:
            distant = Distant(self._name, story.tries[-1].key, story.where, story.attempts, self._told)
            self._files = distant
            yield distant

    def _end(self, stands: Standing) -> None:
        story = self._story.told()
        if story.phase is None:
            raise HyflowError(f"nothing is known of a job {self._name}: run {self._run.id} {stands.sentence}")
        say(_summed_up(story) if self._over else f"{self._name} has no end: run {self._run.id} {stands.sentence}")


def _summed_up(story: JobStory) -> str:
    state = (story.phase or Phase.WAITING).value
    told = f"{story.job}: {state}" + (f", attempt {story.attempts} at {story.where}" if story.where else "")
    return one_line(told) + (f"\n  {clean(story.failure.message)}" if story.failure else "")


def _has_run(one: Try) -> bool:
    """Whether its command was heard to run, or how it ended."""
    return one.running is not None or (one.failure is not None and one.failure.code is not None)
