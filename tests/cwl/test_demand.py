"""What a job needs: resources in our units, the data that must be there, limits; and how versions differ in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onetool import Tool, file, folder

from hyflow.errors import WorkflowError
from hyflow.model.resources import MIB, Request, Resources

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: c\noutputs: {}\n"


def one(cores: float = 1, memory: float = 256, tmpdir: float = 1024, outdir: float = 1024) -> Resources:
    return Resources(cores, int(memory * MIB), int(tmpdir * MIB), int(outdir * MIB))


def tool(path: Path, requirements: str, inputs: str = "{n: int}", version: str = "v1.2") -> Tool:
    said = f"inputs: {inputs}\nrequirements: {{InlineJavascriptRequirement: {{}}, {requirements}}}\n"
    return Tool(path, HEAD.replace("v1.2", version) + said)


@pytest.mark.parametrize(("requirement", "request_"), [
    ("", Request(one(), one())),
    ("coresMin: 2", Request(one(2), one(2))),
    ("coresMin: 0.5, coresMax: 2", Request(one(0.5), one(2))),
    ("coresMax: 4", Request(one(4), one(4))),
    ("ramMin: 0.5", Request(one(memory=0.5), one(memory=0.5))),
    ("ramMin: $(inputs.n * 2), tmpdirMax: 5, outdirMin: $(inputs.n)", Request(one(1, 14, 5, 7), one(1, 14, 5, 7))),
])
def test_resources(tmp_path: Path, requirement: str, request_: Request) -> None:
    assert tool(tmp_path, f"ResourceRequirement: {{{requirement}}}").demand(n=7).request == request_


@pytest.mark.parametrize(("version", "memory"), [("v1.0", 1024), ("v1.1", 256), ("v1.2", 256)])
def test_the_memory_that_a_version_means_by_default(tmp_path: Path, version: str, memory: int) -> None:
    assert Tool(tmp_path, HEAD.replace("v1.2", version) + "inputs: []").demand().request.least.memory == memory * MIB


def test_a_request_may_depend_on_the_size_of_an_input(tmp_path: Path) -> None:
    made = tool(tmp_path, "ResourceRequirement: {ramMin: $(Math.ceil(inputs.f.size / 1024))}", "{f: File}")
    assert made.demand(f=file("file:///d/a", 10_240)).request.least.memory == 10 * MIB


@pytest.mark.parametrize(("requirement", "what"), [
    ("ResourceRequirement: {coresMin: 4, coresMax: 2}", "6:94: coresMax (2) is less than coresMin (4)"),
    ("ResourceRequirement: {ramMin: \"$('much')\"}", "6:80: ramMin must be a number and not negative, found 'much'"),
    ("ResourceRequirement: {ramMin: $(-1)}", "6:79: ramMin must be a number and not negative, found -1"),
    ("ToolTimeLimit: {timelimit: $(-1)}", "6:76: timelimit must be a number of seconds and not negative, found -1"),
    ("NetworkAccess: {networkAccess: \"$('yes')\"}", "6:81: networkAccess must be a boolean, found 'yes'"),
])
def test_what_cannot_be_asked(tmp_path: Path, requirement: str, what: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        tool(tmp_path, requirement).demand(n=1)
    assert str(caught.value) == f"{tmp_path}/tool.cwl:{what}"


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_fractions_came_with_v12(tmp_path: Path, version: str) -> None:
    with pytest.raises(WorkflowError, match="must be an integer in CWL"):
        tool(tmp_path, "ResourceRequirement: {coresMin: $(inputs.n / 2)}", version=version).demand(n=1)


@pytest.mark.parametrize(("requirement", "limit"), [
    ("ToolTimeLimit: {timelimit: 5}", 5.0), ("ToolTimeLimit: {timelimit: 0}", None), ("", None),
    ("ToolTimeLimit: {timelimit: $(inputs.n * 2)}", 14.0),
])
def test_the_time_limit(tmp_path: Path, requirement: str, limit: float | None) -> None:
    assert tool(tmp_path, requirement).demand(n=7).time_limit == limit


@pytest.mark.parametrize(("version", "otherwise"), [("v1.0", True), ("v1.1", False), ("v1.2", False)])
def test_the_network(tmp_path: Path, version: str, otherwise: bool) -> None:
    assert tool(tmp_path, "", version=version).demand(n=1).network is otherwise
    if version != "v1.0":
        assert tool(tmp_path, "NetworkAccess: {networkAccess: $(inputs.n == 1)}", version=version).demand(n=1).network is True


def test_reuse(tmp_path: Path) -> None:
    assert tool(tmp_path, "").demand(n=1).reuse is True
    assert tool(tmp_path, "WorkReuse: {enableReuse: $(inputs.n != 1)}").demand(n=1).reuse is False


def test_gpus_by_a_hint(tmp_path: Path) -> None:
    hint = "hints: [{class: 'cwltool:CUDARequirement', cudaDeviceCountMin: 2}]"
    text = HEAD + "$namespaces: {cwltool: 'http://commonwl.org/cwltool#'}\ninputs: []\n" + hint
    assert Tool(tmp_path, text).demand().request.least.gpus == 2


def test_every_file_that_must_be_there(tmp_path: Path) -> None:
    made = Tool(tmp_path, HEAD + "inputs: {a: Any, b: 'File[]', c: Directory}")
    inputs: dict[str, Any] = {
        "a": {"x": file("file:///d/1")},
        "b": [file("file:///d/2", secondaryFiles=[file("file:///d/2.i")]), file("file:///d/1"),
              {"class": "File", "contents": "", "basename": "l"}],
        "c": {"class": "Directory", "basename": "l", "listing": [
            file("site://hpc/3"), folder("file:///d/4", listing=[file("file:///d/4/5")])]},
    }
    assert made.demand(**inputs).sources == ("file:///d/1", "file:///d/2", "file:///d/2.i", "site://hpc/3", "file:///d/4")
