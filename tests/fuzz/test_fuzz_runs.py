"""A tool or workflow that is wrong somewhere, and loads all the same, fails as others fail: the run ends, and says why."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import wholerun
from complaint import PATIENCE, check, told
from flows import flows
from generated import examples
from hypothesis import given
from hypothesis import strategies as st
from mutations import mutated
from sides import Case, lay, with_probe
from tools import file_tools, output_tools, workdir_tools

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@st.composite
def wrong_cases(draw: Any) -> Case:
    """A generated case whose document or job is wrong somewhere."""
    case = draw(st.one_of(file_tools(), workdir_tools(), output_tools(), flows()))
    if draw(st.integers(0, 3)) == 0:
        job = draw(mutated(case.job, [case.job]))
        return Case(case.process, job if isinstance(job, dict) else {}, case.files, case.plan)
    process = {**draw(mutated(case.process, [case.process])), "cwlVersion": "v1.2", "class": case.process["class"]}
    return Case({**process, **({"baseCommand": ["PROBE"]} if "baseCommand" in case.process else {})}, case.job, case.files, case.plan)


@examples(120)
@given(wrong_cases())
def test_runs_end_with_what_went_wrong(case: Case) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        lay(case, folder)
        ran = told(lambda: wholerun.run(folder, with_probe(case.process, folder), case.job))
    assert ran is not None
    assert ran.status in (0, 1, 33), (PATIENCE, ran)
    if ran.status:
        check(ran.said)
