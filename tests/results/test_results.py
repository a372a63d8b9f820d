"""The index of results: what is found again, what is kept for whom, what goes first; several processes, damaged files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hyflow.errors import UsageError
from hyflow.model.jobs import JobId
from hyflow.results import Held, Result, Results, Size, Writer, bound

ODD = "a\udcff\U0001f600\0'\n"
RESULT = Result(
    "k" * 64, {"tool": "1", f"input {ODD}": "2"}, f"file:///w.cwl#main/{ODD}", "run-1", JobId(f"/a/{ODD}", (3, 1)), "local", f"/w/{ODD}",
    {"out": [{"class": "File", "location": "file:///w/o", "basename": ODD}], "n": 1.5, "none": None},
    {"file:///w/o": Held("f" * 64, 10_000)}, 1000.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache" / "results.sqlite"


def opened(path: Path) -> Results:
    """The index, of which nothing bad may be heard."""
    return Results(path, lambda text: pytest.fail(text))


def result(number: int, run: str = "run-1", size: int = 10_000, **more: object) -> Result:
    made = replace(RESULT, key=str(number), run=run, data={"x": Held("f", size)}, created=float(number))
    return replace(made, **more)  # type: ignore[arg-type]  # handed on as they are


def keys(results: list[Result]) -> list[str]:
    return [each.key for each in results]


def always(run: str) -> bool:
    return True


def test_a_result_is_found_again(path: Path) -> None:
    opened(path).store([RESULT])
    found = opened(path).lookup(RESULT.key)
    assert found == replace(RESULT, id=1)
    assert opened(path).lookup("other") is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_latest_counts(path: Path) -> None:
    results = opened(path)
    results.store([RESULT, replace(RESULT, run="run-2")])
    latest = results.lookup(RESULT.key)
    assert latest is not None and latest.run == "run-2"
    results.forget([latest.id])
    assert results.lookup(RESULT.key) == replace(RESULT, id=1)


def test_forgetting(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2), result(3, "run-2")])
    results.forget([1])
    assert [results.lookup(str(number)) is None for number in (1, 2, 3)] == [True, False, False]
    results.forget([77])
    assert results.size() == Size(2, 20_000)


def test_the_results_of_a_run_are_withdrawn_where_it_is_cleaned(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2, site="far"), result(3, "run-2")])
    assert results.withdraw("run-1", ["local"], always) == ()
    assert [results.lookup(str(number)) is None for number in (1, 2, 3)] == [True, False, False]
    assert results.withdraw("run-1", ["local", "far"], always) == results.withdraw("never", ["local"], always) == ()
    assert results.size() == Size(1, 10_000)


def test_results_that_are_used_are_not_withdrawn(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2)])
    for user, key in (("run-1", "1"), ("user", "1"), ("over", "2")):  # the first is the run itself
        found = results.lookup(key)
        assert found is not None and results.take(user, found)
    assert results.withdraw("run-1", ["local"], lambda run: run == "over") == ("user",)
    assert results.size() == Size(2, 20_000)
    results.release("user")
    assert results.withdraw("run-1", ["local"], lambda run: run == "over") == ()
    assert results.size() == Size(0, 0) and results.users("run-1") == ()


def test_what_would_go_is_told_and_stays(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2), result(3)])
    assert results.excess(15_000, always) == Size(2, 20_000)
    assert results.excess(0, lambda run: False) == results.excess(30_000, always) == Size(0, 0)
    assert keys(results.oldest_unused(30_000, always)) == [] and results.lookup("1") is not None


def test_sizes(path: Path) -> None:
    results = opened(path)
    assert results.size() == Size(0, 0)
    results.store([result(1), result(2, size=1)])
    assert results.size() == Size(2, 14_096)  # whatever it holds, a result takes some room


def test_the_nearest_explains(path: Path) -> None:
    results = opened(path)
    there = JobId("/a", (1,))
    results.store([
        result(1, job=there, parts={"tool": "1", "input a": "1", "input b": "1"}), result(2, job=there, parts={"tool": "2"}),
        result(3, job=JobId("/a", (2,)), parts={"tool": "1", "input a": "1", "input b": "2"}),
    ])
    parts = {"tool": "1", "input a": "1", "input b": "2"}
    for tag, expected in (((1,), "1"), ((2,), "3"), ((9,), "3")):
        near = results.nearest(RESULT.label, tag, parts)
        assert near is not None and near.key == expected
    assert results.nearest("another", (1,), parts) is None


def took(results: Results, run: str, *numbers: int) -> set[int]:
    """The run takes results by their numbers; those that it got."""
    return {number for number in numbers if results.take(run, replace(RESULT, id=number, data={}))}


# -- what is used, and what goes --------------------------------------------------------------------------------------


def test_the_oldest_goes_first(path: Path) -> None:
    results = opened(path)
    results.store([result(2), result(1), result(3)])
    assert keys(results.oldest_unused(30_000, always)) == []
    assert keys(results.oldest_unused(20_000, always)) == ["1"]
    assert keys(results.oldest_unused(5_000, always)) == ["1", "2", "3"]


def test_what_is_used_is_young_again(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2)])
    assert took(results, "run-9", 1) == {1}
    assert keys(results.oldest_unused(10_000, always)) == ["2"]


def test_what_is_to_go_is_given_to_nobody(path: Path) -> None:
    """And it stays to be removed until somebody says that it is."""
    results = opened(path)
    results.store([result(1), result(2)])
    going = results.oldest_unused(10_000, always)
    assert results.lookup("1") is None
    assert took(results, "run-9", 1, 2, 3) == {2}
    assert results.nearest(RESULT.label, RESULT.job.tag, {}) == results.lookup("2")
    again = opened(path).oldest_unused(10_000, always)
    assert keys(going) == keys(again) == ["1"]
    results.forget([going[0].id])
    assert (results.oldest_unused(10_000, always), results.size()) == ([], Size(1, 10_000))


def test_what_a_run_that_is_not_over_has_made_or_taken_stays(path: Path) -> None:
    results = opened(path)
    results.store([result(1, "run-1"), result(2, "run-2"), result(3, "run-3")])
    took(results, "run-4", 1)
    assert keys(results.oldest_unused(0, lambda run: run not in ("run-2", "run-4"))) == ["3"]
    assert results.users("run-1") == ("run-4",)
    results.release("run-4")
    assert results.users("run-1") == ()
    assert keys(results.oldest_unused(0, lambda run: run not in ("run-2", "run-4"))) == ["3", "1"]


def test_what_somebody_takes_while_it_is_chosen_stays(path: Path) -> None:
    results, other = opened(path), opened(path)
    results.store([result(1, "run-1"), result(2, "run-2")])

    def over(run: str) -> bool:
        if run == "run-2":
            took(other, "run-new", 1)
        return True

    assert keys(results.oldest_unused(0, over)) == ["2"]


def test_enough_goes_although_some_must_stay(path: Path) -> None:
    results = opened(path)
    results.store([result(number, f"run-{number}") for number in range(1, 6)])
    took(results, "living", 1)
    assert keys(results.oldest_unused(20_000, lambda run: run not in ("living", "run-3"))) == ["2", "4", "5"]


@pytest.mark.parametrize(("said", "size"), [(None, 10 << 30), ("", 10 << 30), ("16GiB", 16 << 30), ("0B", 0)])
def test_the_bound(said: str | None, size: int) -> None:
    assert bound({} if said is None else {"HYFLOW_REUSE_SIZE": said}) == size


def test_a_bound_that_is_none() -> None:
    with pytest.raises(UsageError, match="HYFLOW_REUSE_SIZE is not a size: 'much'"):
        bound({"HYFLOW_REUSE_SIZE": "much"})


# -- several, and what fails ------------------------------------------------------------------------------------------


def test_the_writer_stores_all_before_it_ends(path: Path) -> None:
    with Writer(path, lambda text: pytest.fail(text)) as writer:
        for number in range(500):
            writer.store(result(number))
    assert opened(path).size().results == 500
    with Writer(path, lambda text: pytest.fail(text)):
        pass


def test_several_processes_at_once(path: Path) -> None:
    code = """
import sys
from dataclasses import replace
from pathlib import Path
from hyflow.model.jobs import JobId
from hyflow.results import Held, Result, Results
own, wrong = sys.argv[2], []
results = Results(Path(sys.argv[1]), wrong.append)
for number in range(100):
    made = Result(f"{own}-{number}", {}, "l", own, JobId("/a"), "s", "/d", {}, {"x": Held("f", 9000)}, 1.0)
    results.store([made])
    found = results.lookup(made.key)
    assert found == replace(made, id=found.id), found
    assert results.take(own, found)
    if number % 10 == 0:
        for old in results.oldest_unused(300_000, lambda run: False):
            raise AssertionError(old)
results.release(own)
print(wrong)
"""
    running = [subprocess.Popen([sys.executable, "-c", code, path, f"run-{number}"], stdout=subprocess.PIPE, text=True)
               for number in range(3)]
    assert [process.communicate()[0] for process in running] == ["[]\n"] * 3
    assert opened(path).size() == Size(300, 2_700_000)
    assert len(opened(path).oldest_unused(900_000, always)) == 200


def test_a_newer_file_is_put_aside_with_one_warning(path: Path) -> None:
    opened(path).store([RESULT])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    said: list[str] = []
    results = Results(path, said.append)
    assert results.lookup(RESULT.key) is None
    results.store([RESULT])
    assert results.lookup(RESULT.key) is not None
    assert len(said) == 1 and "results of earlier runs: " in said[0] and "has format 99" in said[0]
    assert len(list(path.parent.glob("*.aside-*"))) >= 1


def test_a_file_that_fails_is_done_without(path: Path) -> None:
    said: list[str] = []
    results = Results(path, said.append)
    results.store([RESULT])
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE uses")
    db.close()
    assert took(results, "run", 1) == set()
    assert results.lookup(RESULT.key) is None
    results.store([RESULT])
    results.release("run")
    results.forget([1])
    assert (results.oldest_unused(0, always), results.size(), results.users("x")) == ([], Size(0, 0), ())
    assert len(said) == 1 and "cannot be used any more" in said[0]


def test_one_damaged_result_is_as_if_it_were_not_there(path: Path) -> None:
    results = opened(path)
    results.store([result(1), result(2)])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE results SET body = '{' WHERE id = 1")
    db.close()
    assert results.lookup("1") is None
    assert results.lookup("2") is not None


def test_where_there_can_be_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    with Writer(tmp_path / "file" / "x", said.append) as writer:
        writer.store(RESULT)
    assert Results(tmp_path / "file" / "x", said.append).lookup(RESULT.key) is None
    assert len(said) == 2
