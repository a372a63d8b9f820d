"""`hyflow validate`: good documents are described, bad ones pointed into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Shell

GOOD = """cwlVersion: v1.2
class: Workflow
inputs: {reads: "File[]", threads: int?}
outputs: {}
steps:
  count:
    run:
      class: CommandLineTool
      hints:
        DockerRequirement: {dockerPull: "alpine:3"}
        SoftwareRequirement: {packages: {coreutils: {version: ["9.1", "9.2"], specs: ["https://bio.tools/wc"]}, "b\\e[31mwa": {}}}
      baseCommand: wc
      inputs: {files: {type: "File[]", inputBinding: {}}}
      outputs: {}
    in: {files: reads}
    out: []
"""


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path, tmp_path_factory.mktemp("home"))


def test_a_good_document_is_described(shell: Shell) -> None:
    shell.write("wf.cwl", GOOD)
    done = shell("hyflow", "validate", "wf.cwl")
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wf.cwl is valid.", "inputs:", "  reads: a list of File", "  threads: int  (optional)", "steps:", "  /count", "containers:",
        "  /count: alpine:3  (a hint)", "software:", "  /count: bwa, coreutils 9.1 or 9.2  (a hint)",
    ]  # fmt: skip
    found = json.loads(shell("hyflow", "validate", "--json", "wf.cwl").stdout)
    assert found["steps"] == ["/count"]
    assert [port["name"] for port in found["inputs"]] == ["reads", "threads"]
    assert found["containers"] == [{"step": "/count", "image": "alpine:3", "required": False}]
    packages = [
        {"name": "b\x1b[31mwa", "versions": [], "specs": []},
        {"name": "coreutils", "versions": ["9.1", "9.2"], "specs": ["https://bio.tools/wc"]},
    ]
    assert found["software"] == [{"step": "/count", "packages": packages, "required": False}]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{files: reads}", "{files: raeds}", ["wf.cwl:15:", "raeds"]),
        ("baseCommand: wc", "baseComand: wc", ["wf.cwl:12:", "baseComand"]),
        ("threads: int?", "threads: itn", ["wf.cwl:3:", "itn"]),
        ("steps:", "steps: [", ["wf.cwl:"]),
        ("alpine:3", "--help", ["wf.cwl:10:", "no image can be called '--help'"]),
        ('"alpine:3"', "x, dockerOutputDirectory: /etc", ["wf.cwl:10:", "dockerOutputDirectory cannot be '/etc'"]),
    ],
)
def test_a_mistake_is_pointed_at(shell: Shell, old: str, new: str, words: list[str]) -> None:
    shell.write("wf.cwl", GOOD.replace(old, new))
    shell("hyflow", "validate", "wf.cwl").fails(1, *words)


def test_a_job_is_checked_too(shell: Shell) -> None:
    shell.write("wf.cwl", GOOD)
    shell.write("a.fq", "")
    shell.write("good.yml", "reads: [{class: File, path: a.fq}]\nother: 1\n")
    shell.write("bad.yml", "reads: 3\n")
    done = shell("hyflow", "validate", "wf.cwl", "good.yml")
    assert done.status == 0 and "other" in done.stderr
    shell("hyflow", "validate", "wf.cwl", "bad.yml").fails(1, "reads")
    shell("hyflow", "validate", "none.cwl").fails(2, "none.cwl")
