"""Mistakes in documents as a user meets them: what the commands print, with which status, for `hyflow validate` and `hyflow run`."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Shell

TOOL = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: cat\ninputs: {x: File}\noutputs: {out: stdout}\n"
FLOW = """cwlVersion: v1.2
class: Workflow
inputs: {f: Fil}
outputs: {o: {type: File, outputSource: one/oot}}
steps:
  one: {run: tool.cwl, in: {x: ff}, out: [out]}
  two: {run: tol.cwl, in: {x: f}, out: []}
"""


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    made = Shell(tmp_path, tmp_path_factory.mktemp("home"))
    made.write("tool.cwl", TOOL)
    return made


def test_every_mistake_of_every_file(shell: Shell) -> None:
    shell.write("flow.cwl", FLOW)
    shell.write("tool.cwl", TOOL.replace("baseCommand", "baseComand"))
    for verb in ("validate", "run"):
        done = shell("hyflow", verb, "flow.cwl")
        assert (done.status, done.stdout) == (1, "")
        assert done.stderr.splitlines() == [
            "hyflow: flow.cwl:3:13: there is no type 'Fil'", "  did you mean File?",
            "flow.cwl:4:41: the output o comes from one/oot, but the step one has no output oot under `out`", "  did you mean one/out?",
            "flow.cwl:6:32: the input x of the step one comes from ff, which is not there", "  did you mean f?",
            "flow.cwl:7:14: there is no file tol.cwl", "  did you mean tool.cwl?",
            "tool.cwl:3:1: there is no field 'baseComand' in a CommandLineTool", "  did you mean baseCommand?",
        ]  # fmt: skip


def test_a_requirement_that_nobody_knows_has_a_status_of_its_own(shell: Shell) -> None:
    Path(shell.top, "deep").mkdir()
    shell.write("deep/tool.cwl", TOOL + "requirements:\n  ResorceRequirement: {}\n")
    shell("hyflow", "validate", "deep/tool.cwl").fails(33, "deep/tool.cwl:7:3: the requirement ResorceRequirement is not supported",
                                                       "\n  did you mean ResourceRequirement?")  # fmt: skip
    shell("cwl-runner", "deep/tool.cwl").fails(33, "deep/tool.cwl:7:3: the requirement ResorceRequirement is not supported")


@pytest.mark.parametrize(("name", "content", "status", "words"), [
    ("tol.cwl", None, 2, ["tol.cwl: there is no such file", "did you mean tool.cwl?"]),
    (".", None, 2, [".: this is a directory, and a file is needed"]),
    ("empty.cwl", b"", 1, ["empty.cwl: the document is empty"]),
    ("binary.cwl", b"\x00\xff\x01", 1, ["binary.cwl:1: this is no text"]),
    ("latin.cwl", b"cwlVersion: v1.2\nlabel: \xe4\n", 1, ["latin.cwl:2:8: this is not UTF-8", "save it as UTF-8"]),
    ("tab.cwl", b"cwlVersion: v1.2\n\tclass: Workflow\n", 1, ["tab.cwl:2:1: this is not YAML: a tab", "indent with spaces"]),
    ("deep.cwl", TOOL.encode() + b"hints: " + b"[" * 200_000, 1, ["deep.cwl:6:207: the document is nested more than 200 deep"]),
    ("script.cwl", TOOL.encode() + b"arguments: [$(1 +)]\nrequirements: {InlineJavascriptRequirement: {}}\n", 1,
     ["script.cwl:6:13: $(1 +) is no JavaScript"]),
])  # fmt: skip
def test_what_is_no_document(shell: Shell, name: str, content: bytes | None, status: int, words: list[str]) -> None:
    if content is not None:
        Path(shell.top, name).write_bytes(content)
    shell("hyflow", "validate", name).fails(status, *words)


def test_warnings_do_not_make_a_document_wrong(shell: Shell) -> None:
    shell.write("tool.cwl", TOOL + "hints: {Nonsense: {}}\narguments: [$(inputs.xs.path)]\n")
    done = shell("hyflow", "validate", "tool.cwl")
    assert (done.status, done.stderr.splitlines()) == (0, [
        "warning: tool.cwl:6:9: the hint Nonsense is not known, it is passed over",
        "warning: tool.cwl:7:13: there is no input xs (did you mean x?)",
    ])  # fmt: skip


def test_a_document_that_may_not_be_read() -> None:
    """Whoever runs the tests may read everything, so that only the wording can be looked at."""
    from hyflow.cwl.fetching import refused

    told = str(refused(PermissionError(13, "Permission denied"), "a.cwl"))
    assert told == "a.cwl: this file may not be read\n  its owner can let you: chmod +r"
    assert str(refused(OSError(5, "Input/output error"), "a.cwl")) == "a.cwl: this file cannot be read: input/output error"
