"""The account of one job: where it ran and why there, whether it was reused, how each attempt ended and what followed. Reads nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyflow.journal import Phase, Record
from hyflow.journal.tally import IN_FLIGHT
from hyflow.model.events import Awaiting, Cause, Demanded, Evaluated, Finished, Rerun, Reused, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.model.quantities import size_text
from hyflow.model.resources import NOTHING, Resources
from hyflow.report.failure import describe
from hyflow.report.joblog import JobStory, Try, as_json, job_story, try_words
from hyflow.report.standing import UNDER_WAY, RunState, Standing
from hyflow.report.story import cancelled
from hyflow.report.terminal import duration, one_line, when
from hyflow.report.waits import causes_json, possible, why_words

_UNNOTICED = 0.5
"""Seconds of waiting that nobody asks about."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of one job: its story, and the latest events that decided about it, since it was last told to run again. `asked_at`:
    when it was known what it asks for (seconds since the epoch). `busy`: attempts without an end, by location. `awaiting`: why jobs that
    were sent to sites have not begun."""

    story: JobStory
    run: str
    standing: Standing
    evaluated: Evaluated | None = None
    demanded: Demanded | None = None
    asked_at: float = 0.0
    submitting: Submitting | None = None
    reused: Reused | None = None
    expression: bool = False
    busy: Mapping[str, int] = field(default_factory=dict)
    awaiting: Awaiting | None = None

    @property
    def causes(self) -> Sequence[Cause]:
        """What it may wait for at its site."""
        site = "" if self.submitting is None else self.submitting.location.partition("/")[0]
        return possible(self.story.job, site, self.story.phase, self.awaiting)

    @property
    def reruns(self) -> tuple[float, ...]:
        """When it was told to run again."""
        return (*(at for attempt in self.story.tries for at in attempt.asked), *self.story.asked)

    @property
    def waited(self) -> float | None:
        """Seconds from when it was known what it asks for, or from the end of its pause, to the start of its latest attempt's command, or
        to where that was sent when its start is not known; None without one."""
        if self.submitting is None or self.demanded is None:
            return None
        before = self.story.tries[-2] if len(self.story.tries) > 1 else None
        ready = self.asked_at if before is None or before.ended is None else before.ended + (before.again or 0.0)
        return max((self.story.tries[-1].began or self.submitting.at) - max(ready, self.asked_at), 0.0)


def account(
    job: JobId, records: Sequence[Record], run: str, standing: Standing, busy: Mapping[str, int], awaiting: Awaiting | None = None
) -> Account:
    """From all that befell the job, and that it was told to run again, in order."""
    known: dict[str, Any] = {}
    for record in records:
        match record.event:
            case Evaluated():
                known["evaluated"] = record.event
            case Demanded():
                known |= {"demanded": record.event, "asked_at": record.at}
            case Submitting():
                known["submitting"] = record.event
            case Reused():
                known["reused"] = record.event
            case Finished(key=None):
                known["expression"] = True
            case Rerun():
                known = {}
    return Account(job_story(job, records), run, standing, **known, busy=busy, awaiting=awaiting)


def told(one: Account) -> list[str]:
    """The account in sentences, a paragraph a line, safe for a terminal."""
    state = one.story.phase.value if one.story.phase else "not known to have begun"
    lines = [f"{one.story.job} of run {one.run}: {state}"]
    lines += [*_instead(one), *_place(one), *_environment(one), *_attempts(one), *_wait(one)]
    return [*map(one_line, lines), *_failure(one), *map(one_line, _nobody(one))]


def _instead(one: Account) -> Iterator[str]:
    """Why it did not have to run, or had to."""
    if one.reused is not None:
        yield (
            f"It was not run: {one.reused.source} of run {one.reused.run} was the same in every respect (tool, inputs, image and "
            "environment), and its outputs were used."
        )
    elif one.story.phase is Phase.SKIPPED:
        yield "It was skipped: its condition (when) said no."
    elif one.expression:
        yield "It is an expression, which hyflow evaluates itself: it ran nowhere."
    elif one.submitting is not None:
        yield f"No earlier result was used: {one.submitting.anew}." if one.submitting.anew else "No earlier result was looked for."


def _place(one: Account) -> Iterator[str]:
    if one.demanded is not None:
        places = one.demanded.locations
        order = ", best first" if len(places) > 1 else ""
        yield f"It asks for {amount(one.demanded.request.least)}, and may run at {', '.join(places)} ({_by(len(places))}{order})."
    if one.submitting is not None and one.story.where is not None:
        granted = "" if one.submitting.resources == NOTHING else f", and was granted {amount(one.submitting.resources)} there"
        yield f"It went to {one.story.where}{_choice(one)}{granted}."
    if one.waited is not None:
        waited = one.waited >= _UNNOTICED
        yield f"It waited {duration(one.waited)} for room, for its data and for its turn." if waited else "It did not have to wait."


def _by(places: int) -> str:
    return "what its binding allows and is ever large enough" if places > 1 else "all that its binding allows and is ever large enough"


def _choice(one: Account) -> str:
    if one.demanded is None or one.submitting is None or len(one.demanded.locations) < 2:
        return ""
    if one.submitting.location == one.demanded.locations[0]:
        return ", the best of them"
    return ", since there was no room at what comes before it" if one.submitting.location in one.demanded.locations else ""


def _environment(one: Account) -> Iterator[str]:
    if one.submitting is None:
        return
    if one.submitting.image is not None:
        yield f"It was given a container of the image {one.submitting.image}."
    if one.submitting.modules:
        yield f"It was given the modules {', '.join(one.submitting.modules)}."
    if one.submitting.image is None and not one.submitting.modules:
        yield "It was given what is installed there: no container, no modules."


def _attempts(one: Account) -> Iterator[str]:
    tries = one.story.tries
    for number, attempt in enumerate(tries, 1):
        yield from map(_asked, attempt.asked)
        if number < len(tries) or attempt.failure is not None or one.submitting is None:
            yield f"At {when(attempt.at)} {try_words(number, attempt)}."
        else:
            yield f"At {when(attempt.at)} attempt {number} was sent to {attempt.where}: {_latest(one, attempt)}."
    yield from map(_asked, one.story.asked)


def _asked(at: float) -> str:
    return f"It was told to run again at {when(at)}."


def _latest(one: Account, attempt: Try) -> str:
    match one.story.phase:
        case Phase.DONE:
            return f"it is done after {duration(attempt.took or 0.0)}"
        case Phase.RUNNING:
            return f"it runs since {when(attempt.running or attempt.at)}"
        case Phase.QUEUED:
            return "it is accepted there, and waits for its turn"
        case _:
            return "whether it is accepted there was not heard yet"


def _wait(one: Account) -> Iterator[str]:
    """What a job waits for that goes on and does not run."""
    if one.awaiting is not None and one.causes:
        yield why_words(one.causes, one.story.job, one.awaiting.at)
    if one.story.phase is Phase.WAITING and one.demanded is not None:
        last = one.story.tries[-1] if one.story.tries else None
        since = one.asked_at
        if last is not None and last.again is not None and last.ended is not None:
            since = last.ended + last.again
        if since > time.time():
            yield f"It is to be tried again at {when(since)}, in {duration(since - time.time())}."
        else:
            places = [f"{place} (attempts there: {one.busy.get(place, 0):,})" for place in one.demanded.locations]
            yield f"It waits for room at {' or '.join(places)}, or for its data to be there, since {when(since)}."
    elif one.story.phase is None and one.evaluated is not None:
        yield "Its inputs are there; what it asks for is not worked out yet."


def _nobody(one: Account) -> Iterator[str]:
    """What does not end by itself, or was ended before it was done."""
    open_ = one.story.phase in (None, Phase.CANCELLED, *IN_FLIGHT)
    if open_ and one.standing.state not in UNDER_WAY:
        follows = "; ".join(filter(None, [one.standing.goes_on, one.standing.next(one.run)]))
        yield f"The run {one.standing.sentence}" + (f": {follows}." if follows else ".")


def _failure(one: Account) -> list[str]:
    failure = one.story.failure
    if failure is None or one.story.phase in IN_FLIGHT:
        return []
    tried = one.submitting is not None  # since it was told to run again
    final = one_line(_final(failure, tried))
    if one.story.phase is Phase.CANCELLED:
        return [] if tried else [final]  # the line of its attempt says so
    return [final, "", describe(one.story.job, failure, one.story.where if tried else None, one.run), *_mended(one)]


def _final(failure: Failure, tried: bool) -> str:
    if failure.kind is FailureClass.CANCELLED:
        return f"It {cancelled(failure)}."
    if failure.lasting:
        return "It is not tried again: that would fail just so until somebody acts."
    if not tried:
        return "It failed before anything was started for it."
    return f"It is not tried again: the rules for retries allow no further attempt after this failure of the class {failure.kind.value}."


def _mended(one: Account) -> list[str]:
    if one.standing.state is RunState.FAILED:
        return [f"  then: hyflow rerun {one.run} --failed"]
    return ["  the run goes on with what does not depend on it"] if one.standing.state is RunState.RUNNING else []


def amount(resources: Resources) -> str:
    """Resources as a person says them."""
    parts = [f"{resources.cores:g} {'core' if resources.cores == 1 else 'cores'}"]
    parts += [f"{size_text(resources.memory)} of memory"] if resources.memory else []
    parts += [f"{resources.gpus} GPU{'' if resources.gpus == 1 else 's'}"] if resources.gpus else []
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def account_json(one: Account) -> dict[str, Any]:
    """What `hyflow logs --json` says of a job, and what `told` is made of; times in seconds."""
    return as_json(one.story) | {
        "run": one.run,
        "run_state": one.standing.state.value,
        "locations": one.demanded.locations if one.demanded else (),
        "asked": one.demanded.request.least if one.demanded else None,
        "granted": one.submitting.resources if one.submitting and one.submitting.resources != NOTHING else None,
        "waited": one.waited,
        "waits": causes_json(one.causes),
        "anew": one.submitting.anew or None if one.submitting else None,
        "reused": {"run": one.reused.run, "job": str(one.reused.source)} if one.reused else None,
        "reruns": one.reruns,
        "text": told(one),
    }
