"""Which results are needed to run steps again, and what runs again with them where those are gone."""

from __future__ import annotations

import pytest
from programs import program, step, workflow

from hyflow.engine.lineage import lost, needed
from hyflow.engine.replay import downstream

CHAIN = program(workflow(
    "x", ["r=c.out", "side=b.other"], step("a", "x=x"), step("b", "x=a.out", outputs="out other"), step("c", "x=b.out"),
))  # fmt: skip
NESTED = program(
    workflow("x", ["r=last.out"],
             step("first", "x=x", outputs="out side"),
             step("sub", "in=first.out", "go=first.side", kind="workflow", process="inner", outputs="res raw"),
             step("last", "x=sub.res", "y=sub.raw")),
    workflow("in go", ["res=two.out", "raw=in"], step("one", "x=in"), step("two", "x=one.out"), id="inner"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), {("/c", "out"), ("/b", "other")}),
        (("/c",), {("/c", "out"), ("/b", "other"), ("/b", "out")}),
        (("/b", "/c"), {("/c", "out"), ("/b", "other"), ("/b", "out"), ("/a", "out")}),
    ],
)
def test_what_a_step_and_the_run_take(steps: tuple[str, ...], expected: set[tuple[str, str]]) -> None:
    assert needed(CHAIN, steps) == expected


def test_what_is_taken_goes_through_workflows_to_the_steps_in_them() -> None:
    ends = {("/last", "out")}
    assert needed(NESTED, ("/last",)) == ends | {("/sub/two", "out"), ("/first", "out")}
    assert needed(NESTED, ("/sub/two",)) == ends | {("/sub/one", "out")}
    assert needed(NESTED, ("/sub/one",)) == ends | {("/first", "out")}
    assert needed(NESTED, ("/sub",)) == ends | {("/first", "out"), ("/first", "side")}


def test_nothing_is_lost_where_everything_is_there() -> None:
    assert lost(CHAIN, downstream(CHAIN, "/b"), (), lambda port: False) == ()


def test_what_is_lost_is_looked_for_until_nothing_is_missing() -> None:
    assert lost(CHAIN, ("/c",), (), lambda port: True) == ("/b", "/a")
    assert lost(CHAIN, ("/c",), (), {("/b", "other")}.__contains__) == ("/b",)
    assert lost(CHAIN, ("/c",), (), {("/a", "out")}.__contains__) == ()
    assert lost(NESTED, ("/last",), (), {("/sub/two", "out"), ("/sub/one", "out")}.__contains__) == ("/sub/two", "/sub/one")
    assert lost(NESTED, downstream(NESTED, "/sub/two"), (), {("/first", "out")}.__contains__) == ("/first",)


def test_a_step_that_goes_on_keeps_what_it_has_and_needs_it() -> None:
    assert lost(CHAIN, (), ("/b", "/c"), {("/b", "out")}.__contains__) == ("/b",)
    assert lost(CHAIN, (), ("/b", "/c"), {("/a", "out")}.__contains__) == ("/a",)


def test_inputs_of_the_run_come_from_nowhere() -> None:
    assert needed(program(workflow("x", ["r=x"], step("a", "x=x"))), ("/a",)) == frozenset()
