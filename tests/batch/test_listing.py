"""Lists of jobs as commands take them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hyflow.batch.listing import PIECE, by_id, pieces, ranges, runs


@given(st.sets(st.integers(0, 60)))
def test_runs_are_the_numbers_again(numbers: set[int]) -> None:
    found = list(runs(numbers))
    assert [each for first, last in found for each in range(first, last + 1)] == sorted(numbers)
    assert all(second[0] > first[1] + 1 for first, second in pairwise(found))


def test_ranges() -> None:
    assert ranges({7, 0, 2, 1, 10, 11}) == ["0-2", "7", "10-11"]


@given(st.lists(st.integers(1, PIECE // 2)), st.sampled_from([1, PIECE, 2 * PIECE]))
def test_pieces_are_the_words_again_and_none_is_long_unless_a_word_is(sizes: list[int], longest: int) -> None:
    words = ["x" * size for size in [*sizes, longest]]
    found = list(pieces(words))
    assert [word for some in found for word in some] == words
    assert all(some and (len(" ".join(some)) <= PIECE or len(some) == 1) for some in found)
    assert all(len(" ".join([*first, second[0]])) > PIECE for first, second in pairwise(found))


def test_elements_by_id() -> None:
    assert by_id([("1", 3), ("2", 0), ("1", 4), ("1", 3)]) == {"1": {3, 4}, "2": {0}} and by_id([]) == {}
