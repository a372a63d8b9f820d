"""Every field that can fail at run time is found again in its document: file, line and column, of the expression where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from onetool import Tool

from hyflow.cwl.load import load
from hyflow.cwl.places import where
from hyflow.cwl.processes import Processes
from hyflow.errors import Where, WorkflowError

TOOL = """cwlVersion: v1.2
class: CommandLineTool
requirements:
  InlineJavascriptRequirement: {}
  ResourceRequirement: {coresMin: $(inputs.n)}
  InitialWorkDirRequirement:
    listing:
      - entryname: a.txt
        entry: |
          hello
          ${ return inputs.n; }
  EnvVarRequirement:
    envDef: {A.B: $(inputs.n)}
hints:
  - class: ToolTimeLimit
    timelimit: 3
inputs:
  f:
    type: File
    secondaryFiles: [.bai, "$(self.nameroot).x?"]
    inputBinding: {position: 1, valueFrom: "pre$(self.path)"}
  arr:
    type: {type: array, items: string, inputBinding: {valueFrom: $(self)}}
  rec:
    type:
      - 'null'
      - type: record
        fields:
          a: {type: int, inputBinding: {valueFrom: $(self.a)}}
  n: int
baseCommand: [cat, -n]
arguments: [-a, "$(inputs.n)", {valueFrom: $(runtime.cores), position: 3}]
stdout: out.txt
outputs:
  o: stdout
  x:
    type: File
    outputBinding:
      glob: [a, $(inputs.b)]
      outputEval: |
        ${
          return self;
        }
"""

WORKFLOW = """cwlVersion: v1.2
class: Workflow
requirements: {StepInputExpressionRequirement: {}, ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {a: "int[]", n: int}
outputs:
  all: {type: "File[]", outputSource: each/o}
steps:
  - id: each
    run: tool.cwl
    scatter: n
    when: $(inputs.n > 1)
    in:
      - {id: n, source: a}
      - {id: more, valueFrom: "$(inputs.n + 1)"}
    out: [o]
"""


@pytest.mark.parametrize(("field", "line", "column"), [
    ("", 1, 1), ("inputs.f", 18, 3), ("inputs.f.type", 19, 11), ("inputs.f.secondaryFiles[0].pattern", 20, 22),
    ("inputs.f.secondaryFiles[1].pattern", 20, 29), ("inputs.f.valueFrom", 21, 48), ("inputs.f.position", 21, 30),
    ("inputs.f.nonsense", 18, 3), ("inputs.arr.valueFrom", 23, 66), ("inputs.rec.a.valueFrom", 29, 52), ("baseCommand", 31, 14),
    ("baseCommand[1]", 31, 20), ("arguments[0]", 32, 13), ("arguments[1]", 32, 18), ("arguments[2].valueFrom", 32, 44), ("stdout", 33, 9),
    ("stdin", 1, 1), ("outputs.o", 35, 3), ("outputs.o.glob", 35, 3), ("outputs.x.glob", 39, 13), ("outputs.x.glob[1]", 39, 17),
    ("outputs.x.outputEval", 41, 9), ("requirements.ResourceRequirement.coresMin", 5, 35), ("requirements.ToolTimeLimit.timelimit", 16, 16),
    ("requirements.InitialWorkDirRequirement.listing[0].entry", 11, 11), ("requirements.EnvVarRequirement.envDef.A.B", 13, 19),
])  # fmt: skip
def test_every_field_has_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, line: int, column: int) -> None:
    monkeypatch.chdir(tmp_path)
    assert Processes(Tool(tmp_path, TOOL).program).where("/tool", field) == Where("tool.cwl", line, column)


def test_steps_and_what_they_do_to_their_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tool = TOOL.replace("type: File\n    sec", "type: File?\n    sec").replace("type: {type: array", "default: []\n    type: {type: array")
    (tmp_path / "tool.cwl").write_text(tool)
    (tmp_path / "wf.cwl").write_text(WORKFLOW)
    found = Processes(load("wf.cwl", cache=None))
    fields = ("", "steps.each", "steps.each.scatter", "steps.each.in.more", "outputs.all")
    places = {field: str(found.where("/", field)) for field in fields}
    assert places == {"": "wf.cwl:1:1", "steps.each": "wf.cwl:8:5", "steps.each.scatter": "wf.cwl:10:14",
                      "steps.each.in.more": "wf.cwl:14:10", "outputs.all": "wf.cwl:6:3"}
    assert [str(found.where("in:/each", field)) for field in ("when", "in.more.valueFrom")] == ["wf.cwl:11:11", "wf.cwl:14:32"]
    assert str(found.where("/each", "stdout")) == "tool.cwl:34:9"


def test_what_stands_in_another_file_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.yml").write_text("- class: EnvVarRequirement\n  envDef: {A: $(inputs.n)}\n")
    text = "cwlVersion: v1.2\nclass: CommandLineTool\nrequirements: {$import: more.yml}\ninputs: {n: int}\noutputs: {}\nbaseCommand: c\n"
    found = Processes(Tool(tmp_path, text).program)
    assert found.where("/tool", "requirements.EnvVarRequirement.envDef.A") == Where("more.yml", 2, 15)


@pytest.mark.parametrize(("old", "new", "place", "what"), [
    ("glob: [a, $(inputs.b)]", "glob: [a, $(inputs.c.d)]", "39:17", "the expression $(inputs.c.d) failed"),
    ("glob: [a, $(inputs.b)]", "glob: [a, $(7)]", "39:13", "a glob must be a string"),
    ("glob: [a, $(inputs.b)]", "glob: /etc", "39:13", "the glob '/etc' must be relative"),
    ("stdout: out.txt", "stdout: $(7)", "33:9", "stdout must be the name of a file"),
    ("$(runtime.cores)", "$(runtime.croes.x)", "32:44", "the expression $(runtime.croes.x) failed"),
    ("valueFrom: $(self)}", "valueFrom: $(inputs.x.y)}", "23:66", "the expression $(inputs.x.y) failed"),
    ("position: 1", "position: $('x')", "18:3", "a position must be an integer"),
    ("A.B: $(inputs.n)", "A.B: $(null)", "13:19", "the variable A.B must be a string"),
    ("return inputs.n;", "return a.b;", "11:11", "the expression ${ return a.b; } failed"),
])
def test_what_fails_at_run_time_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, place: str, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkflowError) as caught:
        Tool(tmp_path, TOOL.replace("$(inputs.b)", "b").replace(old.replace("$(inputs.b)", "b"), new)).bind(
            n=1, f={"class": "File", "location": "file:///f", "basename": "f", "size": 1, "secondaryFiles": []}, arr=["x"])
    assert str(caught.value).startswith(f"tool.cwl:{place}: ")
    assert what in str(caught.value)


def test_an_unknown_place_is_that_of_what_is_around_it() -> None:
    assert where("/a/b", {}, "inputs.x") == "../a/b" or where("/a/b", {}, "inputs.x") == "/a/b"
    assert where("", {}, "stdout") is None
    assert where("http://me:secret@host/x.cwl", {"": [1, 2]}, "stdout") == Where("http://host/x.cwl", 1, 2)
