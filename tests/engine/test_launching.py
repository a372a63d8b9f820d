"""The processes of an MPI program: who starts them, and what is said when nobody can."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig import DOCUMENT, TOOL, Rig

from hyflow.connector import Launches
from hyflow.cwl.load import load
from hyflow.engine.launching import failure, launched
from hyflow.model.jobs import FailureClass, Key
from hyflow.model.tasks import Outcome, Task
from hyflow.testing import FakeConnector

P = TypeVar("P")
MPI = "requirements: [{class: 'http://commonwl.org/cwltool#MPIRequirement', processes: 3}], "


def task(*argv: str, processes: int | None = 2) -> Task:
    return Task(Key("k"), "/s", "/w", argv, {}, processes=processes)


def test_the_words_of_the_launcher_come_first() -> None:
    assert launched(task("solve", "-n", "a b")) == task("mpirun", "-n", "2", "solve", "-n", "a b", processes=None)
    assert launched(task("solve", processes=None)) == task("solve", processes=None)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4) | st.just(":"), max_size=4))
def test_no_argument_means_anything_to_the_launcher(words: list[str]) -> None:
    argv = launched(task("printf", "%s\\0", *words)).argv
    assert ":" not in argv
    said = subprocess.run(argv[3:], capture_output=True, check=True).stdout
    assert said == "".join(f"{word}\0" for word in words or [""]).encode()


@pytest.mark.parametrize("said", ["hyflow: mpirun: command not found", "before\nenv: 'mpirun': No such file or directory\n"])
def test_a_launcher_that_is_not_there(said: str) -> None:
    found = failure(task("solve"), Outcome(code=127, stderr=said))
    assert found is not None and (found.kind, found.lasting) == (FailureClass.INFRASTRUCTURE, True)
    assert "mpirun was not found, which is to start the 2 processes" in found.message


@pytest.mark.parametrize(("one", "outcome"), [
    (task("solve"), Outcome(code=1, stderr="hyflow: mpirun: command not found")),
    (task("solve"), Outcome(code=127, stderr="hyflow: solve: command not found")),
    (task("mpirun", processes=None), Outcome(code=127, stderr="hyflow: mpirun: command not found")),
])
def test_other_failures_are_the_commands(one: Task, outcome: Outcome) -> None:
    assert failure(one, outcome) is None


class Launching(FakeConnector):
    """A site that starts the processes itself."""

    def power(self, kind: type[P]) -> P | None:
        return self if kind is Launches else super().power(kind)  # type: ignore[return-value]  # P is a power without methods here


@pytest.mark.parametrize("itself", [True, False])
async def test_who_starts_them(tmp_path: Path, itself: bool) -> None:
    file = tmp_path / "workflow.cwl"
    file.write_text(DOCUMENT.replace("TOOL", TOOL.replace("{class", f"{{{MPI}class", 1)))
    rig = Rig(load(str(file), cache=None), tmp_path)
    if itself:
        rig.connector = Launching(rig.site)
    assert (await rig.run("x")).failures == ()
    started = {(each.argv, each.processes) for each in rig.site.submitted}
    words = [("work", name) for name in ("x", "after", "beside")]
    assert started == ({(each, 3) for each in words} if itself else {(("mpirun", "-n", "3", *each), None) for each in words})
