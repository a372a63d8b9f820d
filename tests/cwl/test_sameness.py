"""What of a tool bears on its results, and which tools may not have results of other runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from onetool import Tool

from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes
from hyflow.cwl.sameness import Essence
from hyflow.model.resources import Resources

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: c\n"
TOOL = HEAD + "inputs: {n: {type: int, default: 1}}\noutputs: {o: stdout}\n"


def essence(path: Path, text: str) -> Essence:
    tool = Tool(path, text)
    return tool.processes.identity(tool.process)


def test_words_for_people_change_nothing(tmp_path: Path) -> None:
    bare = HEAD + "inputs: {n: {type: int, default: 1}}\noutputs: {o: {type: File, outputBinding: {glob: a}}}\n"
    told = bare.replace("1}", "1, doc: d, label: l}").replace("File,", "File, doc: d, label: l,") + "doc: much\nlabel: more\n"
    assert essence(tmp_path, told) == essence(tmp_path, bare)
    assert essence(tmp_path, told).defaults == {"n": 1}


@pytest.mark.parametrize("requirement", [
    "ResourceRequirement: {ramMin: 500}", "ToolTimeLimit: {timelimit: 5}", "WorkReuse: {enableReuse: true}",
    "StepInputExpressionRequirement: {}", "ScatterFeatureRequirement: {}",
])
def test_what_says_where_and_whether_it_runs_changes_nothing(tmp_path: Path, requirement: str) -> None:
    bare = HEAD + "inputs: []\noutputs: []\n"
    assert essence(tmp_path, f"{bare}requirements: {{{requirement}}}\n") == essence(tmp_path, bare)


@pytest.mark.parametrize("change", [
    "baseCommand: d", "arguments: [a]", "stdin: a", "requirements: {EnvVarRequirement: {envDef: {A: b}}}",
    "requirements: {NetworkAccess: {networkAccess: true}}", "hints: {DockerRequirement: {dockerPull: a}}", "successCodes: [1]",
    "requirements: {InitialWorkDirRequirement: {listing: [{entryname: a, entry: b}]}}",
    "requirements: {InlineJavascriptRequirement: {expressionLib: ['var a = 1;']}}",
])
def test_what_changes_a_result_is_there(tmp_path: Path, change: str) -> None:
    bare = "cwlVersion: v1.2\nclass: CommandLineTool\ninputs: []\noutputs: []\n"
    base = "baseCommand: c\n"
    changed = bare + (f"{change}\n" if change.startswith("baseCommand") else f"{base}{change}\n")
    assert essence(tmp_path, changed).document != essence(tmp_path, bare + base).document


def test_requirements_of_the_job_file_are_there(tmp_path: Path) -> None:
    path = tmp_path / "tool.cwl"
    path.write_text(TOOL)
    overrides = [{"class": "EnvVarRequirement", "envDef": [{"envName": "A", "envValue": "b"}]}]
    plain, changed = (Processes(load(str(path), cache=None, overrides=each)) for each in ([], overrides))
    assert plain.identity("/tool").document != changed.identity("/tool").document


@pytest.mark.parametrize(("said", "sizes"), [
    ("arguments: [$(runtime.cores)]", True), ("arguments: [$(runtime.outdir)]", False), ("arguments: [$(runtime)]", True),
    ("stdin: $(runtime.tmpdirSize)", True), ("arguments: ['${return runtime.ram;}']", True),
    ("arguments: ['${return runtime.exitCode;}']", False), ("arguments: ['${return 1;}']", False),
    ("arguments: ['${return eval(\"1\");}']", True), ("arguments: [$(inputs.n)]", False), ("doc: $(runtime.cores)", False),
])
def test_whether_the_amounts_are_looked_at(tmp_path: Path, said: str, sizes: bool) -> None:
    scripted = "requirements: {InlineJavascriptRequirement: {}}\n"
    assert essence(tmp_path, f"{TOOL}{scripted}{said}\n").sizes is sizes


@pytest.mark.parametrize(("said", "looks"), [
    ("arguments: [$(inputs.n)]", set()), ("arguments: [$(inputs.n.location)]", {"location"}), ("arguments: [location]", set()),
    ("arguments: ['${return inputs.n.checksum;}']", {"checksum"}),
])
def test_which_words_of_files_are_looked_at(tmp_path: Path, said: str, looks: set[str]) -> None:
    scripted = "requirements: {InlineJavascriptRequirement: {}}\n"
    assert essence(tmp_path, f"{TOOL}{scripted}{said}\n").looks == looks


def test_the_library_is_looked_at(tmp_path: Path) -> None:
    library = "requirements: {InlineJavascriptRequirement: {expressionLib: ['function f(x) {return x.checksum;}']}}\n"
    assert essence(tmp_path, TOOL + library).looks == {"checksum"}


def test_amounts_are_those_that_expressions_see(tmp_path: Path) -> None:
    tool = Tool(tmp_path, TOOL)
    assert tool.processes.amounts(Resources(1.5, 1 << 20, 2 << 20, 3 << 20)) == {"cores": 2, "ram": 1, "tmpdirSize": 2, "outdirSize": 3}


SHELL = "it runs a shell command outside of a container: which programs that starts is not known"


@pytest.mark.parametrize(("argv", "why"), [
    (["wc", "-c"], ""), (["/usr/bin/python3", "-c", "1"], ""), ([], ""),
    (["sh", "-c", "date"], SHELL), (["/bin/bash", "-ec", "date"], SHELL), (["bash", "-o", "pipefail", "-c", "date"], SHELL),
    (["fish", "--command=date"], SHELL), (["bash"], SHELL), (["bash", "-s", "x"], SHELL), (["busybox", "sh", "-c", "date"], SHELL),
    (["bash", "run.sh"], ""), (["busybox", "wc", "-c"], ""), (["dash", "--", "run.sh"], ""),
    (["env", "A=b", "wc"], SHELL.replace("a shell command", "env")), (["/usr/bin/xargs", "wc"], SHELL.replace("a shell command", "xargs")),
    (["busybox", "timeout", "5", "wc"], SHELL.replace("a shell command", "timeout")),
])
def test_commands_that_start_others(tmp_path: Path, argv: list[str], why: str) -> None:
    tool = Tool(tmp_path, TOOL)
    assert tool.processes.forbids_reuse(tool.process, contained=False, argv=argv) == why
    assert tool.processes.forbids_reuse(tool.process, contained=True, argv=argv) == ""


def test_a_tool_that_asks_for_a_shell(tmp_path: Path) -> None:
    tool = Tool(tmp_path, TOOL + "requirements: {ShellCommandRequirement: {}}\n")
    assert tool.processes.forbids_reuse(tool.process, contained=False, argv=["wc"]) == SHELL
    assert tool.processes.forbids_reuse(tool.process, contained=True, argv=["wc"]) == ""


def test_inputs_that_change_where_they_lie(tmp_path: Path) -> None:
    tool = Tool(tmp_path, TOOL + "requirements: {InplaceUpdateRequirement: {inplaceUpdate: true}}\n")
    why = "it may change its inputs where they lie (InplaceUpdateRequirement)"
    assert [tool.processes.forbids_reuse(tool.process, contained=contained, argv=["c"]) for contained in (True, False)] == [why, why]
