"""What `hyflow logs` prints on standard output: the story of a run, its failures, what one job said."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from hyflow import plain
from hyflow.errors import HyflowError, UsageError
from hyflow.journal import Phase, RunDir, read_events, read_job, read_jobs, read_meta, read_tallies
from hyflow.model.jobs import JobId
from hyflow.model.workflow import Program
from hyflow.report import jsonlog
from hyflow.report.failure import describe
from hyflow.report.joblog import FAILING, JobStory, as_json, failed_jobs, job_story, open_log, pieces
from hyflow.report.outline import outline
from hyflow.report.selection import Selection, select
from hyflow.report.story import story_line
from hyflow.report.terminal import clean, one_line, table

_SHOWN = 64 << 10
"""Bytes of what a job said, its last, that a terminal is given; more has scrolled away before anybody can read it."""


def show(
    run: RunDir, step: str | None, *, streams: Sequence[str] = (), failed: bool = False, as_lines: bool = False, whole: bool = False
) -> None:
    """Print what is known of the run, or of the jobs that `step` ("STEP[INDEX]") means.

    `streams`: of a job only these ("stdout", "stderr"). `failed`: the jobs that failed. `as_lines`: JSON, an object a line. `whole`:
    all of what a job said goes to a terminal too. Raises UsageError, when there is no such job, HyflowError, when its step has not
    begun, and JournalError.
    """
    chosen = None if step is None else _chosen(run, step)
    if failed:
        _failed(run, chosen, as_lines)
    elif chosen is not None:
        _step(run, chosen, streams, as_lines, whole)
    elif streams:
        raise UsageError("--stdout and --stderr are about one job", hint=f"hyflow logs {run.id} STEP[INDEX]")
    else:
        _story(run, as_lines)


def _chosen(run: RunDir, text: str) -> Selection:
    try:
        return select(text, [tally.path for tally in read_tallies(run.journal) if tally.total])
    except UsageError:
        waiting = _named(run, text)
        if waiting is None:
            raise
    hint = f"hyflow status {run.id} shows what was done before it"
    raise HyflowError(f"the step {one_line(waiting)} has not begun in this run: there is nothing to show of it", hint=hint)


def _named(run: RunDir, text: str) -> str | None:
    """The step of the program that is meant, None where there is none."""
    try:
        program: Program = plain.loads(read_meta(run.journal).program, Program)
        return select(text, [line.path for line in outline(program)]).step
    except (msgspec.DecodeError, UsageError):
        return None


def _story(run: RunDir, as_lines: bool) -> None:
    for record in read_events(run.journal):
        print(plain.line(jsonlog.as_json(record.event, record.at)) if as_lines else story_line(record))


def _failed(run: RunDir, chosen: Selection | None, as_lines: bool) -> None:
    stories = failed_jobs(read_events(run.journal, kinds=FAILING)).values()
    for story in stories:
        if chosen is not None and (story.job.step != chosen.step or chosen.tag not in (None, story.job.tag)):
            continue
        if as_lines:
            print(plain.line(as_json(story)))
        elif story.failure is not None:
            print(describe(story.job, story.failure, story.where, run.id), end="\n\n")


def _step(run: RunDir, chosen: Selection, streams: Sequence[str], as_lines: bool, whole: bool) -> None:
    jobs = [JobId(chosen.step, chosen.tag)] if chosen.tag is not None else list(read_jobs(run.journal, chosen.step))
    if len(jobs) != 1:
        _list(run, chosen.step, as_lines)
        return
    records = read_job(run.journal, jobs[0])
    if not records:
        hint = f"hyflow logs {run.id} {one_line(shlex.quote(chosen.step))} lists those that are"
        raise UsageError(f"nothing is known of a job {one_line(str(jobs[0]))}", hint=hint)
    story = job_story(jobs[0], records)
    if as_lines:
        print(plain.line(as_json(story)))
    else:
        _job(story, streams, whole)


def _list(run: RunDir, step: str, as_lines: bool) -> None:
    jobs = read_jobs(run.journal, step)
    if as_lines:
        for job, phase in jobs.items():
            print(plain.line({"job": str(job), "state": phase.value}))
    else:
        print(table(("JOB", "STATE"), [(str(job), phase.value) for job, phase in sorted(jobs.items())]))


def _job(story: JobStory, only: Sequence[str], whole: bool) -> None:
    """One stream on its own is printed as it is, for pipes; both come with headings."""
    where = story.where
    if len(only) != 1:
        state = (story.phase or Phase.WAITING).value
        print(f"{one_line(str(story.job))}: {state}" + (f", attempt {story.attempts} at {one_line(str(where))}" if where else ""))
        if where is not None and where.image:
            print(f"  in a container of the image {one_line(where.image)}")
        if where is not None and where.modules:
            print(f"  with {one_line(', '.join(where.modules))} loaded")
        if story.failure is not None:
            print(f"  {clean(story.failure.message)}")
    if where is None:
        return
    for name in only or ("stderr", "stdout"):
        _stream(f"{where.dir}/{name}", story, name, headed=len(only) != 1, whole=whole)


def _stream(path: str, story: JobStory, name: str, *, headed: bool, whole: bool) -> None:
    file = open_log(path)
    if headed:
        empty = " (empty)" if file is not None and not os.fstat(file.fileno()).st_size else ""
        print(f"--- {name}: {one_line(path)}{empty}")
    sys.stdout.flush()
    if file is None:
        _say_missing(path, story, name)
        return
    if not whole and sys.stdout.isatty():
        _skip(file, path)
    if _copy(file) != b"\n" and headed:
        print()


def _skip(file: BinaryIO, path: str) -> None:
    """Leave out the beginning of what is too long for a terminal, up to the end of a line where lines are not overlong."""
    size = os.fstat(file.fileno()).st_size
    if size <= _SHOWN:
        return
    file.seek(size - _SHOWN)
    file.readline(_SHOWN // 2)
    print(f"... the first {file.tell():,} of {size:,} bytes are left out; --all shows them, and they are in {one_line(path)}", flush=True)


def _say_missing(path: str, story: JobStory, name: str) -> None:
    print(_missing(path, story, name), file=sys.stderr)
    if name == "stderr" and story.failure is not None:
        print(clean(story.failure.stderr))


def _missing(path: str, story: JobStory, name: str) -> str:
    if Path(path).parent.is_dir():
        return f"there is no file {one_line(path)}: the {name} of this command was empty or became an output, or it has not begun"
    gone = f", where its {name} lies unless it was empty" if story.phase is Phase.DONE else ""
    return f"there is no file {one_line(path)} on this machine: the attempt ran at {one_line(str(story.where))}{gone}"


def _copy(file: BinaryIO) -> bytes:
    """As it is, but made safe where it goes to a terminal. Gives its last byte, or of an empty file a line's end."""
    last = b"\n"
    with file:
        for piece in pieces(file):
            if sys.stdout.isatty():
                sys.stdout.write(clean(piece.decode("utf-8", "surrogateescape")))
            else:
                sys.stdout.buffer.write(piece)
            last = piece[-1:]
    sys.stdout.flush()
    return last
