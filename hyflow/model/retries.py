"""Whether a job that failed is tried again, when, and with what. Pure: counts in, answers out; no clock, and no dice of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.quantities import size_text, time_text
from hyflow.model.resources import Request, Resources

LONGEST = 300.0
"""Seconds up to which waits are doubled; one that was longer from the beginning stays as it is."""

GROWING = (FailureClass.MEMORY, FailureClass.TIME)
"""Classes in which trying again with more may help."""

Counts: TypeAlias = Mapping[FailureClass, int]
"""How often a job has failed so far, by class."""


@dataclass(frozen=True, slots=True)
class Retry:
    """What is done about one class of failure. `tries`: attempts in all, at least 1; `scale`: what the memory (class memory) or the time
    limit (class time) is multiplied by with each failure, at least 1; `wait`: seconds before the first repetition, doubled with each."""

    tries: int
    scale: float = 1.0
    wait: float = 1.0


Retries: TypeAlias = Mapping[FailureClass, Retry]
"""What is done about every class of failure; all classes are in it."""

RETRIES: Retries = MappingProxyType(
    {kind: Retry(1) for kind in FailureClass}
    | {kind: Retry(1, 2.0, 0.0) for kind in GROWING}
    | {kind: Retry(3) for kind in (FailureClass.TEMPORARY, FailureClass.STAGING, FailureClass.INFRASTRUCTURE, FailureClass.SUBMISSION)}
)
"""Where nobody says anything else: what may go away by itself is tried three times. Memory and time cost something, so that it is for
the user to say that more of them is tried."""


def again(policy: Retries, failure: Failure, before: Counts, chance: float) -> float | None:
    """Seconds to wait before the job is tried again; None when it has failed for good.

    `before`: its failures so far, this one not among them. `chance`, at least 0 and less than 1, takes up to half of the wait away, so
    that jobs that failed together do not come back together.
    """
    rule, count = policy[failure.kind], before.get(failure.kind, 0)
    if failure.kind is FailureClass.CANCELLED or failure.lasting or failure.unsupported or count + 1 >= rule.tries:
        return None
    return max(rule.wait, min(rule.wait * 2.0**count, LONGEST)) * (1 - chance / 2)


def grown(request: Request, limit: float | None, before: Counts, policy: Retries) -> tuple[Request, float | None]:
    """What a job asks for, and its time limit in seconds (None: there is none), after these failures: memory and time have grown."""
    memory = _growth(FailureClass.MEMORY, before, policy)
    limit = None if limit is None else grown_limit(limit, before, policy)
    return Request(_with_memory(request.least, memory), _with_memory(request.most, memory)), limit


def grown_limit(limit: float, before: Counts, policy: Retries) -> float:
    """A time limit in seconds after these failures."""
    return limit * _growth(FailureClass.TIME, before, policy)


def _growth(kind: FailureClass, before: Counts, policy: Retries) -> float:
    return policy[kind].scale ** before.get(kind, 0)


def _with_memory(amounts: Resources, factor: float) -> Resources:
    return amounts if factor == 1 else replace(amounts, memory=math.ceil(amounts.memory * factor))


def told(before: Counts, last: FailureClass, request: Request, limit: float | None) -> str:
    """What was tried, in words: "tried 4 times (infrastructure twice, memory twice), the last time with 4GiB of memory". `before`: the
    failures before the `last`; `request` and `limit` (seconds) are those of the last attempt. "" where it was the only one."""
    counts = {kind: before.get(kind, 0) + (kind is last) for kind in FailureClass}
    kinds = [f"{kind} {_times(count)}" for kind, count in counts.items() if count]
    if not any(before.values()):
        return ""
    among = f" ({', '.join(kinds)})" if len(kinds) > 1 else ""
    more = [f"{size_text(request.least.memory)} of memory"] if before.get(FailureClass.MEMORY) else []
    if before.get(FailureClass.TIME) and limit is not None:
        more.append(f"a time limit of {time_text(limit)}")
    return f"tried {_times(sum(counts.values()))}{among}" + (f", the last time with {' and '.join(more)}" if more else "")


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
