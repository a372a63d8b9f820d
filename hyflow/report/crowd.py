"""The jobs of a step taken together: how many stand how, and of a step without any what it waits for. Reads nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyflow.journal import Phase, StepTally
from hyflow.model.events import Cause
from hyflow.model.jobs import JobId
from hyflow.model.workflow import Program
from hyflow.report.outline import outline
from hyflow.report.selection import Selection
from hyflow.report.standing import UNDER_WAY, RunState, Standing
from hyflow.report.summary import step_json
from hyflow.report.terminal import duration, one_line
from hyflow.report.upstream import Feeder, Progressed, around, failed_before, feeders
from hyflow.report.waits import cause_words, causes_json


@dataclass(frozen=True, slots=True)
class Crowd:
    """A step, or one of its jobs that nobody has heard of (`job`). `examples`: some jobs of each phase. `feeders`: the steps that it
    takes inputs from; `failed`: all before it that failed; `outside`: a workflow around it that was skipped or failed as a whole. `causes`:
    why jobs, of whatever step, have not begun that were sent to sites."""

    step: StepTally
    job: JobId | None
    run: str
    standing: Standing
    examples: Mapping[Phase, Sequence[JobId]]
    feeders: tuple[Feeder, ...]
    failed: tuple[str, ...]
    outside: StepTally | None
    scattered: bool
    causes: tuple[Cause, ...] = ()

    @property
    def there(self) -> Sequence[Cause]:
        """What its jobs may wait for at the sites that they were sent to."""
        sites = {place.partition("/")[0] for place in self.step.places}
        phases = {True: Phase.QUEUED, False: Phase.STAGING}
        return [cause for cause in self.causes if cause.site in sites and self.step[phases[cause.queued]]]

    @property
    def may_follow(self) -> bool:
        """Whether the step may come to have jobs that nobody has heard of."""
        return self.standing.state in UNDER_WAY and self.scattered


def crowd(
    run: str,
    chosen: Selection,
    examples: Mapping[Phase, Sequence[JobId]],
    figures: Mapping[str, StepTally],
    program: Program | None,
    standing: Standing,
    causes: tuple[Cause, ...] = (),
) -> Crowd:
    """What the journal's figures and the program say of the step."""
    path = chosen.step
    outside = next((figures[one] for one in around(path) if one in figures and figures[one].total), None)
    return Crowd(
        figures.get(path, StepTally(path)),
        None if chosen.tag is None else JobId(path, chosen.tag),
        run,
        standing,
        examples,
        tuple(feeders(program, path, figures)) if program else (),
        tuple(failed_before(program, path, figures)) if program else (),
        outside,
        program is None or any(line.path == path and not line.single for line in outline(program)),
        causes,
    )


def crowd_told(one: Crowd) -> list[str]:
    """In sentences, a paragraph a line, safe for a terminal."""
    name = str(one.job or one.step.path)
    if one.job is not None and one.step.total:
        lines = [f"{name} of run {one.run}: nothing is known of it", *_unheard_job(one)]
    elif one.step.total:
        lines = [f"{name} of run {one.run}: {one.step.total:,} jobs", *_counts(one)]
    else:
        lines = [f"{name} of run {one.run}: nothing was heard of it yet", *_unheard(one)]
    return [one_line(line) for line in lines]


def _counts(one: Crowd) -> Iterator[str]:
    for phase in Phase:
        if count := one.step[phase]:
            shown = one.examples.get(phase, ())
            more = f" and {count - len(shown):,} more" if count > len(shown) else ""
            yield f"{count:,} {phase.value}: {', '.join(map(str, shown))}{more}."
    places = ", ".join(f"{place} ({count:,})" for place, count in one.step.places.items())
    if places:
        retries = f"; {one.step.retries:,} of them failed and were followed by another" if one.step.retries else ""
        yield f"Attempts were sent to {places}{retries}."
    yield from (f"At {cause.site}, of whatever step, {cause_words(cause)}." for cause in one.there)
    yield f"From the first to the last that was heard of it: {duration(one.step.last - one.step.first)}."


def _unheard_job(one: Crowd) -> Iterator[str]:
    yield f"{one.step.total:,} jobs of this step are known of; it is none of them."
    yield "A scatter's jobs are made as earlier ones end, at most a thousand at a time: it may follow, if there are so many."


def _unheard(one: Crowd) -> Iterator[str]:
    """Why there are no jobs."""
    if one.outside is not None and not one.feeders:
        yield _around(one.outside)
        return
    for feeder in one.feeders:
        yield f"It takes inputs from {feeder.step}, which {_stood(feeder.stands)}."
    if not one.feeders:
        yield "It takes inputs from no other step."
    if one.failed:
        yield f"Failed before it: {', '.join(one.failed)}. It cannot begin without them."
        yield f"Why: hyflow why {one.run} {shlex.quote(one.failed[-1])}"
    elif one.outside is not None:
        yield _around(one.outside)
    yield _then(one)


def _stood(stands: Progressed) -> str:
    match stands:
        case Progressed.UNKNOWN:
            return "has not begun"
        case Progressed.CANCELLED:
            return "was stopped with the run"
        case _:
            return f"is {stands.value}"


def _around(outside: StepTally) -> str:
    states = ", ".join(f"{count:,} {phase.value}" for phase, count in outside.counts.items() if count)
    return f"The workflow {outside.path} around it was not begun as a whole: {states}."


def _then(one: Crowd) -> str:
    waits = [feeder.step for feeder in one.feeders if feeder.stands in (Progressed.UNKNOWN, Progressed.UNDER_WAY)]
    if one.standing.state in (RunState.DONE, RunState.FAILED):
        empty = "; a scatter over an empty list has no jobs" if one.standing.state is RunState.DONE else ""
        follows = one.standing.next(one.run)
        return f"The run {one.standing.sentence}: it will not begin any more{empty}" + (f"; {follows}." if follows else ".")
    if one.standing.state not in UNDER_WAY:
        return f"The run {one.standing.sentence}: {one.standing.next(one.run) or 'nobody drives it'}."
    if one.failed:
        return "The run goes on with what does not depend on them."
    return f"It waits for {', '.join(waits)}." if waits else "Nothing that it waits for is left: it is about to begin."


def crowd_json(one: Crowd) -> dict[str, Any]:
    """The step's figures as `hyflow status --json` has them, and what `crowd_told` is made of."""
    return step_json(one.step) | {
        "job": str(one.job) if one.job else None,
        "run": one.run,
        "run_state": one.standing.state.value,
        "examples": {phase.value: [str(job) for job in jobs] for phase, jobs in one.examples.items()},
        "waits_for": [{"step": feeder.step, "state": feeder.stands.value} for feeder in one.feeders],
        "failed_before": one.failed,
        "waits": causes_json(one.there),
        "text": crowd_told(one),
    }
