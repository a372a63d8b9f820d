from __future__ import annotations

from collections.abc import Mapping

import pytest
from madeup import flow, step

from hyflow.journal import Phase, StepTally
from hyflow.model.workflow import Program
from hyflow.report.upstream import around, failed_before, feeders, leaves, sources

INNER = flow("#sub", step("map", scatter=("x",)), step("fold", "map"))
MAIN = flow("#main", step("a"), step("sub", "a", process="#sub"), step("b", "sub"), step("c", "b", "a"))
PROGRAM = Program("file:///wf.cwl", "#main", {"#main": MAIN, "#sub": INNER}, {})


def figures(**steps: Mapping[Phase, int]) -> dict[str, StepTally]:
    paths = {f"/{name.replace('__', '/')}": dict(counts) for name, counts in steps.items()}
    return {path: StepTally(path, counts) for path, counts in paths.items()}


def test_where_inputs_come_from() -> None:
    assert [sources(PROGRAM, path) for path in ("/a", "/sub/map", "/sub/fold", "/b", "/c", "/none")] == [
        [], ["/a"], ["/a", "/sub/map"], ["/sub"], ["/b", "/a"], [],
    ]  # fmt: skip
    assert leaves(PROGRAM, "/sub") == ["/sub/map", "/sub/fold"]
    assert around("/sub/deep/map") == ["/sub", "/sub/deep"]


@pytest.mark.parametrize(
    ("known", "stands"),
    [
        ({}, "not begun"),
        ({"sub__map": {Phase.RUNNING: 1, Phase.DONE: 4}}, "under way"),
        ({"sub__map": {Phase.DONE: 4}}, "under way"),
        ({"sub__map": {Phase.DONE: 4}, "sub__fold": {Phase.REUSED: 1}}, "done"),
        ({"sub__map": {Phase.DONE: 4, Phase.FAILED: 1}}, "failed"),
        ({"sub__map": {Phase.DONE: 4, Phase.CANCELLED: 1}}, "cancelled"),
        ({"sub__map": {Phase.FAILED: 1, Phase.CANCELLED: 1}}, "failed"),
        ({"sub": {Phase.SKIPPED: 1}}, "done"),
    ],
)
def test_how_a_workflow_stands_that_is_a_step(known: dict[str, dict[Phase, int]], stands: str) -> None:
    [feeder] = feeders(PROGRAM, "/b", figures(**known))
    assert (feeder.step, feeder.stands.value) == ("/sub", stands)


def test_what_failed_however_far_away() -> None:
    known = figures(a={Phase.FAILED: 1})
    assert [failed_before(PROGRAM, path, known) for path in ("/c", "/sub/fold", "/a")] == [["/a"], ["/a"], []]
    assert failed_before(PROGRAM, "/c", figures(sub__map={Phase.FAILED: 2}, a={Phase.DONE: 1})) == ["/sub/map"]
