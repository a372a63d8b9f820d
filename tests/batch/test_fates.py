"""What becomes of attempts whose job is over: the queue's word, the marks', and how long the marks are waited for."""

from __future__ import annotations

import pytest

from hyflow.batch.fates import CERTAIN, Fates, ends, fate
from hyflow.batch.marks import Seat
from hyflow.batch.system import Active, Over, State, Waiting
from hyflow.connector import Lost
from hyflow.model.jobs import FailureClass, Key

SEAT, KEY, OTHER = Seat("b", 0), Key("k"), Key("o")
TIMEOUT = Over(FailureClass.TIME, "its job reached its time limit")
FAILED = Over(FailureClass.INFRASTRUCTURE, "the node failed on n1", "n1", ambush=True)
HOPELESS = Waiting("DependencyNeverSatisfied", hopeless=True)


@pytest.mark.parametrize("state", [Waiting(), Active("n1")])
def test_what_goes_on_is_not_lost(state: State) -> None:
    fates = Fates(120.0)
    fates.learn(SEAT, state, 0.0)
    assert not ends(state) and fates.judge(SEAT, state, [KEY], [KEY], True, 1e9) == {}


@pytest.mark.parametrize(("state", "after"), [(None, 120.0), (Over(), 120.0), (TIMEOUT, CERTAIN)])
def test_marks_are_waited_for(state: State | None, after: float) -> None:
    fates = Fates(120.0)
    fates.learn(SEAT, state, 100.0)
    fates.learn(SEAT, state, 150.0)
    assert fates.judge(SEAT, state, [KEY], [KEY], True, 100.0 + after - 1) == {}
    assert fates.judge(SEAT, state, [KEY], [KEY], True, 100.0 + after).keys() == {KEY}


def test_a_job_that_comes_back_is_not_over() -> None:
    fates = Fates(10.0)
    fates.learn(SEAT, None, 0.0)
    fates.learn(SEAT, Active(), 5.0)
    fates.learn(SEAT, None, 20.0)
    assert fates.judge(SEAT, None, [KEY], [], True, 29.0) == {}


def test_what_can_never_start_is_told_at_once() -> None:
    (lost,) = Fates(120.0).judge(SEAT, HOPELESS, [KEY], [], True, 0.0).values()
    assert (lost.kind, lost.lasting) == (FailureClass.SUBMISSION, True) and "DependencyNeverSatisfied" in lost.evidence


@pytest.mark.parametrize(("state", "began", "alone", "kind"), [
    (TIMEOUT, True, True, FailureClass.TIME),
    (TIMEOUT, False, True, FailureClass.TIME),
    (TIMEOUT, True, False, FailureClass.INFRASTRUCTURE),  # the pack's time limit is none of its tasks'
    (TIMEOUT, False, False, FailureClass.INFRASTRUCTURE),
    (Over(FailureClass.MEMORY, "too much"), True, False, FailureClass.MEMORY),
    (Over(FailureClass.MEMORY, "too much"), False, False, FailureClass.INFRASTRUCTURE),
    (Over(), True, True, FailureClass.INFRASTRUCTURE),
    (None, True, True, FailureClass.INFRASTRUCTURE),
])  # fmt: skip
def test_what_is_lost_with_a_job(state: Over | None, began: bool, alone: bool, kind: FailureClass) -> None:
    assert fate(state, began, alone).kind is kind


def test_each_attempt_of_a_pack_has_its_own_fate() -> None:
    fates = Fates(0.0)
    state = Over(FailureClass.CANCELLED, "its job was cancelled by somebody else")
    fates.learn(SEAT, state, 0.0)
    lost = fates.judge(SEAT, state, [KEY, OTHER], [KEY], False, 0.0)
    assert lost == {KEY: Lost(state.evidence, FailureClass.CANCELLED), OTHER: Lost(f"its job ended before it began: {state.evidence}")}


def test_a_node_that_failed_twice_is_avoided() -> None:
    fates = Fates(120.0)
    for _ in range(3):  # the same job again is no second failure
        fates.learn(SEAT, FAILED, 0.0)
    assert fates.avoided == ()
    fates.learn(Seat("b", 1), FAILED, 0.0)
    fates.learn(Seat("b", 2), TIMEOUT, 0.0)
    fates.learn(Seat("b", 3), FAILED, 0.0)  # more than enough is not kept
    assert fates.avoided == ("n1",) and fates.blamed == 2
