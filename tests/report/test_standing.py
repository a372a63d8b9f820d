from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from madeup import ONE, SPLIT, done, failed, life, made, meta

from hyflow.journal import Journal, RunDir, holder, new_run
from hyflow.model.events import Delivered, Event, Rerun, Resumed, Started, Stopping
from hyflow.report.standing import RunState, Standing, standing
from hyflow.report.summary import summarize

DELIVERED, RESUMED, RERUN = Delivered({}, 5.0), Resumed("vm", 6.0), Rerun(("/split",), False, 6.0)


@pytest.mark.parametrize(
    ("events", "killed", "state"),
    [
        ([], False, "failed"),
        ([], True, "interrupted"),
        ([DELIVERED], False, "done"),
        ([DELIVERED], True, "done"),
        ([Stopping("interrupt", 5.0)], False, "interrupted"),
        ([Stopping("hangup", 5.0)], True, "interrupted"),
        ([Stopping("cancel", 5.0)], False, "cancelled"),
        ([Stopping("clean", 5.0)], False, "cancelled"),
        ([Stopping("clean", 9.0, 5.0)], False, "failed"),
        ([Stopping("cancel", 5.0), Stopping("clean", 9.0, 6.0)], False, "cancelled"),
        ([DELIVERED, Stopping("clean", 9.0, 6.0)], False, "done"),
        ([Stopping("cancel", 5.0)], True, "cancelled"),
        ([Stopping("interrupt", 5.0), Stopping("cancel", 6.0)], False, "cancelled"),
        ([Stopping("cancel", 5.0), RESUMED], True, "interrupted"),
        ([Stopping("cancel", 5.0), RESUMED], False, "failed"),
        ([Stopping("interrupt", 5.0), RESUMED, DELIVERED], False, "done"),
        ([DELIVERED, RERUN], True, "interrupted"),
        ([DELIVERED, RERUN, RESUMED], False, "failed"),
        ([DELIVERED, RERUN, RESUMED, Stopping("interrupt", 9.0)], False, "interrupted"),
    ],
)
def test_what_the_milestones_of_a_run_without_a_driver_say(tmp_path: Path, events: list[Event], killed: bool, state: str) -> None:
    assert standing(made(tmp_path, None, [Started({}), *events], killed=killed)).state.value == state


@pytest.mark.parametrize(
    ("events", "cleaned"),
    [
        ([Stopping("clean", 9.0, 5.0)], True),
        ([Stopping("clean", 9.0), Stopping("cancel", 10.0)], True),
        ([DELIVERED, Stopping("clean", 9.0)], True),
        ([DELIVERED, Stopping("clean", 9.0), RERUN], False),
        ([Stopping("cancel", 9.0)], False),
    ],
)
def test_whether_a_run_was_cleaned(tmp_path: Path, events: list[Event], cleaned: bool) -> None:
    found = standing(made(tmp_path, None, [Started({}), *events], killed=False))
    assert found.cleaned is cleaned and not (cleaned and "rerun" in found.next("run"))


def test_a_run_that_is_cleaned_after_its_end_ended_when_it_did(tmp_path: Path) -> None:
    run = made(tmp_path, None, [Started({}), Stopping("clean", 9.0, 5.0)], killed=False)
    assert standing(run).session.ended == summarize(run).ended == 5.0


def alive(home: Path, events: Sequence[Event]) -> Standing:
    async def go() -> Standing:
        run = new_run(home)
        async with Journal.create(run, meta(run)) as journal:
            await journal.append(events)
            return standing(run)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], RunState.RUNNING),
        ([Stopping("cancel", 5.0)], RunState.STOPPING),
        ([Stopping("interrupt", 5.0), RESUMED], RunState.RUNNING),
        ([DELIVERED], RunState.DONE),
    ],
)
def test_what_they_say_while_it_is_driven(tmp_path: Path, events: list[Event], state: RunState) -> None:
    found = alive(tmp_path, [Started({}), *events])
    assert (found.state, found.owner is not None, found.left) == (state, True, {})


def test_what_an_interrupted_run_left_is_counted_by_location(tmp_path: Path) -> None:
    run = made(tmp_path, None, [Started({}), *life(SPLIT, tmp_path, done(SPLIT)), *life(ONE, tmp_path)], killed=True)
    found = standing(run)
    assert (found.left, found.goes_on) == ({"laptop": 1}, "1 job may still go on: 1 at laptop")
    assert found.next(run.id) == f"hyflow resume {run.id} continues it"


def test_a_run_of_another_host_cannot_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "far\x1b[31maway")
        over = made(tmp_path, None, [Started({}), failed(SPLIT)])
        stopped = made(tmp_path, None, [Started({}), Stopping("interrupt", 5.0)], killed=True)
        delivered = made(tmp_path, None, [Started({}), DELIVERED], killed=True)
    assert standing(over).state is RunState.FAILED
    assert standing(delivered).state is RunState.DONE
    found = summarize(stopped)
    assert (found.state, found.standing.words, found.ended) == (RunState.ELSEWHERE, "driven on faraway (cannot be seen from here)", None)
    assert (found.standing.goes_on, found.standing.next("x")) == ("", "")


def test_no_time_is_negative_when_the_clock_was_set_back(tmp_path: Path) -> None:
    run: RunDir = made(tmp_path, None, [Started({}), DELIVERED])
    with sqlite3.connect(run.journal) as db:
        db.execute("UPDATE owner SET ended = 1.0")
    db.close()
    assert holder(run.lock) is None
    assert summarize(run).elapsed == 0.0
