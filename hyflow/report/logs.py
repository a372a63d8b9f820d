"""What `hyflow logs` prints on standard output: the story of a run, its failures, what one job said."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from hyflow import plain
from hyflow.errors import HyflowError, UsageError
from hyflow.journal import RunDir, read_events, read_jobs, read_milestones, read_tallies
from hyflow.model.events import Failed
from hyflow.model.jobs import JobId
from hyflow.report import jsonlog
from hyflow.report.befallen import befallen
from hyflow.report.failure import describe
from hyflow.report.joblog import FAILING, as_json, failed_jobs, job_story
from hyflow.report.outline import outline
from hyflow.report.said import Missing, earlier, print_job
from hyflow.report.selection import Selection, select
from hyflow.report.story import story_line
from hyflow.report.summary import program_of
from hyflow.report.terminal import one_line, table


def show(
    run: RunDir, step: str | None, *, streams: Sequence[str] = (), failed: bool = False, as_lines: bool = False, whole: bool = False
) -> Iterator[Missing]:
    """Print what is known of the run, or of the jobs that `step` ("STEP[INDEX]") means. Gives what is not on this machine, each at the
    moment at which it would be printed.

    `streams`: of a job only these ("stdout", "stderr"). `failed`: the jobs that failed. `as_lines`: JSON, an object a line. `whole`:
    all of what a job said goes to a terminal too. Raises UsageError, when there is no such job, HyflowError, when its step has not
    begun, and JournalError.
    """
    chosen = None if step is None else _chosen(run, step)
    if failed:
        _failed(run, chosen, as_lines)
    elif chosen is not None:
        yield from _step(run, chosen, streams, as_lines, whole)
    elif streams:
        raise UsageError("--stdout and --stderr are about one job", hint=f"hyflow logs {run.id} STEP[INDEX]")
    else:
        _story(run, as_lines)


def _chosen(run: RunDir, text: str) -> Selection:
    try:
        return select(text, [tally.path for tally in read_tallies(run.journal) if tally.total])
    except UsageError:
        waiting = named(run, text)
        if waiting is None:
            raise
    hint = f"hyflow why {run.id} {one_line(shlex.quote(waiting.step))} says what it waits for"
    raise HyflowError(f"the step {one_line(waiting.step)} has not begun in this run: there is nothing to show of it", hint=hint)


def named(run: RunDir, text: str) -> Selection | None:
    """What is meant of the program's own steps, begun or not; None where there is none."""
    program = program_of(run)
    try:
        return select(text, [line.path for line in outline(program)]) if program else None
    except UsageError:
        return None


def _story(run: RunDir, as_lines: bool) -> None:
    for record in read_events(run.journal):
        print(plain.line(jsonlog.as_json(record.event, record.at)) if as_lines else story_line(record))


def _failed(run: RunDir, chosen: Selection | None, as_lines: bool) -> None:
    jobs = {record.event.job for record in read_milestones(run.journal, Failed) if isinstance(record.event, Failed)}
    for story in failed_jobs(read_events(run.journal, kinds=FAILING), jobs).values():
        if chosen is not None and (story.job.step != chosen.step or chosen.tag not in (None, story.job.tag)):
            continue
        if as_lines:
            print(plain.line(as_json(story)))
        elif story.failure is not None:
            before = earlier(job_story(story.job, befallen(run, story.job))) if story.attempts > 1 else []
            print(describe(story.job, story.failure, story.where, run.id), *before, sep="\n", end="\n\n")


def _step(run: RunDir, chosen: Selection, streams: Sequence[str], as_lines: bool, whole: bool) -> Iterator[Missing]:
    jobs = [JobId(chosen.step, chosen.tag)] if chosen.tag is not None else list(read_jobs(run.journal, chosen.step))
    if len(jobs) != 1:
        _list(run, chosen.step, as_lines)
        return
    records = befallen(run, jobs[0])
    if not records:
        raise nothing_known(run, jobs[0])
    story = job_story(jobs[0], records)
    if as_lines:
        print(plain.line(as_json(story)))
    else:
        yield from print_job(story, streams, whole)


def nothing_known(run: RunDir, job: JobId) -> UsageError:
    """That the job's step has other jobs, and not this one."""
    hint = f"hyflow logs {run.id} {one_line(shlex.quote(job.step))} lists those that are"
    return UsageError(f"nothing is known of a job {one_line(str(job))}", hint=hint)


def _list(run: RunDir, step: str, as_lines: bool) -> None:
    jobs = read_jobs(run.journal, step)
    if as_lines:
        for job, phase in jobs.items():
            print(plain.line({"job": str(job), "state": phase.value}))
    else:
        print(table(("JOB", "STATE"), [(str(job), phase.value) for job, phase in sorted(jobs.items())]))
