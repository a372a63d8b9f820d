"""Between steps: valueFrom, when, loadContents; expression tools; what a program says of itself; exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from onetool import Disk, Tool, file, folder

from hyflow.cwl.processes import ContainerNeed, SoftwareNeed
from hyflow.errors import WorkflowError
from hyflow.model.facts import Contents, Found, Listing
from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.software import Package
from hyflow.model.tasks import Outcome

FLOW = """
cwlVersion: v1.2
class: Workflow
requirements: {StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {expressionLib: ["function twice(x) { return 2 * x; }"]}}
inputs: {a: int, f: File}
outputs: {}
steps:
  s:
    run: {class: CommandLineTool, baseCommand: c, inputs: {x: int, y: "Any?", f: File}, outputs: {}}
    when: $(inputs.go > 0)
    in:
      x: {source: a, valueFrom: $(twice(self) + inputs.go)}
      y: {valueFrom: "$(inputs.x)/$(inputs.f.nameroot)/$(inputs.f.contents)"}
      f: {source: f, loadContents: true}
      go: a
    out: []
"""


def test_expressions_see_the_inputs_before_any_of_them(tmp_path: Path) -> None:
    made = Tool(tmp_path, FLOW)
    made.disk = Disk({}, {Contents("file:///d/a.txt"): b"hi"})
    given = {"x": 3, "f": file("file:///d/a.txt"), "go": 3}
    assert made.evaluate("s", **given) == ({"x": 9, "y": "3/a/hi", "f": given["f"]}, False)
    assert made.processes.scripted_step("/", "s")


def test_a_step_that_is_skipped(tmp_path: Path) -> None:
    made = Tool(tmp_path, FLOW)
    made.disk = Disk({}, {Contents("file:///d/a.txt"): b"hi"})
    assert made.evaluate("s", x=0, f=file("file:///d/a.txt"), go=0)[1] is True


def test_when_must_be_a_boolean(tmp_path: Path) -> None:
    made = Tool(tmp_path, FLOW.replace("inputs.go > 0", "inputs.go"))
    made.disk = Disk({}, {Contents("file:///d/a.txt"): b"hi"})
    with pytest.raises(WorkflowError, match="`when` must be true or false, found 1"):
        made.evaluate("s", x=1, f=file("file:///d/a.txt"), go=1)


def test_an_error_names_the_input(tmp_path: Path) -> None:
    made = Tool(tmp_path, FLOW.replace("twice(self)", "thrice(self)"))
    made.disk = Disk({}, {Contents("file:///d/a.txt"): b"hi"})
    with pytest.raises(WorkflowError, match="valueFrom of the step's input x: the expression"):
        made.evaluate("s", x=1, f=file("file:///d/a.txt"), go=1)


NESTED = """
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}, ScatterFeatureRequirement: {}}
inputs: {many: Any}
outputs: {}
steps:
  s:
    run:
      class: Workflow
      inputs: {x: {type: int, default: 7}, f: {type: "File?", loadContents: true}}
      outputs: {}
      steps: {}
    scatter: x
    in: {x: many}
    out: []
"""


def test_a_nested_workflow_completes_what_no_link_can(tmp_path: Path) -> None:
    made = Tool(tmp_path, NESTED)
    assert made.program.workflows["/"].steps["s"].computed
    assert made.evaluate("s", x=None) == ({"x": 7, "f": None}, False)
    assert made.evaluate("s", x=1) == ({"x": 1, "f": None}, False)


EXPRESSION = """
cwlVersion: v1.2
class: ExpressionTool
requirements: {InlineJavascriptRequirement: {}}
inputs: {d: {type: Directory, loadListing: shallow_listing}, n: {type: int, default: 2}}
outputs: {files: "File[]", n: int, any: Any, lit: Directory}
expression: |
  ${ return {files: inputs.d.listing, n: inputs.n + 1, any: null,
             lit: {class: "Directory", basename: "made", listing: inputs.d.listing}}; }
"""


def test_an_expression_tool(tmp_path: Path) -> None:
    made = Tool(tmp_path, EXPRESSION)
    made.disk = Disk({}, {Listing("file:///d/e", False): (("a b", Found("f", 3)),)})
    listed = {**file("file:///d/e/a%20b", 3), "basename": "a b"}
    assert made.express(d=folder("file:///d/e")) == {
        "files": [listed], "n": 3, "any": None, "lit": {"class": "Directory", "basename": "made", "listing": [listed]}}


def test_the_outputs_of_an_expression_tool_are_checked(tmp_path: Path) -> None:
    made = Tool(tmp_path, EXPRESSION.replace("inputs.n + 1", "'x'"))
    made.disk = Disk({}, {Listing("file:///d/e", False): ()})
    with pytest.raises(WorkflowError, match=r"the output n does not fit: expected int, found a string \('x'\)"):
        made.express(d=folder("file:///d/e"))
    with pytest.raises(WorkflowError, match="the expression must give an object"):
        Tool(tmp_path, "cwlVersion: v1.2\nclass: ExpressionTool\ninputs: []\noutputs: []\nexpression: $(null)").express()


@pytest.mark.parametrize(("text", "scripted"), [
    ("$(inputs.x)", False), ("a $(inputs.x) b", False), ("$(inputs.x + 1)", True), ("${return 1;}", True),
])
def test_what_needs_javascript(tmp_path: Path, text: str, scripted: bool) -> None:
    made = Tool(tmp_path, CODES + f"requirements: {{InlineJavascriptRequirement: {{}}}}\narguments: [{json.dumps(text)}]")
    assert made.processes.scripted("/tool") is scripted


def test_what_a_program_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "tool.cwl").write_text("""
cwlVersion: v1.2
class: CommandLineTool
baseCommand: c
hints: {DockerRequirement: {dockerPull: debian}}
inputs: {x: {type: "int?", doc: how many}, y: string}
outputs: {}
""")
    made = Tool(tmp_path, """
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}}
inputs: {b: {type: int, default: 1, label: the number}, a: "string[]"}
outputs: {}
steps:
  one: {run: tool.cwl, in: {y: {default: q}}, out: [], requirements: {DockerRequirement: {dockerPull: alpine}}}
  two: {run: {class: Workflow, inputs: {}, outputs: {}, steps: {in: {run: tool.cwl, in: {y: {default: q}}, out: []}}}, in: {}, out: []}
""", "flow.cwl")
    processes = made.processes
    assert processes.containers() == (ContainerNeed("/one", "/one", "alpine", True), ContainerNeed("/two/in", "/two/in", "debian", False))
    assert processes.step_paths() == ("/one", "/two", "/two/in")
    assert [(each.name, each.required, each.doc) for each in processes.input_types()] == [("b", False, "the number"), ("a", True, "")]


CODES = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: c
inputs: []
outputs: []
successCodes: [0, 3]
temporaryFailCodes: [7]
permanentFailCodes: [3, 9]
"""


@pytest.mark.parametrize(("outcome", "kind"), [
    ({"code": 0}, None),
    ({"code": 3}, FailureClass.TOOL),
    ({"code": 7}, FailureClass.TEMPORARY),
    ({"code": 9}, FailureClass.TOOL),
    ({"code": 1}, FailureClass.TOOL),
    ({"signal": 9}, FailureClass.TOOL),
    ({"timed_out": True}, FailureClass.TIME),
    ({"out_of_memory": True, "code": 0}, FailureClass.MEMORY),
    ({"trouble": "no space"}, FailureClass.STAGING),
    ({}, FailureClass.INFRASTRUCTURE),
])
def test_how_an_outcome_is_judged(tmp_path: Path, outcome: dict[str, Any], kind: FailureClass | None) -> None:
    made = Tool(tmp_path, CODES)
    failure = made.processes.judge("/tool", Outcome(**outcome, stderr="last words"))
    assert (None if failure is None else failure.kind) == kind
    assert failure is None or (failure.stderr, failure.code) == ("last words", outcome.get("code"))


def test_a_module_that_is_missing_is_the_site_s_failure_whatever_the_tool_makes_of_the_status(tmp_path: Path) -> None:
    made = Tool(tmp_path, CODES.replace("[0, 3]", "[0, 127]"))
    said = "hyflow: the module a/1, for the software a, cannot be loaded: this machine has no module command\n"
    failure = made.processes.judge("/tool", Outcome(code=127, stderr=said))
    assert failure is not None
    assert (failure.kind, failure.message.partition("\n")[0]) == (FailureClass.INFRASTRUCTURE, said.strip().removeprefix("hyflow: "))
    assert failure.lasting


def test_a_full_disk_stays_full_until_somebody_acts(tmp_path: Path) -> None:
    made = Tool(tmp_path, CODES)
    full = made.processes.judge("/tool", Outcome(code=1, stderr="cp: write error: No space left on device"))
    other = made.processes.judge("/tool", Outcome(code=1, stderr="cp: no such file"))
    assert full is not None
    assert other is not None
    assert (full.kind, full.lasting, other.lasting) == (FailureClass.INFRASTRUCTURE, True, False)


@pytest.mark.parametrize(("word", "required"), [("hints", False), ("requirements", True)])
@pytest.mark.parametrize(("packages", "found"), [
    ("{samtools: {version: ['1.19', '1.20'], specs: ['https://bio.tools/samtools']}, bwa: {}}",
     [Package("bwa"), Package("samtools", ("1.19", "1.20"), ("https://bio.tools/samtools",))]),
    ("{samtools: ['https://bio.tools/samtools']}", [Package("samtools", (), ("https://bio.tools/samtools",))]),
    ("[{package: b}, {package: a, version: ['1']}, {package: b}]", [Package("b"), Package("a", ("1",))]),
    ("[]", []),
])
def test_software_that_a_tool_asks_for(tmp_path: Path, packages: str, found: list[Package], word: str, required: bool) -> None:
    made = Tool(tmp_path, f"{CODES}{word}: {{SoftwareRequirement: {{packages: {packages}}}}}\n")
    assert list(made.processes.packages("/tool")) == found
    assert list(made.processes.software()) == [SoftwareNeed("/tool", "/tool", tuple(found), required)] * bool(found)
    assert (Tool(tmp_path, CODES).processes.packages("/tool"), Tool(tmp_path, CODES).processes.software()) == ((), ())


def test_a_signal_is_named(tmp_path: Path) -> None:
    assert Tool(tmp_path, CODES).processes.judge("/tool", Outcome(signal=11)) == Failure(
        FailureClass.TOOL, "the command was ended by SIGSEGV (signal 11)")
