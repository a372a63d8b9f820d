from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from hyflow.errors import UsageError
from hyflow.journal import find_run, list_runs, new_run


def test_ids_are_readable_sorted_and_unique(tmp_path: Path) -> None:
    made = [new_run(tmp_path, name) for name in (None, "zeta", "alpha", None, *(f"n{i}" for i in range(30)))]
    assert all(re.fullmatch(r"\d{8}-\d{6}-([a-z0-9]+-)?[0-9a-f]{4}", run.id) for run in made)
    assert list_runs(tmp_path) == made
    assert [run.name for run in made[:4]] == [None, "zeta", "alpha", None]
    assert all(run.path.stat().st_mode & 0o777 == 0o700 for run in (*made,))
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700


def test_a_name_is_given_once(tmp_path: Path) -> None:
    first = new_run(tmp_path, "digits")
    with pytest.raises(UsageError, match=f"belongs to run {first.id}"):
        new_run(tmp_path, "digits")


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "a\n", "é", "x" * 65, "last", "20260101-000000-abcd", "$(x)"])
def test_names_that_are_not_fit(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be named"):
        new_run(tmp_path, name)
    assert list_runs(tmp_path) == []


def test_finding_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no runs yet"):
        find_run(tmp_path)
    digits, other = new_run(tmp_path, "digits"), new_run(tmp_path, "digital")
    time.sleep(0.001)
    last = new_run(tmp_path)
    (tmp_path / "runs" / "stray").mkdir()
    assert find_run(tmp_path) == find_run(tmp_path, "last") == last
    assert find_run(tmp_path, digits.id) == find_run(tmp_path, "digits") == find_run(tmp_path, "digits"[:6]) == digits
    assert find_run(tmp_path, "digita") == other
    for text in ("dig", "2"):
        with pytest.raises(UsageError, match="may mean several runs"):
            find_run(tmp_path, text)
    with pytest.raises(UsageError, match="no run 'digist'\n  did you mean digits"):
        find_run(tmp_path, "digist")
    with pytest.raises(UsageError, match="hyflow runs lists them"):
        find_run(tmp_path, "")
