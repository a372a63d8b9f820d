"""Bare `hyflow clean`, and `--older-than`: what goes by itself, what is only named, and what becomes of results that are kept."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from chains import Flow, text
from commandline import processes
from naps import JOBS, placed

from hyflow.journal import RunDir, find_run, list_runs, read_session


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "work").mkdir()
    made = Flow(tmp_path / "work", tmp_path / "home")
    made.chain()
    return made


def attempts(run: RunDir) -> list[Path]:
    """The directories of its attempts, by name."""
    return sorted(run.path.glob(f"sites/*/work/{run.id}/*"))


def answer(flow: Flow, *words: str) -> Any:
    done = flow("hyflow", "clean", *words, "--json")
    assert done.status == 0, done.stderr
    return json.loads(done.stdout)


def change(run: RunDir, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(run.journal)) as db, db:
        db.execute(sql)


def test_what_is_kept_is_pruned_to_its_bound(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    flow.begin()
    assert flow("hyflow", "clean").stdout == "kept for later runs: 3 results, 12KiB of at most 10GiB\n"
    monkeypatch.setenv("HYFLOW_REUSE_SIZE", "9KB")
    planned = flow("hyflow", "clean", "--dry-run").stdout
    assert planned == "kept for later runs: 3 results, 12KiB of at most 8.79KiB; 1 result (4KiB) would be removed\n"
    assert flow("hyflow", "clean").stdout == "kept for later runs: 2 results, 8KiB of at most 8.79KiB; 1 result (4KiB) removed\n"
    assert sum((path / "out" / "made.txt").exists() for path in attempts(find_run(flow.home))) == 2
    monkeypatch.setenv("HYFLOW_REUSE_SIZE", "0B")
    kept = answer(flow)["kept"]
    assert kept == {"results": 0, "bytes": 0, "most": 0, "left": 0, "gone": {"results": 2, "bytes": 8192}}
    monkeypatch.delenv("HYFLOW_REUSE_SIZE")
    flow.ran()
    flow.begin()
    assert flow.ran() == ["a", "b", "c"]


def test_what_is_kept_at_other_sites(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked with --remote alone."""
    flow.write("deploy.yml", f"version: 1\nsites: {{box: {{type: shell, command: [sh, -c], workdir: {flow.top}/box}}}}\n")
    flow.begin("deploy.yml")
    monkeypatch.setenv("HYFLOW_REUSE_SIZE", "0B")
    made = list((flow.top / "box").rglob("made.txt"))
    done = flow("hyflow", "clean")
    assert (done.status, done.stdout) == (0, "kept for later runs: 3 results, 12KiB of at most 0B\n")
    assert done.stderr == "hyflow: 3 results that should go are at other sites: add --remote\n"
    assert len(made) == 3 and all(path.exists() for path in made)
    assert answer(flow, "--remote")["kept"]["gone"]["results"] == 3
    assert not any(path.exists() for path in made) and answer(flow)["kept"]["results"] == 0


def test_what_a_run_that_is_done_has_not_tidied_up(flow: Flow) -> None:
    """Its results that are kept stay; a hyflow that was killed meanwhile has an end from then on."""
    flow.begin()
    run = find_run(flow.home)
    one = attempts(run)[0]
    for name in ("in/x", "tmp/y", "other"):
        (one / name).parent.mkdir(exist_ok=True)
        (one / name).write_text("much")
    (one.parent / "lost-0123" / "out").mkdir(parents=True)
    (one.parent / "lost-0123" / "out" / "z").write_text("more")
    (one.parent.parent / ".spare-1").mkdir()
    change(run, "UPDATE owner SET ended = NULL")
    assert answer(flow, "--dry-run")["tidied"][0]["run"] == run.id and (one / "other").exists()
    (tidied,) = answer(flow)["tidied"]
    assert tidied["run"] == run.id and tidied["freed"] > 0
    assert not list(run.path.rglob("x")) + list(run.path.rglob("z")) + list(run.path.rglob("other")) + list(run.path.rglob(".spare-1"))
    assert len(list(run.path.rglob("made.txt"))) == 3 and read_session(run.journal).ended is not None
    assert answer(flow)["tidied"] == []
    flow.ran()
    flow.begin()
    assert flow.ran() == []


def test_giving_up_a_run_that_is_done(flow: Flow) -> None:
    """What was kept of it is forgotten; its outputs are known, and what is asked for again runs with all that comes before."""
    outputs = flow.begin().output
    run = find_run(flow.home)
    before = flow("hyflow", "status", "--json").stdout
    (found,) = answer(flow, run.id)["runs"]
    assert (found["error"], found["left"], found["sites"][0]["jobs"]) == (None, [], 0) and found["sites"][0]["freed"] > 0
    assert not list(run.path.rglob("made.txt")) and text(outputs["r"]) == "x\na\nb\nc\n"
    assert flow("hyflow", "status", "--json").stdout == before
    done = flow("hyflow", "resume", run.id)
    assert (done.output, done.stderr) == (outputs, f"run {run.id} is done already\n")
    flow.ran()
    done = flow("hyflow", "rerun", run.id, "--from", "/c")
    assert text(done.output["r"]) == "x\na\nb\nc\n" and flow.ran() == ["a", "b", "c"]
    assert answer(flow)["kept"]["results"] == 3


def test_results_that_a_run_uses_which_is_not_over(flow: Flow) -> None:
    flow.begin()
    first = find_run(flow.home)
    flow.write("c.fix", "no")
    flow.flow({"a": flow.step("a", "x"), "c": flow.step("c", "a/out")}, {"r": "c/out"})
    flow.begin().fails(1, "/c failed")
    second = find_run(flow.home)
    words = f"results of run {first.id} are used by a run that is not over: {second.id}"
    for more in ([], ["--dry-run"]):
        flow("hyflow", "clean", first.id, *more).fails(1, words, f"hyflow clean {second.id}")
    assert len(list(first.path.rglob("made.txt"))) == 3
    assert flow("hyflow", "clean", second.id, first.id).status == 0
    assert not list(first.path.rglob("made.txt"))


def test_runs_of_a_certain_age(tmp_path: Path) -> None:
    with placed(tmp_path, "local") as place:
        place.flow()
        old, first = place.killed(), place.mark
        place.mark = f"{first}1"
        place.flow()
        young = place.killed()
        change(find_run(place.home, old), "UPDATE events SET at = at - 40 * 86400")
        for words in (["--older-than", "50d"], ["--older-than", "30d", young]):
            done = place("hyflow", "clean", *words)
            assert (done.status, done.stdout, done.stderr) == (0, "", "hyflow: there is nothing to clean: no such run is as old\n")
        planned = place("hyflow", "clean", "--older-than", "30d", "--dry-run").stdout
        assert planned.startswith(f"{old}: {JOBS} unfinished jobs would be ended") and planned.count("\n") == 1
        assert len(processes(f"sleep\0{first}\0")) == JOBS
        done = place("hyflow", "clean", "--older-than", "30d")
        assert done.status == 0 and done.stdout.startswith(f"{old}: {JOBS} unfinished jobs ended") and done.stdout.count("\n") == 1
        assert processes(f"sleep\0{first}\0") == [] and len(place.napping()) >= JOBS
        states = [run["state"] for run in json.loads(place("hyflow", "runs", "--json").stdout)]
        assert states == ["interrupted", "cancelled"] and len(list_runs(place.home)) == 2
        place("hyflow", "clean", "--older-than", "soon").fails(2, "not a length of time: 'soon'")
        assert place("hyflow", "clean", young).status == 0 and place.napping() == []
