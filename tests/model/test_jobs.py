"""Names of jobs and of their attempts; values that hold files."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hyflow.model.jobs import JobId, attempt_key
from hyflow.model.values import map_data, walk_data

JOBS = st.builds(JobId, st.text(min_size=1).map(lambda step: "/" + step), st.lists(st.integers(0, 10**6), max_size=3).map(tuple))


@given(JOBS, st.integers(1, 99))
def test_a_key_is_safe_everywhere_and_says_whose_it_is(job: JobId, attempt: int) -> None:
    key = attempt_key("run", job, attempt)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", key)
    assert not key.startswith("-")
    assert key == attempt_key("run", job, attempt)


@given(st.lists(st.tuples(JOBS, st.integers(1, 3)), unique=True, max_size=20))
def test_no_two_attempts_share_a_key(attempts: list[tuple[JobId, int]]) -> None:
    keys = {attempt_key("run", job, attempt) for job, attempt in attempts}
    assert len(keys) == len(attempts)


def test_jobs_read_as_people_write_them() -> None:
    assert [str(JobId("/align")), str(JobId("/a/b", (3, 1)))] == ["/align", "/a/b[3,1]"]


def test_files_are_found_wherever_they_stand() -> None:
    index = {"class": "File", "location": "file:///a.bai"}
    file = {"class": "File", "location": "file:///a.bam", "secondaryFiles": [index]}
    folder = {"class": "Directory", "listing": [file]}
    value = {"x": [1, {"y": folder}], "z": "text"}
    assert list(walk_data(value)) == [folder, file, index]
    assert map_data(value, lambda item: item["class"]) == {"x": [1, {"y": "Directory"}], "z": "text"}
