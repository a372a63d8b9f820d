"""`hyflow rerun`: what runs again, what does not, and what has to as its results are gone. Every command writes down that it ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import Flow, text
from commandline import processes, until
from naps import JOBS, Place, placed

from hyflow.journal import find_run, read_open


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "work").mkdir()
    return Flow(tmp_path / "work", tmp_path / "home")


def test_failed_elements_of_a_scatter_that_an_outside_change_has_mended(flow: Flow) -> None:
    many = flow.step("s", "x", scatter="part")
    many["in"]["part"] = "parts"
    last = {"run": {"class": "CommandLineTool", "baseCommand": ["sh", "-c", f'echo last >>{flow.top}/ran; cat "$@"', "sh"], "stdout": "all",
                    "inputs": {"x": {"type": "File[]", "inputBinding": {}}}, "outputs": {"out": "stdout"}},
            "in": {"x": "many/out"}, "out": ["out"]}  # fmt: skip
    flow.flow({"many": many, "last": last}, {"r": "last/out"}, parts="int[]")
    for part in (1, 3):
        flow.write(f"s{part}.fix", "no")
    flow.begin(parts=[0, 1, 2, 3]).fails(1, "/many[1] failed", "/many[3] failed")
    assert flow.ran() == ["s0", "s1", "s2", "s3"]
    flow.write("s1.fix", "yes")
    flow("hyflow", "rerun", "--failed", "--quiet").fails(1, "/many[3] failed")
    assert flow.ran() == ["s1", "s3"]
    flow.write("s3.fix", "well")
    done = flow("hyflow", "rerun", "--failed")
    assert text(done.output["r"]) == "x\ns0\nx\ns1 yes\nx\ns2\nx\ns3 well\n"
    assert flow.ran() == ["last", "s3"]
    again = flow("hyflow", "rerun", "--failed")
    assert (again.output, again.stderr) == (done.output, f"no job of run {find_run(flow.home).id} has failed: nothing is run again\n")
    assert flow.ran() == []


@pytest.mark.parametrize("kept", [True, False])
def test_from_the_middle_of_a_chain_of_a_run_that_is_done(flow: Flow, kept: bool) -> None:
    """Where its results are kept for reuse, what comes before is taken from there; else it runs again. What was delivered is replaced."""
    flow.chain()
    words = [] if kept else ["--no-reuse"]
    assert text(flow.begin(*words).output["r"]) == "x\na\nb\nc\n"
    assert flow.ran() == ["a", "b", "c"]
    flow.write("b.fix", "new")
    done = flow("hyflow", "rerun", "--from", "b", *words)
    assert text(done.output["r"]) == "x\na\nb new\nc\n"
    assert [path.name for path in (flow.top / "results").iterdir()] == ["made.txt"]
    assert flow.ran() == (["b", "c"] if kept else ["a", "b", "c"])
    assert ("/a runs again too: its results are no longer there\n" in done.stderr) is not kept
    assert json.loads(flow("hyflow", "status", "--json").stdout)["state"] == "done"


def test_results_that_were_edited_after_their_delivery(flow: Flow) -> None:
    """They are one file with what is kept, which is then not what the run had made."""
    flow.flow({"a": flow.step("a", "x"), "b": flow.step("b", "a/out")}, {"a": "a/out", "b": "b/out"})
    delivered = flow.begin().output["a"]["path"]
    with Path(delivered).open("a") as file:
        file.write("mine\n")
    flow.ran()
    done = flow("hyflow", "rerun", "--from", "/b")
    assert "/a runs again too" in done.stderr and flow.ran() == ["a", "b"]
    assert sorted([text(done.output["a"]), text(done.output["b"])]) == ["x\na\n", "x\na\nb\n"]


@pytest.mark.parametrize(("step", "kept", "expected"), [
    ("/sub/two", True, ["two", "z"]), ("/sub/one", True, ["one", "two", "z"]), ("/z", True, ["z"]), ("/sub", True, ["one", "two", "z"]),
    ("/sub/two", False, ["a", "one", "two", "z"]), ("/z", False, ["a", "one", "two", "z"]),
])  # fmt: skip
def test_in_nested_workflows(flow: Flow, step: str, kept: bool, expected: list[str]) -> None:
    inner = {"class": "Workflow", "inputs": {"i": "File"}, "outputs": {"o": {"type": "File", "outputSource": "two/out"}},
             "steps": {"one": flow.step("one", "i"), "two": flow.step("two", "one/out")}}  # fmt: skip
    sub = {"run": inner, "in": {"i": "a/out"}, "out": ["o"]}
    flow.flow({"a": flow.step("a", "x"), "sub": sub, "z": flow.step("z", "sub/o")}, {"r": "z/out"})
    words = [] if kept else ["--no-reuse"]
    assert text(flow.begin(*words).output["r"]) == "x\na\none\ntwo\nz\n"
    flow.ran()
    done = flow("hyflow", "rerun", "--from", step, *words)
    assert text(done.output["r"]) == "x\na\none\ntwo\nz\n"
    assert flow.ran() == expected, done.stderr


def test_an_unknown_step(flow: Flow) -> None:
    flow.chain()
    flow.begin()
    flow("hyflow", "rerun", "--from", "/bb").fails(2, "the workflow has no step /bb", "/b")
    flow("hyflow", "rerun").fails(2, "what is to run again?")
    flow.ran()
    assert flow("hyflow", "resume").status == 0 and flow.ran() == []


def test_a_run_that_was_interrupted_and_in_which_nothing_failed(tmp_path: Path) -> None:
    with placed(tmp_path, "local") as place:
        place.flow()
        run = place.killed()
        done = place("hyflow", "rerun", "--failed")
        said = f"no job of run {run} has failed: nothing is run again\n  hyflow resume {run} goes on with it\n"
        assert (done.status, done.stdout, done.stderr) == (0, "", said)
        assert len(place.napping()) >= JOBS
        place("hyflow", "cancel", run)


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    with placed(tmp_path, request.param) as made:
        yield made


@pytest.mark.parametrize("place", ["local", "shell"], indirect=True)
def test_what_still_goes_on_of_a_step_is_ended_first(place: Place) -> None:
    place.flow()
    run = place.killed()
    journal = find_run(place.home).journal
    before = {one.event.key for one in read_open(journal)}
    old = {line.split()[0] for line in processes(f"sleep\0{place.mark}\0")}
    again = place.start("hyflow", "rerun", "--from", "/nap", "--quiet")
    try:
        until(lambda: len({one.event.key for one in read_open(journal)} - before) == JOBS, 60)
        until(lambda: len(processes(f"sleep\0{place.mark}\0")) == JOBS, 60)
        assert {line.split()[0] for line in processes(f"sleep\0{place.mark}\0")}.isdisjoint(old)
        assert before.isdisjoint({one.event.key for one in read_open(journal)})
    finally:
        place("hyflow", "cancel", run)
        again.communicate(timeout=60)
    assert place.napping() == []


@pytest.mark.parametrize("place", ["shell"], indirect=True)
def test_what_goes_on_at_a_site_that_cannot_be_reached(place: Place) -> None:
    place.flow()
    run = place.killed()
    place.write("state", "down")
    words = "jobs of steps that are to run again may still go on at there, and cannot be ended: "
    place("hyflow", "rerun", "--from", "/nap").fails(1, words, "the line is dead", "try again when there can be reached")
    assert len(read_open(find_run(place.home).journal)) == JOBS and len(place.napping()) >= JOBS
    place.write("state", "up")
    assert place("hyflow", "cancel", run).status == 0 and place.napping() == []
