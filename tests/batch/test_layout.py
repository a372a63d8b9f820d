"""What a batch looks like at a site, and that its script does what its marks say, run by this machine's shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import cast

import pytest

from hyflow.batch.grouping import Batch, Element
from hyflow.batch.layout import members, new_name
from hyflow.batch.system import BatchSystem, Order, Shape
from hyflow.connector import Argv
from hyflow.model.jobs import Key

BATCH = Batch(Shape(2, None, 0, None), (Element((Key("a"), Key("b")), 2), Element((Key("c"),), 1)), "/flow/align reads!")
RUN = 'mkdir "$0.d/claim" && echo "$HYFLOW_JOB" >"$0.d/claim/job" && echo "got $GREETING" >"$0.d/exit"\n'


class Words:
    """Of a batch system; an element's index is in the variable AT."""

    def submission(self, order: Order) -> Argv:
        return ["submit", order.name, str(order.elements), order.script, *order.avoid]

    def preamble(self) -> str:
        return "index=$AT node=n1 job=7.$AT\n"


SYSTEM = cast(BatchSystem, Words())  # as much of one as a batch's files need


def laid(top: Path, prologue: str = "") -> Path:
    """The batch's directory as it lies at a site, and bundles that say what they got."""
    own, base = top / "own", top / "base"
    for member in members(SYSTEM, BATCH, "name-1", str(own), str(base), str(top), prologue, ("n7",)):
        path = own / member.path.replace("batch", "name-1", 1)
        if member.data is None:
            path.mkdir(parents=True)
        else:
            path.write_bytes(member.data)
    for key in BATCH.keys:
        (base / key).mkdir(parents=True)
        (base / key / "run.sh").write_text(RUN.replace("$0.d", f"{base}/{key}"))
    return own / "name-1"


def ran(place: Path, index: int) -> set[str]:
    """The marks, after that element ran; when something began is left out."""
    subprocess.run(["sh", str(place / "job.sh")], env={"PATH": os.defpath, "AT": str(index)}, check=False, capture_output=True, timeout=30)
    return {re.sub(r"^r:\d+:", "r:", mark) for mark in os.listdir(place / "marks")}


def test_the_files_of_a_batch(tmp_path: Path) -> None:
    place = laid(tmp_path)
    assert sorted(os.listdir(place)) == ["elements", "job.sh", "keys", "marks", "submit"]
    assert (place / "keys").read_text() == "a\nb\nc\n" and (place / "elements").read_text() == "2 a b\n1 c\n"
    assert (place / "submit").read_text() == f"exec 'submit' 'name-1' '2' '{place}/job.sh' 'n7'\n"


def test_names_are_read_easily_and_are_never_the_same() -> None:
    names = {new_name(BATCH) for _ in range(50)}
    assert len(names) == 50 and all(re.fullmatch(r"align-reads-[0-9a-f]{10}", name) for name in names)
    assert re.fullmatch(r"hyflow-[0-9a-f]{10}", new_name(Batch(BATCH.shape, BATCH.elements, "")))


def test_an_element_runs_its_attempts_and_no_others(tmp_path: Path) -> None:
    place = laid(tmp_path, "export GREETING=hello")
    assert ran(place, 0) == {"r:a:n1", "e:a", "r:b:n1", "e:b", "x:0"}
    assert (tmp_path / "base/a/exit").read_text() == "got hello\n" and not (tmp_path / "base/c/exit").exists()


def test_an_element_that_runs_a_second_time_starts_nothing(tmp_path: Path) -> None:
    place = laid(tmp_path)
    before = ran(place, 1)
    (tmp_path / "base/c/exit").write_text("of the first")
    assert ran(place, 1) == before == {"r:c:n1", "e:c", "x:1"} and (tmp_path / "base/c/exit").read_text() == "of the first"


def test_a_runner_that_dies_is_told(tmp_path: Path) -> None:
    place = laid(tmp_path)
    claim = tmp_path / "base/c/claim"
    (tmp_path / "base/c/run.sh").write_text(f'mkdir "{claim}"; echo "$HYFLOW_JOB" >"{claim}/job"; kill -9 $$\n')
    assert ran(place, 1) == {"r:c:n1", "d:c", "x:1"}


def test_two_who_work_in_one_job_never_take_the_same_attempt(tmp_path: Path) -> None:
    place = laid(tmp_path)
    for key in ("a", "b"):
        run = tmp_path / "base" / key / "run.sh"
        run.write_text(f"echo {key} >>{tmp_path}/tried; sleep 0.2; {run.read_text()}")
    assert ran(place, 0) == {"r:a:n1", "e:a", "r:b:n1", "e:b", "x:0"}
    assert sorted((tmp_path / "tried").read_text().split()) == ["a", "b"]
    assert [name for name in os.listdir(place) if name.startswith(("taken", "pid"))] == []


@pytest.mark.parametrize("prologue", ["exit 3", "return 1", "no-such-command || exit 1"])
def test_a_prologue_that_fails_starts_nothing(tmp_path: Path, prologue: str) -> None:
    assert ran(laid(tmp_path, prologue), 0) == {"p:0"} and not (tmp_path / "base/a/claim").exists()


def test_a_script_that_nobody_can_signal_alone_looks_for_what_is_to_end(tmp_path: Path) -> None:
    place = laid(tmp_path)
    base = tmp_path / "base"
    script = (place / "job.sh").read_text()
    (place / "job.sh").write_text(script.replace("job=7.$AT\n", "job=7.$AT looks=0.1\n"))
    waits = f"trap 'echo ended >{base}/a/exit; exit' TERM; mkdir {base}/a/claim; touch {base}/a/cancel; while :; do sleep 0.05; done\n"
    (base / "a/run.sh").write_text(waits)
    assert ran(place, 0) >= {"e:a", "e:b", "x:0"} and (base / "a/exit").read_text() == "ended\n"
    assert not (base / "b/cancel").exists() and (base / "b/exit").read_text() == "got \n"
