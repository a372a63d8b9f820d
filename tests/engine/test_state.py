"""The state machine: whole lists of actions, and whole runs with an obedient world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import GIB, ONE, Bench, box, link, out, program, step, workflow

from hyflow.engine.state import State
from hyflow.model.actions import Action, Adopt, Cancel, Conclude, Demand, Evaluate, LetGo, Submit
from hyflow.model.events import Demanded, Evaluated, Failed, Finished, Resumed, Reused, Started, Stopping, Submitting
from hyflow.model.jobs import Failure, FailureClass, Job, JobId, attempt_key
from hyflow.model.places import Location
from hyflow.model.resources import Request, Resources, Usage


def fleeting(locations: Mapping[str, Location]) -> dict[str, Location]:
    return {name: replace(location, fleeting=True) for name, location in locations.items()}


def double(job: Job) -> dict[str, Any]:
    return {"out": job.inputs["x"] * 2}


def test_one_step_from_start_to_conclusion() -> None:
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a"))), "run", box())
    job, key = Job(JobId("/s"), "tool", {"x": 1}), attempt_key("run", JobId("/s"), 1)
    assert state.handle(Started({"a": 1})) == [Demand(job)]
    assert state.handle(Demanded(job.id, ONE, ("box",))) == [Submit(job, key, "box", ONE.least)]
    assert state.handle(Finished(job.id, key, {"out": 2}, Usage(), 0.0)) == [Conclude({"r": 2}, (), {"a": 1})]


def test_steps_wait_for_what_they_need() -> None:
    graph = workflow("a", ["r=c.out"], step("c", "x=b.out"), step("b", "x=a"))
    bench = Bench(program(graph), double)
    assert bench.run(a=1).outputs == {"r": 4}
    assert bench.order == ["/b", "/c"]


def test_no_more_runs_at_once_than_fits() -> None:
    bench = Bench(program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), double, box(3))
    assert bench.run(a=list(range(20))).outputs == {"r": [2 * n for n in range(20)]}
    assert bench.most_running == 3


def test_a_large_scatter_unfolds_as_it_goes() -> None:
    bench = Bench(program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), double, window=10)
    assert bench.run(a=list(range(500))).outputs == {"r": [2 * n for n in range(500)]}
    assert bench.most_in_flight <= 10


def test_crossproducts_fold_back_as_the_standard_says() -> None:
    def pair(job: Job) -> dict[str, Any]:
        return {"out": job.inputs["x"] + job.inputs["y"]}

    def result(method: str, x: list[str], y: list[str]) -> Any:
        graph = workflow("a b", ["r=s.out"], step("s", "x=a", "y=b", scatter=("x", "y"), method=method))
        return Bench(program(graph), pair).run(a=x, b=y).outputs["r"]

    assert result("dotproduct", ["a", "b"], ["1", "2"]) == ["a1", "b2"]
    assert result("flat_crossproduct", ["a", "b"], ["1", "2"]) == ["a1", "a2", "b1", "b2"]
    assert result("nested_crossproduct", ["a", "b"], ["1", "2", "3"]) == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    assert result("nested_crossproduct", [], ["1"]) == []
    assert result("nested_crossproduct", ["a", "b"], []) == [[], []]
    assert result("flat_crossproduct", ["a"], []) == []


def test_tags_name_the_place_in_nested_scatters() -> None:
    inner = workflow("x", ["out=s.out"], step("s", "x=x", scatter=("x",)), id="inner")
    outer = workflow("a", ["r=w.out"], step("w", "x=a", kind="workflow", process="inner", scatter=("x",)))
    bench = Bench(program(outer, inner), double)
    assert bench.run(a=[[1, 2], [], [3]]).outputs == {"r": [[2, 4], [], [6]]}
    assert sorted(bench.order) == ["/w/s[0,0]", "/w/s[0,1]", "/w/s[2,0]"]


def test_a_skipped_step_gives_nulls() -> None:
    graph = workflow("a", ["r=s.out", link("p=s.out,t.out", pick="first_non_null")], step("s", "x=a", computed=True), step("t", "x=a"))
    bench = Bench(program(graph), double, when=lambda job: job.id.step != "/s")
    assert bench.run(a=1).outputs == {"r": None, "p": 2}
    assert bench.order == ["/t"]


def test_expressions_change_what_a_job_gets() -> None:
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a", computed=True))), "run", box())
    assert state.handle(Started({"a": 1})) == [Evaluate(Job(JobId("/s"), "tool", {"x": 1}), "main", "s")]
    assert state.handle(Evaluated(JobId("/s"), {"x": 7})) == [Demand(Job(JobId("/s"), "tool", {"x": 7}))]


def test_what_does_not_depend_on_a_failure_finishes() -> None:
    def work(job: Job) -> dict[str, Any]:
        if job.id.step == "/bad":
            raise ArithmeticError("broken")
        return {"out": job.inputs["x"]}

    graph = workflow("a", ["r=after.out"], step("bad", "x=a"), step("after", "x=bad.out"), step("good", "x=a"), step("more", "x=good.out"))
    bench = Bench(program(graph), work, box(1))
    conclusion = bench.run(a=1)
    assert bench.order == ["/bad", "/good", "/more"]
    assert conclusion.outputs == {}
    assert conclusion.failures == ((JobId("/bad"), Failure(FailureClass.TOOL, "broken", code=1)),)


def test_a_failure_inside_a_nested_workflow_reaches_the_top_once() -> None:
    def work(job: Job) -> dict[str, Any]:
        if job.inputs["x"] == 2:
            raise ArithmeticError("two")
        return {"out": job.inputs["x"]}

    inner = workflow("x", ["out=s.out"], step("s", "x=x"), id="inner")
    outer = workflow("a", ["r=w.out"], step("w", "x=a", kind="workflow", process="inner", scatter=("x",)))
    bench = Bench(program(outer, inner), work)
    assert [str(job) for job, _ in bench.run(a=[1, 2, 3]).failures] == ["/w/s[1]"]
    assert bench.order == ["/w/s[0]", "/w/s[1]", "/w/s[2]"]


def test_links_and_scatters_that_cannot_be_are_failures_of_the_step() -> None:
    graph = workflow("a b", ["r=s.out"], step("s", "x=a", "y=b", scatter=("x", "y")))
    (failure,) = Bench(program(graph), double).run(a=[1], b=[1, 2]).failures
    assert failure == (JobId("/s"), Failure(FailureClass.EVALUATION, "dotproduct needs arrays of one length; 'x' has 1, 'y' has 2"))
    graph = workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))
    (failure,) = Bench(program(graph), double).run(a="text").failures
    assert failure[1].message == "the input 'x' is scattered over, so it must be an array; it is 'text'"
    graph = workflow("a", [link("r=a,a", pick="first_non_null")], step("s", "x=a"))
    (failure,) = Bench(program(graph), out(1)).run(a=None).failures
    assert failure[1].message == "pickValue first_non_null of r: all values are null"


def test_long_chains_of_empty_scatters_do_not_exhaust_the_stack() -> None:
    names = [f"s{n}" for n in range(3000)]
    sources = ["x=a", *(f"x={name}.out" for name in names)]
    chain = [step(name, source, scatter=("x",)) for name, source in zip(names, sources, strict=False)]
    assert Bench(program(workflow("a", [f"r={names[-1]}.out"], *chain)), double).run(a=[]).outputs == {"r": []}


def test_a_scatter_over_a_workflow_that_does_nothing_is_quick_and_flat() -> None:
    inner = workflow("x", ["out=x"], id="inner")
    outer = workflow("a", ["r=w.out"], step("w", "x=a", kind="workflow", process="inner", scatter=("x",)))
    assert Bench(program(outer, inner), double).run(a=list(range(5000))).outputs == {"r": list(range(5000))}


def test_a_large_request_is_not_overtaken_for_ever() -> None:
    def request(job: Job) -> Request:
        amount = Resources(4 if job.id.step == "/large" else 1, GIB)
        return Request(amount, amount)

    graph = workflow("a b", ["r=small.out"], step("small", "x=a", scatter=("x",)), step("large", "x=b"))
    bench = Bench(program(graph), double, box(4), request, window=8)
    bench.run(a=list(range(100)), b=1)
    assert bench.order.index("/large") < 20


def test_stopping_cancels_what_runs_and_concludes_when_it_has_ended() -> None:
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), "run", fleeting(box(1)))
    jobs = [action.job for action in state.handle(Started({"a": [1, 2]})) if isinstance(action, Demand)]
    (submit,) = state.handle(Demanded(jobs[0].id, ONE, ("box",)))
    assert isinstance(submit, Submit)
    assert state.handle(Demanded(jobs[1].id, ONE, ("box",))) == []
    assert state.handle(Stopping("interrupt", 0.0)) == [Cancel((submit.key,))]
    stopped = (JobId("/"), Failure(FailureClass.CANCELLED, "the run was stopped"))
    failure = Failure(FailureClass.CANCELLED, "cancelled")
    assert state.handle(Failed(jobs[0].id, submit.key, failure, 0.0)) == [Conclude({}, (stopped,), {"a": [1, 2]})]


def test_stopping_when_nothing_runs_concludes_at_once() -> None:
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a"))), "run", box(1))
    state.handle(Started({"a": 1}))
    assert [type(action) for action in state.handle(Stopping("interrupt", 0.0))] == [Conclude]


def scattered(width: int, locations: Mapping[str, Location]) -> tuple[State, list[Submit]]:
    """A state with so many jobs, and those of them that are submitted, one after the other to each of the locations."""
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), "run", locations)
    state.handle(Started({"a": list(range(width))}))
    places = list(locations)
    begun = [state.handle(Demanded(JobId("/s", (n,)), ONE, (places[n % len(places)],))) for n in range(width)]
    return state, [action for actions in begun for action in actions if isinstance(action, Submit)]


def announced(submit: Submit) -> Submitting:
    return Submitting(submit.job.id, submit.key, submit.location, "/work", 0.0, resources=submit.resources)


def ended(submit: Submit, kind: FailureClass, again: float | None = None) -> Failed:
    return Failed(submit.job.id, submit.key, Failure(kind, "it ended"), 0.0, again)


@pytest.mark.parametrize(("reason", "ends"), [("interrupt", [0, 2]), ("terminate", [0, 2]), ("hangup", [2]), ("cancel", [0, 1, 2])])
def test_why_it_is_stopped_says_what_is_ended_and_what_goes_on(reason: str, ends: list[int]) -> None:
    state, submits = scattered(3, fleeting(box(name="here")) | box(name="there"))
    for submit in submits[:2]:  # the third is on its way, and no site has heard of it
        state.handle(announced(submit))
    keys = [submit.key for submit in submits]
    ended_, left = tuple(keys[n] for n in ends), tuple(key for n, key in enumerate(keys) if n not in ends)
    expected: list[Action] = [Cancel(ended_), *([LetGo(left)] if left else [])]
    assert state.handle(Stopping(reason, 0.0)) == expected
    answers = [state.handle(ended(submits[n], FailureClass.CANCELLED)) for n in ends]
    assert answers[:-1] == [[]] * (len(ends) - 1)
    (conclusion,) = answers[-1]
    assert isinstance(conclusion, Conclude)
    assert conclusion.going_on == left


def test_a_second_wish_to_stop_ends_what_was_let_go() -> None:
    state, (here, there) = scattered(2, fleeting(box(name="here")) | box(name="there"))
    for submit in (here, there):
        state.handle(announced(submit))
    assert state.handle(Stopping("interrupt", 0.0)) == [Cancel((here.key,)), LetGo((there.key,))]
    assert state.handle(Stopping("terminate", 0.0)) == []
    assert state.handle(Stopping("cancel", 0.0)) == [Cancel((there.key,))]
    assert state.handle(Stopping("cancel", 0.0)) == []
    assert state.handle(ended(here, FailureClass.CANCELLED)) == []
    (conclusion,) = state.handle(ended(there, FailureClass.CANCELLED))
    assert isinstance(conclusion, Conclude)
    assert conclusion.going_on == ()


def test_a_second_wish_in_the_very_turn_in_which_everything_was_let_go() -> None:
    state, (there,) = scattered(1, box(name="there"))
    state.handle(announced(there))
    assert [type(action) for action in state.handle(Stopping("interrupt", 0.0))] == [LetGo, Conclude]
    assert state.handle(Stopping("cancel", 0.0)) == [Cancel((there.key,))]
    (conclusion,) = state.handle(ended(there, FailureClass.CANCELLED))
    assert isinstance(conclusion, Conclude)
    assert conclusion.going_on == ()


def test_what_has_ended_all_the_same_does_not_go_on() -> None:
    state, (here, there) = scattered(2, fleeting(box(name="here")) | box(name="there"))
    for submit in (here, there):
        state.handle(announced(submit))
    state.handle(Stopping("interrupt", 0.0))
    assert state.handle(Finished(there.job.id, there.key, {"out": 1}, Usage(), 0.0)) == []
    (conclusion,) = state.handle(ended(here, FailureClass.CANCELLED))
    assert isinstance(conclusion, Conclude)
    assert conclusion.going_on == ()


def test_what_ends_after_it_was_let_go_counts() -> None:
    state, submits = scattered(2, box(2))
    for submit in submits:
        state.handle(announced(submit))
    assert [type(action) for action in state.handle(Stopping("hangup", 0.0))] == [LetGo, Conclude]
    assert [state.handle(Finished(one.job.id, one.key, {"out": 1}, Usage(), 0.0)) for one in submits] == [[], []]
    assert state.handle(Resumed("here", 0.0)) == [Conclude({"r": [1, 1]}, (), {"a": [0, 1]})]


def test_a_job_that_is_tried_again_waits_and_gets_another_key() -> None:
    state, (first,) = scattered(1, box(1))
    assert state.handle(ended(first, FailureClass.TEMPORARY, again=5.0)) == [Demand(first.job, 5.0, {FailureClass.TEMPORARY: 1})]
    (second,) = state.handle(Demanded(first.job.id, ONE, ("box",)))
    assert second == Submit(first.job, attempt_key("run", first.job.id, 2), "box", ONE.least)
    assert state.before(first.job.id) == {FailureClass.TEMPORARY: 1}
    (third,) = state.handle(ended(second, FailureClass.MEMORY, again=0.0))
    assert third == Demand(first.job, 0.0, {FailureClass.TEMPORARY: 1, FailureClass.MEMORY: 1})


def test_failing_before_there_is_an_attempt_uses_up_no_key() -> None:
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a"))), "run", box())
    (demand,) = state.handle(Started({"a": 1}))
    assert isinstance(demand, Demand)
    state.handle(Failed(demand.job.id, None, Failure(FailureClass.INFRASTRUCTURE, "no answer"), 0.0, 1.0))
    (submit,) = state.handle(Demanded(demand.job.id, ONE, ("box",)))
    assert submit == Submit(demand.job, attempt_key("run", demand.job.id, 1), "box", ONE.least)


def test_an_attempt_that_somebody_had_ended_is_tried_again_and_no_failure() -> None:
    state, (submit,) = scattered(1, box(1))
    state.handle(announced(submit))
    assert state.handle(ended(submit, FailureClass.CANCELLED)) == [Demand(submit.job)]


def test_the_end_of_an_attempt_that_is_not_the_present_one_changes_nothing() -> None:
    state, (first,) = scattered(1, box(1))
    state.handle(ended(first, FailureClass.TEMPORARY, again=0.0))
    (second,) = state.handle(Demanded(first.job.id, ONE, ("box",)))
    assert isinstance(second, Submit)
    assert state.handle(ended(first, FailureClass.TOOL)) == []
    assert state.attempts == {second.key: first.job.id}


def test_an_earlier_result_gives_the_room_back() -> None:
    state, (submit,) = scattered(2, box(1))
    (following,) = state.handle(Reused(submit.job.id, {"out": 1}, "earlier", submit.job.id, 0.0))
    assert isinstance(following, Submit)
    assert following.job.id.tag == (1,)


def test_what_is_gone_on_with_has_its_room() -> None:
    _, (before,) = scattered(1, box(1))
    state = State(program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), "run", box(1))
    state.handle(Started({"a": [0, 1]}))
    state.handle(announced(before))
    assert state.handle(Resumed("here", 0.0)) == [Adopt(before.job, before.key, "box"), Demand(Job(JobId("/s", (1,)), "tool", {"x": 1}))]
    assert state.handle(Demanded(JobId("/s", (1,)), ONE, ("box",))) == []
    (following,) = state.handle(Finished(before.job.id, before.key, {"out": 1}, Usage(), 0.0))
    assert isinstance(following, Submit)
    assert following.key == attempt_key("run", JobId("/s", (1,)), 1)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_graphs_give_what_a_simple_evaluation_gives(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    sources = [data.draw(st.lists(st.integers(0, n), min_size=1, max_size=3)) for n in range(count)]
    failing = data.draw(st.sets(st.integers(0, count - 1), max_size=2))

    def text(source: int) -> str:
        return "a" if source == 0 else f"s{source - 1}.out"

    def work(job: Job) -> dict[str, Any]:
        if int(job.id.step[2:]) in failing:
            raise ArithmeticError("no")
        x = job.inputs["x"]
        return {"out": 1 + (sum(x) if isinstance(x, list) else x)}

    order = data.draw(st.permutations(range(count)))
    steps = [step(f"s{n}", link(f"x={','.join(map(text, sources[n]))}", listed=True)) for n in order]
    bench = Bench(program(workflow("a", [f"r=s{count - 1}.out"], *steps)), work, box(data.draw(st.integers(1, 3))))
    conclusion = bench.run(a=1)

    expected: list[int | None] = [1]
    for n in range(count):
        values = [expected[source] for source in sources[n]]
        expected.append(None if n in failing or None in values else 1 + sum(v for v in values if v is not None))
    ran = {f"/s{n}" for n in range(count) if None not in [expected[source] for source in sources[n]]}
    assert set(bench.order) == ran
    assert len(bench.order) == len(ran)
    assert conclusion.outputs == ({} if conclusion.failures else {"r": expected[-1]})
    replayed = State(program(workflow("a", [f"r=s{count - 1}.out"], *steps)), "run", bench.locations)
    assert [action for event in bench.events for action in replayed.handle(event)][-1] == conclusion


def test_an_attempt_at_a_location_that_is_gone_is_asked_about_all_the_same() -> None:
    """Whoever knows the sites says what is to be thought of it."""
    state, (first,) = scattered(1, box(1, name="gone"))
    graph, fresh = program(workflow("a", ["r=s.out"], step("s", "x=a", scatter=("x",)))), box(1, name="new")
    again = State(graph, "run", fresh)
    again.handle(Started({"a": [0]}))
    again.handle(announced(first))
    assert again.handle(Resumed("here", 0.0)) == [Adopt(first.job, first.key, "gone")]
    failure = Failure(FailureClass.INFRASTRUCTURE, "it is gone", lasting=True)
    (conclusion,) = again.handle(Failed(first.job.id, first.key, failure, 0.0))
    assert isinstance(conclusion, Conclude) and conclusion.failures == ((first.job.id, failure),)
    assert state.attempts
