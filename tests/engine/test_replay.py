"""From a record to a state: what counts of it, and what follows from a step."""

from __future__ import annotations

import pytest
from programs import ONE, box, program, step, workflow

from hyflow.engine.replay import downstream, replay, standing
from hyflow.engine.state import State
from hyflow.model.actions import Adopt, Conclude, Demand, Submit
from hyflow.model.events import Demanded, Evaluated, Event, Failed, Finished, Rerun, Resumed, Reused, Started, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key, attempt_key
from hyflow.model.resources import UNMEASURED
from hyflow.model.workflow import Program

BROKEN = Failure(FailureClass.TOOL, "broken", code=1)
RESUMED = Resumed("here", 0.0)


def nested() -> Program:
    """before -> around(first -> second; aside) -> after; far: a step that needs none of them."""
    steps = step("second", "x=first.out"), step("first", "x=x"), step("aside", "x=x")
    inner = workflow("x", ["out=second.out"], *steps, id="inner")
    around = step("around", "x=before.out", kind="workflow", process="inner")
    outer = workflow("a", ["r=after.out"], step("before", "x=a"), around, step("after", "x=around.out"), step("far", "x=a"))
    return program(outer, inner)


def finished(step: str, *tag: int, out: int = 0) -> Finished:
    return Finished(JobId(step, tag), attempt_key("run", JobId(step, tag), 1), {"out": out}, UNMEASURED, 0.0)


def failed(step: str, *tag: int, again: float | None = None) -> Failed:
    return Failed(JobId(step, tag), attempt_key("run", JobId(step, tag), 1), BROKEN, 0.0, again)


def submitting(step: str, *tag: int) -> Submitting:
    return Submitting(JobId(step, tag), attempt_key("run", JobId(step, tag), 1), "box", "/work", 0.0, resources=ONE.least)


def replayed(program: Program, events: list[Event], open_: list[Submitting], window: int = 1000) -> State:
    state = State(program, "run", box(), window)
    reruns = [(n, event) for n, event in enumerate(events) if isinstance(event, Rerun)]
    replay(state, enumerate(events), reruns, open_)
    return state


def test_what_follows_from_a_step_is_run_again() -> None:
    assert downstream(nested(), "/before") == ("/before", "/around", "/around/second", "/around/first", "/around/aside", "/after")
    assert downstream(nested(), "after") == ("/after",)
    assert downstream(nested(), "/far/") == ("/far",)


def test_what_a_workflow_holds_goes_with_it_and_what_it_does_not_need_stays() -> None:
    assert downstream(nested(), "/around") == ("/around", "/around/second", "/around/first", "/around/aside", "/after")
    assert downstream(nested(), "/around/first") == ("/around/second", "/around/first", "/after")
    assert downstream(nested(), "/around/aside") == ("/around/aside", "/after")


@pytest.mark.parametrize("path", ["/nowhere", "/around/nowhere", "/before/inside", "", "/"])
def test_a_step_that_is_not_there_is_a_key_error(path: str) -> None:
    with pytest.raises(KeyError):
        downstream(nested(), path)


def test_a_rerun_makes_void_what_was_known_of_its_steps_before_it() -> None:
    rerun = Rerun(("/s",), False, 0.0)
    before: list[Event] = [Started({}), Evaluated(JobId("/s"), {}), finished("/s"), finished("/t"), failed("/u")]
    after: list[Event] = [rerun, finished("/s", out=2)]
    assert list(standing(enumerate([*before, *after]), [(5, rerun)])) == [before[0], *before[3:], *after]


def test_a_rerun_of_what_failed_makes_failures_void_and_nothing_else() -> None:
    rerun = Rerun((), True, 0.0)
    events: list[Event] = [failed("/s", again=1.0), finished("/s"), failed("/t"), rerun, failed("/u")]
    assert list(standing(enumerate(events), [(3, rerun)])) == [events[1], *events[3:]]


def test_every_later_rerun_counts() -> None:
    first, second = Rerun(("/s",), False, 0.0), Rerun(("/t",), False, 0.0)
    events: list[Event] = [finished("/s"), first, finished("/t"), second]
    assert list(standing(enumerate(events), [(1, first), (3, second)])) == [first, second]


def test_what_is_done_is_not_begun_again_and_what_is_open_goes_on() -> None:
    graph = program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",))))
    open_ = submitting("/s", 1)
    state = replayed(graph, [Started({"a": [1, 2, 3]}), finished("/s", 0)], [open_])
    adopt, demand = state.handle(RESUMED)
    assert isinstance(adopt, Adopt)
    assert isinstance(demand, Demand)
    assert (adopt.job.id, adopt.key, adopt.job.inputs) == (open_.job, open_.key, {"x": 2})
    assert demand.job.id == JobId("/s", (2,))


def test_a_run_that_has_ended_ends_the_same_way_once_more() -> None:
    graph = program(workflow("a", ["r=s.out"], step("s", "x=a")))
    state = replayed(graph, [Started({"a": 1}), finished("/s", out=5), RESUMED], [])
    assert state.handle(RESUMED) == [Conclude({"r": 5}, (), {"a": 1})]


def test_what_is_known_behind_a_window_of_void_jobs_counts() -> None:
    for method, tags in {"flat_crossproduct": [(n,) for n in range(4)], "nested_crossproduct": [(0, 0), (0, 1), (1, 0), (1, 1)]}.items():
        graph = program(workflow("a b", ["r=s.out"], step("s", "x=a", "y=b", scatter=("x", "y"), method=method)))
        inputs = Started({"a": [1, 2], "b": [3, 4]})
        events = [inputs, failed("/s", *tags[0]), finished("/s", *tags[1]), finished("/s", *tags[2]), Rerun((), True, 0.0)]
        state = replayed(graph, events, [submitting("/s", *tags[3])], window=1)
        demand, adopt = state.handle(RESUMED)
        assert isinstance(demand, Demand)
        assert isinstance(adopt, Adopt)
        assert (demand.job.id.tag, adopt.job.id.tag) == (tags[0], tags[3])


def test_what_is_known_inside_a_scattered_workflow_behind_the_window_counts() -> None:
    inner = workflow("x", ["out=t.out"], step("s", "x=x"), step("t", "x=s.out"), id="inner")
    outer = workflow("a", ["r=w.out"], step("w", "x=a", kind="workflow", process="inner", scatter=("x",)))
    events: list[Event] = [Started({"a": [1, 2]}), failed("/w/s", 0), finished("/w/s", 1, out=7), Rerun((), True, 0.0)]
    begun = replayed(program(outer, inner), events, [], window=1).handle(RESUMED)
    assert [(action.job.id, action.job.inputs) for action in begun if isinstance(action, Demand)] == [
        (JobId("/w/s", (0,)), {"x": 1}), (JobId("/w/t", (1,)), {"x": 7}),
    ]  # fmt: skip


def test_keys_after_a_rerun_are_new_ones() -> None:
    graph = program(workflow("a", ["r=s.out"], step("s", "x=a")))
    state = replayed(graph, [Started({"a": 1}), finished("/s"), Rerun(("/s",), False, 0.0)], [])
    state.handle(RESUMED)
    (submit,) = state.handle(Demanded(JobId("/s"), ONE, ("box",)))
    assert isinstance(submit, Submit)
    assert submit.key == attempt_key("run", JobId("/s"), 1, 1) != attempt_key("run", JobId("/s"), 1)


def test_an_attempt_at_a_job_that_is_not_to_be_done_yet_is_not_gone_on_with() -> None:
    chain = program(workflow("a", ["r=t.out"], step("s", "x=a"), step("t", "x=s.out")))
    rerun = Rerun(("/s", "/t"), False, 0.0)
    assert replayed(chain, [Started({"a": 1}), finished("/s"), rerun], [submitting("/t")]).attempts == {}
    computed = program(workflow("a", ["r=s.out"], step("s", "x=a", computed=True)))
    events: list[Event] = [Started({"a": 1}), Evaluated(JobId("/s"), {"x": 2}), Rerun(("/s",), False, 0.0)]
    stray = submitting("/s")
    state = replayed(computed, events, [stray])
    assert state.attempts == {}
    assert state.handle(Failed(stray.job, stray.key, Failure(FailureClass.CANCELLED, "cancelled"), 0.0)) == []
    assert [type(action).__name__ for action in state.handle(RESUMED)] == ["Evaluate"]


def test_an_earlier_result_that_stood_in_still_does() -> None:
    graph = program(workflow("a", ["r=s.out"], step("s", "x=a")))
    state = replayed(graph, [Started({"a": 1}), Reused(JobId("/s"), {"out": 3}, "other", JobId("/s"), 0.0)], [])
    assert state.handle(RESUMED) == [Conclude({"r": 3}, (), {"a": 1})]


def test_attempts_are_told_by_their_keys() -> None:
    graph = program(workflow("a", ["r=s.out"], step("s", "x=a")))
    assert replayed(graph, [Started({"a": 1})], [submitting("/s")]).attempts == {Key(attempt_key("run", JobId("/s"), 1)): JobId("/s")}
