"""Questions that are answered without reading all of a journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from madeup import ONE, SPLIT, TWO, done, failed, life, made, tried

from hyflow.journal import Phase, count_open, read_examples, read_job
from hyflow.model.events import Finished, Rerun, Started


def test_attempts_without_an_end_are_counted_by_location(tmp_path: Path) -> None:
    events = [*life(SPLIT, tmp_path, done(SPLIT)), *life(ONE, tmp_path), *life(TWO, tmp_path)[:1], *tried(TWO, tmp_path, place="hpc/cpu")]
    assert count_open(made(tmp_path, None, [Started({}), *events]).journal) == {"hpc/cpu": 1, "laptop": 1}


def test_what_is_new_of_a_job(tmp_path: Path) -> None:
    run = made(tmp_path, None, [Started({}), *life(ONE, tmp_path), *life(TWO, tmp_path), done(ONE)])
    assert [type(record.event) for record in read_job(run.journal, ONE, after=5)] == [Finished]
    assert read_job(run.journal, ONE, after=10) == []


@pytest.mark.parametrize(("most", "failing"), [(1, [ONE]), (3, [ONE, TWO])])
def test_a_few_jobs_of_each_phase(tmp_path: Path, most: int, failing: list[object]) -> None:
    run = made(tmp_path, None, [Started({}), *life(ONE, tmp_path, failed(ONE)), *life(TWO, tmp_path, failed(TWO)), *life(SPLIT, tmp_path)])
    assert read_examples(run.journal, "/align", most) == {Phase.FAILED: failing}
    assert read_examples(run.journal, "/none", most) == {}


def test_what_is_to_run_again_is_no_example(tmp_path: Path) -> None:
    again = [Rerun(("/align",), False, 200.0), *tried(TWO, tmp_path, 2)]
    run = made(tmp_path, None, [Started({}), *life(ONE, tmp_path, failed(ONE)), *life(TWO, tmp_path, failed(TWO)), *again])
    assert read_examples(run.journal, "/align", 3) == {Phase.RUNNING: [TWO]}
