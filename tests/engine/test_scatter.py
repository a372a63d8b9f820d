"""Scatters unfold into jobs and fold back into arrays: every element once, in its place."""

from __future__ import annotations

import itertools
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.engine.scatter import ScatterError, element, gather, index_of, shape_of, tag_of
from hyflow.model.workflow import Scatter, Step

CROSSES: list[Scatter] = ["nested_crossproduct", "flat_crossproduct"]
SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def step(method: Scatter, ports: int) -> Step:
    return Step("s", "tool", "command", (), ("out",), tuple(f"p{number}" for number in range(ports)), method)


def arrays(shape: list[int]) -> dict[str, Any]:
    return {f"p{number}": [f"{number}.{index}" for index in range(length)] for number, length in enumerate(shape)} | {"other": [1]}


@given(SHAPES, st.sampled_from(CROSSES))
def test_a_cross_product_has_every_combination_once_in_row_major_order(lengths: list[int], method: Scatter) -> None:
    one, inputs = step(method, len(lengths)), arrays(lengths)
    shape = shape_of(one, inputs)
    jobs = [element(one, inputs, shape, index) for index in range(prod(shape))]
    combinations = itertools.product(*(inputs[port] for port in one.scatter))
    assert [tuple(job[port] for port in one.scatter) for job in jobs] == list(combinations)
    assert all(job["other"] == [1] for job in jobs)


@given(st.integers(0, 6), st.integers(1, 3))
def test_a_dot_product_walks_all_arrays_together(length: int, ports: int) -> None:
    one, inputs = step("dotproduct", ports), arrays([length] * ports)
    assert shape_of(one, inputs) == (length,)
    jobs = [element(one, inputs, (length,), index) for index in range(length)]
    assert [tuple(job[port] for port in one.scatter) for job in jobs] == [
        tuple(f"{number}.{index}" for number in range(ports)) for index in range(length)
    ]


@given(SHAPES)
def test_nested_tags_are_the_places_in_the_result(lengths: list[int]) -> None:
    one = step("nested_crossproduct", len(lengths))
    total = prod(lengths)
    tags = [tag_of(one, lengths, index) for index in range(total)]
    assert tags == list(itertools.product(*map(range, lengths)))
    assert [index_of(one, lengths, (*tag, 7)) for tag in tags] == list(range(total))
    result = gather(one, list(range(total)), lengths)
    for index, tag in enumerate(tags):
        found = result
        for position in tag:
            found = found[position]
        assert found == index


@given(SHAPES, st.sampled_from(["flat_crossproduct", "dotproduct"]))
def test_other_tags_count(lengths: list[int], method: Scatter) -> None:
    one = step(method, len(lengths))
    total = prod(lengths)
    assert [tag_of(one, lengths, index) for index in range(total)] == [(index,) for index in range(total)]
    assert [index_of(one, lengths, (index, 7)) for index in range(total)] == list(range(total))
    assert gather(one, list(range(total)), lengths) == list(range(total))


@pytest.mark.parametrize(
    ("shape", "expected"), [((0,), []), ((0, 3), []), ((2, 0), [[], []]), ((2, 0, 5), [[], []]), ((1, 2, 0), [[[], []]]), ((1, 1), [["v"]])]
)
def test_empty_dimensions_keep_their_shape(shape: tuple[int, ...], expected: list[Any]) -> None:
    """CWL v1.2, "Scatter/gather": an empty array among the inputs of nested_crossproduct gives empty arrays, nested as far as known."""
    assert gather(step("nested_crossproduct", len(shape)), ["v"] * prod(shape), shape) == expected


def test_inputs_are_shared_not_changed() -> None:
    one, inputs = step("dotproduct", 1), arrays([2])
    assert element(one, inputs, (2,), 1)["p0"] == "0.1"
    assert inputs == arrays([2])


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "null"), ("text", "'text'"), (3, "3"), ({"class": "File"}, "a File"), ({"x": 1}, "a record")]
)
def test_only_arrays_can_be_scattered_over(value: Any, kind: str) -> None:
    with pytest.raises(ScatterError, match=f"'p0' is scattered over, so it must be an array; it is {kind}"):
        shape_of(step("dotproduct", 1), {"p0": value})
    with pytest.raises(ScatterError, match="it is null"):
        shape_of(step("dotproduct", 1), {})


def test_a_dot_product_needs_one_length() -> None:
    with pytest.raises(ScatterError, match="one length; 'p0' has 2, 'p1' has 3"):
        shape_of(step("dotproduct", 2), arrays([2, 3]))
