"""What `hyflow why` prints: the account of one job; of a step with many jobs how they stand; of one without any what it waits for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from hyflow import plain
from hyflow.errors import UsageError
from hyflow.journal import Phase, RunDir, count_open, read_awaiting, read_examples, read_job, read_tallies
from hyflow.model.events import Awaiting, Failed
from hyflow.model.jobs import JobId
from hyflow.report.account import account, account_json, told
from hyflow.report.befallen import befallen
from hyflow.report.crowd import Crowd, crowd, crowd_json, crowd_told
from hyflow.report.logs import named, nothing_known
from hyflow.report.outline import outline
from hyflow.report.selection import Selection, select
from hyflow.report.standing import UNDER_WAY, Standing, standing
from hyflow.report.summary import program_of
from hyflow.report.terminal import one_line

_FIRST = 3
"""Jobs of each kind that are named."""


def explain(run: RunDir, text: str, *, as_object: bool = False) -> None:
    """Print what is known of the job or the step that `text` ("STEP[INDEX]") means. Raises UsageError, when there can be none, and
    JournalError."""
    chosen = _chosen(run, text)
    job = _job(run, chosen)
    records = [] if job is None else befallen(run, job)
    stands = standing(run)
    awaiting = read_awaiting(run.journal) if stands.state in UNDER_WAY else None
    if job is None or not records:
        _print(*_crowd(run, chosen, stands, awaiting), as_object)
        return
    one = account(job, records, run.id, stands, count_open(run.journal), awaiting)
    _print(account_json(one), told(one), as_object)


def _print(facts: dict[str, Any], lines: Sequence[str], as_object: bool) -> None:
    print(plain.line(facts) if as_object else "\n".join(lines))


def _chosen(run: RunDir, text: str) -> Selection:
    program = program_of(run)
    paths = [line.path for line in outline(program)] if program else []
    try:
        return named(run, text) or select(text, list(dict.fromkeys([*paths, *(tally.path for tally in read_tallies(run.journal))])))
    except UsageError:
        below = [path for path in paths if path.startswith(f"/{text.strip('/')}/")]
        if not below:
            raise
    steps = ", ".join(map(one_line, below))
    raise UsageError(f"{one_line(text)} is a workflow, which has no jobs of its own", hint=f"ask about one of its steps: {steps}")


def _job(run: RunDir, chosen: Selection) -> JobId | None:
    """The job that is meant, known of or not; None when it is the step."""
    if chosen.tag is not None:
        return JobId(chosen.step, chosen.tag)
    known = sum(tally.total for tally in read_tallies(run.journal) if tally.path == chosen.step)
    if known == 1:
        return next(job for jobs in read_examples(run.journal, chosen.step, 1).values() for job in jobs)
    return None if known else JobId(chosen.step)


def _crowd(run: RunDir, chosen: Selection, stands: Standing, awaiting: Awaiting | None) -> tuple[dict[str, Any], list[str]]:
    examples = read_examples(run.journal, chosen.step, _FIRST)
    figures = {tally.path: tally for tally in read_tallies(run.journal)}
    causes = awaiting.causes if awaiting else ()
    found: Crowd = crowd(run.id, chosen, examples, figures, program_of(run), stands, causes)
    if found.job is not None and found.step.total and not found.may_follow:
        raise nothing_known(run, found.job)
    failed = [_message(run, job) for job in examples.get(Phase.FAILED, ())[:1]]
    one = next((jobs[0] for jobs in [examples.get(Phase.FAILED, []), *examples.values()] if jobs), None)
    hints = [] if one is None else [f"hyflow why {run.id} {one_line(shlex.quote(str(one)))} tells of one of them"]
    return crowd_json(found), [*crowd_told(found), *([*failed, *hints] if chosen.tag is None else [])]


def _message(run: RunDir, job: JobId) -> str:
    """Why a job failed, in a line."""
    failure = next(record.event.failure for record in reversed(read_job(run.journal, job)) if isinstance(record.event, Failed))
    return one_line(f"{job} failed ({failure.kind.value}): {failure.message.partition(chr(10))[0]}")
