"""`cwl-runner`: the standard's own interface."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Shell

ECHO = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: [echo, -n]
inputs: {word: {type: string, inputBinding: {}}}
outputs: {out: stdout}
stdout: said
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, home, "shell")


def test_a_process_and_a_job(shell: Shell) -> None:
    shell.write("echo.cwl", ECHO)
    shell.write("job.json", '{"word": "a b"}')
    done = shell("cwl-runner", "--quiet", "--outdir", "out", "echo.cwl", "job.json")
    assert done.output["out"]["size"] == 3
    assert done.stderr == ""
    assert (shell.top / "out" / "said").read_text() == "a b"
    assert shell("cwl-runner", "--deploy", "deploy.yml", "echo.cwl", "job.json").output["out"]["size"] == 3
    assert shell("cwl-runner", "echo.cwl", "--", "--word", "x").output["out"]["size"] == 1


def test_the_job_may_name_its_tool(shell: Shell) -> None:
    shell.write("echo.cwl", ECHO)
    shell.write("job.yml", "cwl:tool: echo.cwl\nword: x\n")
    assert shell("cwl-runner", "job.yml").output["out"]["size"] == 1


def test_one_process_of_several(shell: Shell) -> None:
    graph = "cwlVersion: v1.2\n$graph:\n" + "".join(
        f"- {{id: {name}, class: CommandLineTool, baseCommand: [echo, {name}], inputs: {{}}, outputs: {{out: stdout}}}}\n"
        for name in ("main", "b")
    )
    shell.write("packed.cwl", graph)
    assert Path(shell("cwl-runner", "packed.cwl").output["out"]["path"]).read_text() == "main\n"
    assert Path(shell("cwl-runner", "packed.cwl#b").output["out"]["path"]).read_text() == "b\n"


def test_ends(shell: Shell) -> None:
    shell.write("fail.cwl", ECHO.replace("[echo, -n]", "'false'"))
    shell("cwl-runner", "fail.cwl", "--", "--word", "x").fails(1, "class   tool, exit status 1")
    shell("cwl-runner", "--quiet", "fail.cwl", "--", "--word", "x").fails(1, "failed")
    shell("cwl-runner").fails(2)
    assert shell("cwl-runner", "--version").stdout.startswith("hyflow ")
