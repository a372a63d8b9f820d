"""What is run: the generated documents, who takes part, and how it is seen that the work was done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from cases import BY_NAME, CASES, Kind, held, prepare
from runners import EVERYBODY, FIRST, INSIDE, OUTSIDE, OWN, RUNNERS, SCRIPT, Runner, environment, taking_part

ALL = [runner.name for runner in RUNNERS]


def names(case: str, *only: str, quick: bool = False) -> list[str]:
    return [runner.name for runner in taking_part(BY_NAME[case], frozenset(only), quick)]


def test_every_document_that_a_case_names_is_written(tmp_path: Path) -> None:
    prepare(tmp_path, CASES[:4] + tuple(case for case in CASES if case.quick))
    for case in (case for case in CASES if case.quick):
        assert yaml.safe_load((tmp_path / case.document).read_text(encoding="utf-8"))["cwlVersion"] == "v1.2"
        assert (tmp_path / case.job).is_file()
        assert (tmp_path / (case.warm or case.job)).is_file()
    assert len(yaml.safe_load((tmp_path / "steps-100.cwl").read_text(encoding="utf-8"))["steps"]) == 100
    assert len(yaml.safe_load((tmp_path / "chain-50.cwl").read_text(encoding="utf-8"))["steps"]) == 50
    assert len(os.listdir(tmp_path / "many-1000")) == 1000


def test_all_steps_but_the_first_hang_on_another(tmp_path: Path) -> None:
    prepare(tmp_path, (BY_NAME["steps-100"],))
    steps = yaml.safe_load((tmp_path / "steps-100.cwl").read_text(encoding="utf-8"))["steps"]
    sources = {name: step["in"]["text"].partition("/")[0] for name, step in steps.items() if name != "start"}
    assert set(sources.values()) <= set(steps)
    assert sum(source == "start" for source in sources.values()) == 10


def test_cases_stand_after_what_they_refer_to() -> None:
    order = list(BY_NAME)
    assert order[0] == "one"
    assert all(order.index(case.smaller) < order.index(case.name) for case in CASES if case.smaller)
    assert len(order) == len(CASES)


def test_who_takes_part() -> None:
    assert names("one") == ALL
    assert names("jobs-1000") == [name for name in ALL if name != FIRST]
    assert names("jobs-200") == names("jobs-200", quick=True) == [OWN, "cwltool"]
    assert names("one", quick=True) == [OWN, FIRST, "cwltool"]
    assert names("one", OWN) == [OWN, FIRST]
    assert names("jobs-200", "Toil") == ["Toil"]
    assert names("containers-200") == [OWN, SCRIPT, "cwltool", "StreamFlow"]
    assert names("containers-200", OWN) == [OWN, SCRIPT]
    assert names("training-18000") == [INSIDE, OUTSIDE]


def test_what_a_run_holds(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "a").write_text("7\n", encoding="ascii")
    (tmp_path / "word").write_text("hello\n", encoding="ascii")
    assert held({"said": [1, 2, 3]}) == 3
    assert held({"many": {"class": "Directory", "location": f"file://{tmp_path}/many"}}) == 1
    assert held({"said": {"class": "File", "path": str(tmp_path / "many" / "a")}}) == 7
    assert held({"said": {"class": "File", "path": str(tmp_path / "word")}}) == 1
    (tmp_path / "model").write_bytes(b"PK\x03\xff")
    assert held({"model": {"class": "File", "path": str(tmp_path / "model")}}) == 1


@pytest.mark.parametrize("runner", EVERYBODY, ids=lambda runner: runner.name)
def test_how_a_runner_is_called(runner: Runner, tmp_path: Path) -> None:
    for case in (BY_NAME["one"], BY_NAME["help"]):
        argv = runner.argv(case, tmp_path, tmp_path / "now", case.job)
        assert argv[-1] == ("--help" if case.kind is Kind.HELP else str(tmp_path / "one.json"))
        assert not any("{" in word for word in argv)


def test_a_runner_has_its_own_home_and_keeps_its_compiled_modules(tmp_path: Path) -> None:
    around = {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1", "HYFLOW_HOME": "x", "LANG": "C"}
    seen = environment(RUNNERS[0], tmp_path / "home", tmp_path, around)
    assert "PYTHONDONTWRITEBYTECODE" not in seen
    assert (seen["HYFLOW_HOME"], seen["LANG"]) == (str(tmp_path / "home" / "hyflow"), "C")
    assert seen["PATH"].endswith(f"{os.pathsep}/bin")
