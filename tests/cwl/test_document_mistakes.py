"""Every mistake that a document may hold: one message, its place, and what to do. Whole messages are asserted."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import FLOW, HEAD, TOOL, told

from hyflow.cwl.load import load
from hyflow.errors import UnsupportedRequirement


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tool.cwl").write_text(TOOL)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", ["doc.cwl: the document is empty", "  a CWL document begins with cwlVersion: v1.2"]),
        (b"# nothing but this\n", ["doc.cwl: the document is empty", "  a CWL document begins with cwlVersion: v1.2"]),
        (b"\x7fELF\x00\x01\x02\xff\xfe", ["doc.cwl:1: this is no text: it holds bytes that no text holds"]),
        (b"cwlVersion: v1.2\n# caf\xe9\n", ["doc.cwl:2:6: this is not UTF-8", "  save it as UTF-8"]),
        (
            b"- a\n- b\n",
            [
                "doc.cwl:1:1: a CWL document must be an object, found a list",
                "  it begins with cwlVersion: v1.2 and class: CommandLineTool or another",
            ],
        ),
        (
            b"cwlVersion: v1.2\n\tclass: Workflow\n",
            ["doc.cwl:2:1: this is not YAML: a tab stands where the line is indented", "  indent with spaces"],
        ),
        (b"cwlVersion: v1.2\ninputs: {a: [int}\n", ["doc.cwl:2:17: this is not YAML: a comma or the closing ] is missing"]),
        (b"cwlVersion: [v1.2\n", ["doc.cwl:2:1: this is not YAML: a comma or the closing ] is missing (it was opened in line 1)"]),
        (
            (TOOL + "baseCommand: x\n").encode(),
            ["doc.cwl:6:1: the key 'baseCommand' stands twice (first in line 3)", "  one of them must go, or have another name"],
        ),
        (
            (TOOL + "1: x\n").encode(),
            [
                "doc.cwl:6:1: a key must be text",
                "  put it in quotes",
            ],
        ),
    ],
)
def test_what_is_no_document(text: bytes, lines: list[str]) -> None:
    assert told(text) == lines


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "cwlVersion: v1.2",
            "cwlVersion: v1.3",
            ["1:13: its cwlVersion is none that hyflow knows: v1.3", "the versions that it knows are v1.0, v1.1 and v1.2"],
        ),
        ("cwlVersion: v1.2", "cwlVersoin: v1.2", ["1:1: there is no field 'cwlVersoin' in a CommandLineTool", "did you mean cwlVersion?"]),
        ("CommandLineTool", "ComandLineTool", ["2:8: there is no class 'ComandLineTool' of processes", "did you mean CommandLineTool?"]),
        (
            "class: CommandLineTool",
            "label: x",
            ["1:1: it does not say its class", "one of CommandLineTool, ExpressionTool, Workflow, Operation"],
        ),
        ("baseCommand:", "baseComand:", ["3:1: there is no field 'baseComand' in a CommandLineTool", "did you mean baseCommand?"]),
        (
            "outputs: {out: stdout}",
            "",
            ["1:1: the field 'outputs' is missing in a CommandLineTool", "a process without any says outputs: {}"],
        ),
        ("x: File", "x: Fiel", ["4:13: there is no type 'Fiel'", "did you mean File?"]),
        ("x: File", "x: 'strng[]?'", ["4:13: there is no type 'strng[]?'", "did you mean string?"]),
        (
            "x: File",
            "x: {type: File, inputBindig: {}}",
            ["4:26: there is no field 'inputBindig' in an input", "did you mean inputBinding?"],
        ),
        ("x: File", "x: {type: arry, items: File}", ["4:20: there is no type 'arry'", None]),
        ("x: File", "x: {type: {type: arry, items: File}}", ["4:27: there is no type 'arry'", "did you mean array?"]),
        (
            "x: File",
            "x: {type: File, inputBinding: {position: [1]}}",
            ["4:51: `position` must be a whole number or an expression, found a list", None],
        ),
        (
            "x: File",
            "x: {type: File, inputBinding: {separate: maybe}}",
            ["4:51: `separate` must be true or false, found text (maybe)", None],
        ),
        ("x: File", "x: {type: File, loadListing: deep}", ["4:39: 'deep' is no value of `loadListing`", None]),
        (
            "baseCommand: cat",
            "baseCommand: cat\narguments: -n",
            ["4:12: `arguments` must be a list, found text (-n)", "make it a list: [-n]"],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nstdout: 7",
            ["4:9: `stdout` must be text or an expression, found a whole number (7)", "put it in quotes: '7'"],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nsuccessCodes: [zero]",
            ["4:16: `successCodes` must be a whole number, found text (zero)", None],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nrequirements: {ResourceRequirement: {coresMn: 1}}",
            ["4:38: there is no field 'coresMn' in a ResourceRequirement", "did you mean coresMin?"],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nrequirements: {InitialWorkDirRequirement: {listing: [{entryname: a, entr: b}]}}",
            ["4:69: there is no field 'entr' in an entry of a listing", "did you mean entry?"],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nrequirements: [{class: EnvVarRequirement, envDef: {A: [1]}}]",
            ["4:55: `envValue` must be text or an expression, found a list", None],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nrequirements: [DockerRequirement]",
            ["4:16: an entry of `requirements` must be an object with a class", None],
        ),
        (
            "baseCommand: cat",
            "baseCommand: cat\nrequirements: {SchemaDefRequirement: {types: [{name: r, type: record}]}}",
            ["4:47: the field 'fields' is missing in a record", "as in {type: record, fields: {a: string}}"],
        ),
    ],
)
def test_a_mistake_in_a_tool(old: str, new: str, lines: list[str | None]) -> None:
    assert old in TOOL
    found = told(TOOL.replace(old, new, 1))
    assert found[0] == f"doc.cwl:{lines[0]}"
    assert lines[1] is None or found[1:] == [f"  {lines[1]}"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "outputSource: one/out",
            "outputSource: one/oot",
            ["4:41: the output o comes from one/oot, but the step one has no output oot under `out`", "did you mean one/out?"],
        ),
        (
            "outputSource: one/out",
            "outputSource: on/out",
            ["4:41: the output o comes from on/out, which is not there", "did you mean one/out?"],
        ),
        (
            "outputSource: one/out",
            "outputSource: one",
            ["4:41: the output o comes from one, which is a step and not an output", "say which output: one/out"],
        ),
        ("in: {x: f}", "in: {x: ff}", ["6:32: the input x of the step one comes from ff, which is not there", "did you mean f?"]),
        (
            "in: {x: f}",
            "in: {y: f}",
            ["6:3: the step one gives nothing for the input x of what it runs", "add it under `in`, as in x: SOURCE"],
        ),
        (
            "in: {x: f}",
            "in: {xx: f}",
            ["6:29: the step one gives nothing for the input x of what it runs, but xx, which that does not take", "did you mean x?"],
        ),
        ("out: [out]", "out: [oot, out]", ["6:42: the step one passes on oot, which what it runs does not give", "did you mean out?"]),
        ("run: tool.cwl", "run: tol.cwl", ["6:14: there is no file tol.cwl", "did you mean tool.cwl?"]),
        ("run: tool.cwl", "run: tool.cwl#x", ["6:14: tool.cwl has no process called x", None]),
        ("run: tool.cwl, ", "", ["6:8: the field 'run' is missing in a step", "it says what the step runs: the name of a file"]),
        (
            "in: {x: f}",
            "scatter: x, in: {x: many}",
            ["6:24: the step one is scattered", "declare it under requirements: ScatterFeatureRequirement: {}"],
        ),
        (
            "in: {x: f}",
            "in: {x: [f, f]}",
            ["6:32: the input x of the step one has several sources", "declare it under requirements: MultipleInputFeatureRequirement: {}"],
        ),
        ("in: {x: f}", "in: {x: n}", ["6:29: x takes File, and n gives int", "n is declared at doc.cwl:3:35"]),
        (
            "steps:",
            "requirements: {ScatterFeatureRequirement: {}}\nsteps:\n  two: {run: tool.cwl, scatter: [x, z], in: {x: many}, out: []}",
            ["7:24: the step two is scattered over several inputs and does not say how", None],
        ),
        (
            "steps:",
            "requirements: {ScatterFeatureRequirement: {}}\nsteps:\n  two: {run: tool.cwl, scatter: xx, in: {x: many}, out: []}",
            ["7:33: the step two is scattered over xx, which is none of its inputs under `in`", "did you mean x?"],
        ),
        ("steps:", "steps:\n  two: {run: doc.cwl, in: {f: f, many: many, n: n}, out: []}", ["6:3: the step two runs a workflow", None]),
    ],
)
def test_a_mistake_in_a_workflow(old: str, new: str, lines: list[str | None]) -> None:
    assert old in FLOW
    found = told(FLOW.replace(old, new, 1))
    if "runs a workflow" in str(lines[0]):  # which is itself, too
        assert "doc.cwl:6:14: a process runs itself" in found
        return
    assert found[0] == f"doc.cwl:{lines[0]}"
    assert lines[1] is None or found[1:] == [f"  {lines[1]}"]


def test_all_mistakes_of_all_files_in_their_order() -> None:
    Path("tool.cwl").write_text(TOOL.replace("File", "Fil").replace("baseCommand", "baseComand"))
    assert told(FLOW.replace("n: int", "n: itn").replace("x: f", "x: ff")) == [
        "doc.cwl:3:38: there is no type 'itn'",
        "  did you mean int?",
        "doc.cwl:6:32: the input x of the step one comes from ff, which is not there",
        "  did you mean f?",
        "tool.cwl:3:1: there is no field 'baseComand' in a CommandLineTool",
        "  did you mean baseCommand?",
        "tool.cwl:4:13: there is no type 'Fil'",
        "  did you mean File?",
    ]


def test_not_more_than_a_screen_of_mistakes() -> None:
    found = told(HEAD + "outputs: {}\ninputs:\n" + "".join(f"  a{n}: strng\n" for n in range(40)))
    assert found[-2:] == ["... and 15 more", "  they are told once these are mended"]
    assert len(found) == 52


def test_types_that_do_not_fit_all_of_them_in_order() -> None:
    flow = FLOW.replace("type: File,", "type: int,").replace("x: f", "x: n")
    assert told(flow) == [
        "doc.cwl:4:15: o takes int, and out gives File",
        "  out is declared at doc.cwl:6:42",
        "doc.cwl:6:29: x takes File, and n gives int",
        "  n is declared at doc.cwl:3:35",
    ]


def test_a_requirement_that_is_misspelt() -> None:
    Path("doc.cwl").write_text(TOOL + "requirements:\n  ResorceRequirement: {coresMin: 2}\n")
    with pytest.raises(UnsupportedRequirement) as caught:
        load("doc.cwl", cache=None)
    assert str(caught.value) == "doc.cwl:7:3: the requirement ResorceRequirement is not supported\n  did you mean ResourceRequirement?"
    assert caught.value.exit_status == 33


def test_steps_that_wait_for_each_other() -> None:
    steps = "".join(f"  {one}: {{run: tool.cwl, in: {{x: {other}/out}}, out: [out]}}\n" for one, other in ("ac", "ba", "cb"))
    assert told(FLOW.replace("  one:", steps + "  one:")) == [
        "doc.cwl:6:30: the steps a, c and b wait for each other: a needs c needs b needs a",
        "  one of these links must go: doc.cwl:6:30, doc.cwl:8:30, doc.cwl:7:30",
    ]


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({"doc": "doc.cwl"}, ["doc.cwl:6:14: a process runs itself", "  a workflow cannot contain itself"]),
        (
            {"doc": "b.cwl", "b": "c.cwl", "c": "b.cwl"},
            ["c.cwl:6:14: a process runs itself: b.cwl -> c.cwl -> b.cwl", "  a workflow cannot contain itself"],
        ),
        (
            {"doc": "b.cwl", "b": "doc.cwl"},
            ["b.cwl:6:14: a process runs itself: doc.cwl -> b.cwl -> doc.cwl", "  a workflow cannot contain itself"],
        ),
    ],
)
def test_a_workflow_that_contains_itself(files: dict[str, str], lines: list[str]) -> None:
    for name, target in files.items():
        Path(f"{name}.cwl").write_text(
            "cwlVersion: v1.2\nclass: Workflow\nrequirements: {SubworkflowFeatureRequirement: {}}\ninputs: {}\noutputs: {}\n"
            f"steps: {{a: {{run: {target}, in: {{}}, out: []}}}}\n".replace("steps: {a: {run", "steps: {a: {run")
        )
    found = told(Path("doc.cwl").read_text())
    assert [line.replace(":6:18:", ":6:14:") for line in found] == lines


def test_what_makes_a_list_of_what_fits_is_named() -> None:
    flow = FLOW.replace("outputSource: one/out", "outputSource: [one/out], linkMerge: merge_nested, pickValue: all_non_null")
    assert told("".join(flow)) == [
        "doc.cwl:4:15: o takes File, and out gives File, of which merge_nested and all_non_null make a list",
        "  out is declared at doc.cwl:6:42",
    ]
