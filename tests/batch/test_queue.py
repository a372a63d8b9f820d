"""What the queue says of jobs, also where it has a batch twice, says little, or says nonsense."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.batch.marks import Seat
from hyflow.batch.queue import standings
from hyflow.batch.system import Active, Entry, Over, State, Waiting
from hyflow.model.jobs import FailureClass

FAILED = Over(FailureClass.INFRASTRUCTURE, "x")
LIVELY: list[State] = [Over(), FAILED, Waiting(), Active("n")]


def test_a_job_stands_as_its_element_does() -> None:
    entries = [Entry("a", "1", [0, 2], Active("n")), Entry("a", "1", None, Waiting()), Entry("b", "2", [0], Over())]
    assert standings(entries, [Seat("a", 0), Seat("a", 1), Seat("a", 2), Seat("b", 0), Seat("b", 1), Seat("c", 0)]) == {
        Seat("a", 0): Active("n"), Seat("a", 1): Waiting(), Seat("a", 2): Active("n"), Seat("b", 0): Over(), Seat("b", 1): None,
        Seat("c", 0): None,
    }  # fmt: skip


@pytest.mark.parametrize(("first", "second"), list(permutations(LIVELY, 2)))
def test_a_batch_that_is_there_twice_goes_on_as_long_as_one_does(first: State, second: State) -> None:
    entries = [Entry("a", "1", [0], first), Entry("a", "2", [0], second)]
    assert standings(entries, [Seat("a", 0)]) == {Seat("a", 0): max((first, second), key=LIVELY.index)}


def test_the_rest_of_one_batch_counts_beside_an_element_of_the_other() -> None:
    entries = [Entry("a", "1", [0], Over()), Entry("a", "2", None, Waiting())]
    assert standings(entries, [Seat("a", 0)]) == {Seat("a", 0): Waiting()}


@given(st.lists(st.builds(Entry, st.sampled_from("ab"), st.sampled_from("12"), st.none() | st.lists(st.integers(0, 3), max_size=3),
                          st.sampled_from(LIVELY)), max_size=8))  # fmt: skip
def test_every_job_that_is_asked_about_has_an_answer(entries: list[Entry]) -> None:
    seats = {Seat(name, index) for name in "abc" for index in range(4)}
    found = standings(entries, seats)
    assert found.keys() == seats and all(found[Seat("c", index)] is None for index in range(4))
