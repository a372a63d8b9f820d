"""Whether a job is tried again, when and with what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.resources import Request, Resources
from hyflow.model.retries import LONGEST, RETRIES, Retries, Retry, again, grown, grown_limit, told

KINDS = st.sampled_from(FailureClass)
COUNTS = st.dictionaries(KINDS, st.integers(0, 99))
RULES = st.builds(Retry, st.integers(1, 100), st.floats(1, 100), st.floats(0, 1e6))
POLICIES = st.fixed_dictionaries(dict.fromkeys(FailureClass, RULES))
CHANCES = st.floats(0, 1, exclude_max=True)
GIB = 1 << 30
REQUEST = Request(Resources(cores=2, memory=GIB, gpus=1), Resources(cores=4, memory=2 * GIB, gpus=1))
MEMORY, TIME, INFRASTRUCTURE = FailureClass.MEMORY, FailureClass.TIME, FailureClass.INFRASTRUCTURE


def failed(kind: FailureClass) -> Failure:
    return Failure(kind, "it failed")


def test_what_is_tried_again_where_nobody_says_so() -> None:
    three = {FailureClass.TEMPORARY, FailureClass.STAGING, INFRASTRUCTURE, FailureClass.SUBMISSION}
    assert {kind: rule.tries for kind, rule in RETRIES.items()} == {kind: 3 if kind in three else 1 for kind in FailureClass}


def test_waits_are_doubled_up_to_the_longest() -> None:
    policy = {**RETRIES, INFRASTRUCTURE: Retry(20, wait=10.0)}
    assert [again(policy, failed(INFRASTRUCTURE), {INFRASTRUCTURE: count}, 0.0) for count in range(7)] == [10, 20, 40, 80, 160, 300, 300]
    policy = {**RETRIES, INFRASTRUCTURE: Retry(20, wait=1000.0)}
    assert [again(policy, failed(INFRASTRUCTURE), {INFRASTRUCTURE: count}, 0.0) for count in range(3)] == [1000, 1000, 1000]


@pytest.mark.parametrize("failure", [
    failed(FailureClass.CANCELLED), Failure(INFRASTRUCTURE, "full", lasting=True), Failure(INFRASTRUCTURE, "no", unsupported=True),
])  # fmt: skip
def test_what_is_never_tried_again(failure: Failure) -> None:
    assert again(dict.fromkeys(FailureClass, Retry(100)), failure, {}, 0.0) is None


@given(POLICIES, KINDS, COUNTS, CHANCES)
def test_every_class_has_its_own_tries(policy: Retries, kind: FailureClass, before: dict[FailureClass, int], chance: float) -> None:
    wait = again(policy, failed(kind), before, chance)
    rule = policy[kind]
    assert (wait is None) == (kind is FailureClass.CANCELLED or before.get(kind, 0) + 1 >= rule.tries)
    assert wait is None or rule.wait / 2 <= wait <= max(rule.wait, LONGEST)


@given(POLICIES, KINDS, CHANCES)
def test_it_ends(policy: Retries, kind: FailureClass, chance: float) -> None:
    tries = 1
    while again(policy, failed(kind), {kind: tries - 1}, chance) is not None:
        tries += 1
    assert tries == (1 if kind is FailureClass.CANCELLED else policy[kind].tries)


def test_a_limit_alone_grows_as_it_does_with_the_rest() -> None:
    policy = {**RETRIES, TIME: Retry(9, 3.0)}
    before = {TIME: 2, MEMORY: 5}
    assert grown_limit(10.0, before, policy) == grown(REQUEST, 10.0, before, policy)[1] == 90.0


def test_memory_and_time_grow_and_nothing_else_does() -> None:
    policy = {**RETRIES, MEMORY: Retry(5, 2.0), TIME: Retry(5, 1.5), INFRASTRUCTURE: Retry(5, 9.0)}
    request, limit = grown(REQUEST, 60.0, {MEMORY: 2, TIME: 1, INFRASTRUCTURE: 3}, policy)
    assert request == Request(Resources(cores=2, memory=4 * GIB, gpus=1), Resources(cores=4, memory=8 * GIB, gpus=1))
    assert limit == 90.0
    assert grown(REQUEST, None, {TIME: 2}, policy) == (REQUEST, None)


@given(POLICIES, COUNTS, st.integers(0, 1 << 60), st.integers(0, 1 << 60), st.none() | st.floats(1, 1e9))
def test_more_is_never_less(policy: Retries, before: dict[FailureClass, int], least: int, more: int, limit: float | None) -> None:
    request = Request(Resources(1, least), Resources(1, least + more))
    after, longer = grown(request, limit, before, policy)
    assert least <= after.least.memory <= after.most.memory
    assert longer is None if limit is None else longer is not None and longer >= limit
    if not before.get(MEMORY):
        assert after == request


@pytest.mark.parametrize(("before", "last", "words"), [
    ({}, MEMORY, ""),
    ({INFRASTRUCTURE: 0}, MEMORY, ""),
    ({INFRASTRUCTURE: 2}, INFRASTRUCTURE, "tried 3 times"),
    ({INFRASTRUCTURE: 2}, MEMORY, "tried 3 times (memory once, infrastructure twice)"),
    ({MEMORY: 1}, MEMORY, "tried twice, the last time with 1GiB of memory"),
    ({MEMORY: 2, TIME: 1, INFRASTRUCTURE: 1}, TIME,
     "tried 5 times (memory twice, time twice, infrastructure once), the last time with 1GiB of memory and a time limit of 1h30m"),
])  # fmt: skip
def test_what_was_tried_is_told(before: dict[FailureClass, int], last: FailureClass, words: str) -> None:
    assert told(before, last, REQUEST, 5400.0) == words
