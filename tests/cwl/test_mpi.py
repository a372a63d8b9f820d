"""MPIRequirement: how many processes, what is booked for them, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from onetool import Tool

from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes
from hyflow.cwl.requirements import MPI
from hyflow.errors import WorkflowError

HEAD = "cwlVersion: v1.2\n$namespaces: {cwltool: 'http://commonwl.org/cwltool#'}\nclass: CommandLineTool\nbaseCommand: c\noutputs: {}\n"


def tool(path: Path, requirement: str, *more: str, under: str = "requirements", version: str = "v1.2") -> Tool:
    head = HEAD.replace("v1.2", version)
    parts = f"inputs: {{n: int}}\n{under}:\n  cwltool:MPIRequirement: {requirement}\n"
    language = "hints" if under == "requirements" else "requirements"
    said = "".join(f"  {each}\n" for each in ("InlineJavascriptRequirement: {}", *more))
    return Tool(path, f"{head}{parts}{language}:\n{said}")


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2"])
@pytest.mark.parametrize("under", ["requirements", "hints"])
def test_the_number_of_processes(tmp_path: Path, version: str, under: str) -> None:
    made = tool(tmp_path, "{processes: $(inputs.n)}", under=under, version=version)
    assert made.bind(n=4).task.processes == 4
    assert made.bind(n=4).task.argv == ("c",)
    assert made.bind(n=0).task.processes is None


@pytest.mark.parametrize(("requirement", "processes"), [
    ("{processes: 3}", 3), ("{processes: $(runtime.cores)}", 1), ("{processes: '$(inputs.n * 2 / 4)'}", 2),
])
def test_a_number_and_expressions(tmp_path: Path, requirement: str, processes: int) -> None:
    assert tool(tmp_path, requirement).bind(n=4).task.processes == processes


def test_one_where_a_job_file_does_not_say_how_many(tmp_path: Path) -> None:
    """What a job file requires is not held against a schema."""
    made = Tool(tmp_path, f"{HEAD}inputs: []\n")
    made.program = load(str(tmp_path / "tool.cwl"), cache=None, overrides=[{"class": MPI}])
    made.processes = Processes(made.program)
    assert made.bind().task.processes == 1


@pytest.mark.parametrize(("resources", "least", "most"), [
    ("{}", 4, 4), ("{coresMin: 2}", 4, 4), ("{coresMin: 2, coresMax: 16}", 4, 16), ("{coresMin: 8}", 8, 8), ("{coresMin: 0.5}", 4, 4),
])
def test_each_process_has_a_core_at_least(tmp_path: Path, resources: str, least: float, most: float) -> None:
    request = tool(tmp_path, "{processes: $(inputs.n)}", f"ResourceRequirement: {resources}").demand(n=4).request
    assert (request.least.cores, request.most.cores) == (least, most)


def test_as_many_processes_as_cores_are_asked_for(tmp_path: Path) -> None:
    request = tool(tmp_path, "{processes: $(runtime.cores)}", "ResourceRequirement: {coresMin: $(inputs.n)}").demand(n=6).request
    assert request.least.cores == request.most.cores == 6


@pytest.mark.parametrize(("processes", "found"), [
    ("-1", "-1"), ("$(inputs.n * -1)", "-4"), ("\"$('two')\"", "'two'"), ("$(inputs.n / 3)", r"1\.333"),
    ("$(null)", "None"), ("$(true)", "True"),
])
def test_what_is_no_number_of_processes(tmp_path: Path, processes: str, found: str) -> None:
    with pytest.raises(WorkflowError, match=rf"tool\.cwl:8:\d+: processes must be a whole number and not negative, found {found}"):
        tool(tmp_path, f"{{processes: {processes}}}").bind(n=4)


@pytest.mark.parametrize(("requirement", "complaint"), [
    ("{processes: two}", "8:39: `processes` must be a whole number or an expression, found text (two)"),
    ("{proceses: 2}", "8:28: there is no field 'proceses' in a MPIRequirement"),
    ("{}", "8:27: the field 'processes' is missing in a MPIRequirement"),
])
def test_a_requirement_that_is_none(tmp_path: Path, requirement: str, complaint: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        tool(tmp_path, requirement)
    assert complaint in str(caught.value)
