"""How a scattered step unfolds into jobs and how their results fold back. Pure, and lazy: an index is unfolded when it is needed.

Source: CWL v1.2 Workflow Description, section "Scatter/gather".
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from hyflow.model.jobs import Tag
from hyflow.model.values import Inputs, Value
from hyflow.model.workflow import Step


class ScatterError(ValueError):
    """The inputs cannot be scattered over; the text says why."""


def shape_of(step: Step, inputs: Inputs) -> tuple[int, ...]:
    """The lengths of the scatter's dimensions: one for dotproduct, one for each scattered input otherwise."""
    for port in step.scatter:
        if not isinstance(inputs.get(port), list):
            raise ScatterError(f"the input {port!r} is scattered over, so it must be an array; it is {_kind(inputs.get(port))}")
    lengths = tuple(len(inputs[port]) for port in step.scatter)
    if step.method != "dotproduct":
        return lengths
    if len(set(lengths)) > 1:
        raise ScatterError(
            "dotproduct needs arrays of one length; "
            + ", ".join(f"{port!r} has {length}" for port, length in zip(step.scatter, lengths, strict=True))
        )
    return lengths[:1]


def element(step: Step, inputs: Inputs, shape: Sequence[int], index: int) -> Inputs:
    """The inputs of job number `index`, counted in row-major order over `shape`."""
    chosen = dict(inputs)
    if step.method == "dotproduct":
        for port in step.scatter:
            chosen[port] = inputs[port][index]
        return chosen
    for port, position in zip(step.scatter, _unravel(shape, index), strict=True):
        chosen[port] = inputs[port][position]
    return chosen


def tag_of(step: Step, shape: Sequence[int], index: int) -> Tag:
    """The job's own part of its tag: one number for dotproduct and flat_crossproduct, one a dimension for nested_crossproduct."""
    return _unravel(shape, index) if step.method == "nested_crossproduct" else (index,)


def index_of(step: Step, shape: Sequence[int], tag: Tag) -> int:
    """The number of the job with which, or below which, `tag` begins."""
    if step.method != "nested_crossproduct":
        return tag[0]
    index = 0
    for length, position in zip(shape, tag, strict=False):
        index = index * length + position
    return index


def gather(step: Step, values: list[Value], shape: Sequence[int]) -> Value:
    """The results of all jobs, in order, as the array that the step gives: nested for nested_crossproduct, flat otherwise."""
    if step.method != "nested_crossproduct" or len(shape) == 1:
        return values
    size = prod(shape[1:])
    return [gather(step, values[n * size : (n + 1) * size], shape[1:]) for n in range(shape[0])]


def _unravel(shape: Sequence[int], index: int) -> tuple[int, ...]:
    position = []
    for length in reversed(shape):
        index, here = divmod(index, length)
        position.append(here)
    return tuple(reversed(position))


def _kind(value: Value) -> str:
    return "null" if value is None else f"a {value.get('class', 'record')}" if isinstance(value, dict) else f"{value!r}"
