"""`hyflow run` with a site of type pbs on this machine, against the stand-in of tests/support/pbsstandin.py. No PBS was run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pbsstandin
import pytest
from commandline import Shell, processes, until

TOOL = {
    "class": "CommandLineTool", "baseCommand": ["sh", "-c"], "arguments": [{"valueFrom": "SCRIPT"}, "sh"],
    "inputs": {"x": {"type": "int", "inputBinding": {"position": 1}}}, "stdout": "out",
    "outputs": {"said": {"type": "string", "outputBinding": {"glob": "out", "loadContents": True, "outputEval": "$(self[0].contents)"}}},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the stand-in, whose commands are the first of the PATH."""
    made = tmp_path / "pbs"
    monkeypatch.setenv("PATH", f"{pbsstandin.installed(made)}:{os.environ['PATH']}")
    return made


@pytest.fixture
def place(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "home")


def given(place: Shell, script: str, count: int, **settings: object) -> list[str]:
    """A scatter over so many numbers, each the argument of the script; what `hyflow run` takes."""
    tool = json.loads(json.dumps(TOOL).replace("SCRIPT", script))
    step = {"run": tool, "scatter": "x", "in": {"x": "numbers"}, "out": ["said"]}
    place.write("flow.cwl", json.dumps({
        "cwlVersion": "v1.2", "class": "Workflow", "requirements": {"ScatterFeatureRequirement": {}, "InlineJavascriptRequirement": {}},
        "inputs": {"numbers": "int[]"}, "steps": {"count": step},
        "outputs": {"all": {"type": "string[]", "outputSource": "count/said"}},
    }))  # fmt: skip
    site = {"type": "pbs", "workdir": f"{place.top}/work", "poll": 0.5, "settle": 5, **settings}
    place.write("deploy.json", json.dumps({"version": 1, "sites": {"hpc": site}}))
    place.write("job.json", json.dumps({"numbers": list(range(count))}))
    return ["flow.cwl", "deploy.json", "job.json"]


def test_a_scatter_is_one_array_and_the_prologue_comes_first(place: Shell, folder: Path) -> None:
    words = given(place, "echo $1 $GREETING $PBS_JOBID", 6, prologue="export GREETING=hello", defaults={"queue": "long", "memory": "1GiB"})
    done = place("hyflow", "run", *words)
    assert done.output == {"all": [f"{number} hello\n" for number in range(6)]}
    (call,) = pbsstandin.submissions(folder)
    assert call[call.index("-J") + 1] == "0-5" and "-qlong" in call and call[call.index("-l") + 1] == "select=1:ncpus=1:mem=1024mb"


def test_one_job_is_no_array(place: Shell, folder: Path) -> None:
    assert place("hyflow", "run", *given(place, "echo one", 1)).output == {"all": ["one\n"]}
    (call,) = pbsstandin.submissions(folder)
    assert "-J" not in call and call[call.index("-r") + 1] == "n"


def test_short_tasks_share_jobs(place: Shell, folder: Path) -> None:
    words = given(place, "echo $1", 8, submit={"max_jobs": 1, "pack": {"below": "2m", "cores": 2}})
    (place.top / "deploy.json").write_text(json.dumps({
        **json.loads((place.top / "deploy.json").read_text()), "bind": [{"step": "/", "site": "hpc", "resources": {"time": "30s"}}],
    }))  # fmt: skip
    assert place("hyflow", "run", *words).output == {"all": [f"{number}\n" for number in range(8)]}
    assert sum(int(call[call.index("-J") + 1][2:]) + 1 if "-J" in call else 1 for call in pbsstandin.submissions(folder)) < 8


def test_a_refusal_is_told(place: Shell, folder: Path) -> None:
    (folder / "refusal").write_text("Unknown queue")
    place("hyflow", "run", *given(place, "echo $1", 1)).fails(1, "PBS does not take it: Unknown queue")


def test_a_run_that_is_cancelled_ends_its_jobs(place: Shell, folder: Path) -> None:
    nap = f"8{os.getpid()}"
    with place.start("hyflow", "run", "--quiet", *given(place, f"exec sleep {nap}", 6)) as process:
        until(lambda: len(processes(f"sleep\0{nap}\0")) == pbsstandin.AT_ONCE, 40)
        assert "cancelled, 6 jobs ended" in place("hyflow", "cancel", "last").stdout
        process.communicate(timeout=60)
    assert processes(f"sleep\0{nap}\0") == []
    standin = pbsstandin.Standin(folder)
    until(lambda: not [number for number, job in standin.jobs() if standin.alive(number, job)])
