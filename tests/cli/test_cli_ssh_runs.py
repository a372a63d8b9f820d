"""Runs on machines behind SSH from their beginning to their end: a hyflow that is killed and resumed, jobs that failed and run again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Ended, Shell, until
from farsites import deployment, far, seen
from naps import end


class There(Shell):
    """A directory to type commands in, and one on each machine: `top` there. Its commands write down in `ran` that they ran."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "work", folder / "home")
        self.there = f"/scratch/ada/runs-{random.randint(10**8, 10**9)}"  # noqa: S311 (a name)
        (folder / "work").mkdir()
        for host in ("cluster", "cloud"):
            seen(self.there, host).mkdir(mode=0o777)
            seen(self.there, host).chmod(0o777)
        sites = {name: far(name, workdir=f"{self.there}/hyflow") for name in ("cluster", "cloud")}
        self.write("deploy.json", deployment(sites, {"/": "cluster", "/b": "cloud"}))

    def tool(self, script: str, *inputs: str) -> dict[str, Any]:
        """Its script has the names of the step, and of its inputs, as $0 and following; what it prints is its output."""
        types = {name: {"type": ["string", "File"], "inputBinding": {}} for name in inputs}
        return {"class": "CommandLineTool", "baseCommand": ["sh", "-c", f"cd {self.there}; {script}"], "stdout": "made", "inputs": types,
                "outputs": {"out": "stdout"}}  # fmt: skip

    def flow(self, steps: dict[str, Any], kind: str, source: str) -> list[str]:
        """The words to run it with."""
        self.write("flow.cwl", json.dumps({
            "cwlVersion": "v1.2", "class": "Workflow", "requirements": {"ScatterFeatureRequirement": {}}, "inputs": {"names": "string[]"},
            "steps": steps, "outputs": {"r": {"type": kind, "outputSource": source}},
        }))  # fmt: skip
        self.write("job.json", json.dumps({"names": ["x", "y", "z"]}))
        return ["hyflow", "run", "--quiet", "--no-reuse", "--outdir", "results", "flow.cwl", "deploy.json", "job.json"]

    def ran(self, host: str = "cluster") -> list[str]:
        path = seen(f"{self.there}/ran", host)
        return sorted(path.read_text().split()) if path.exists() else []

    def allow(self, name: str, host: str = "cluster") -> None:
        seen(f"{self.there}/{name}", host).touch()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[There]:
    made = There(tmp_path)
    yield made
    for name in ("go", "fix"):  # for what a test that failed has left waiting
        made.allow(name)


def texts(done: Ended) -> list[str]:
    found = done.output["r"]
    return [Path(file["path"]).read_text() for file in (found if isinstance(found, list) else [found])]


def test_a_hyflow_that_is_killed_is_resumed_and_nothing_ran_twice(there: There) -> None:
    """All three jobs go on meanwhile, and one ends; what follows them, at another site, is run by the second hyflow."""
    wait = there.tool('echo "$0" >>ran; until [ -e go ] || [ "$0" = y -a -e first ]; do sleep 0.1; done; echo "$0 is done"', "name")
    wait["requirements"] = [{"class": "ResourceRequirement", "coresMin": 0.1, "ramMin": 16}]
    again = there.tool('echo b >>ran; cat "$0"', "file")
    words = there.flow({
        "a": {"run": wait, "scatter": "name", "in": {"name": "names"}, "out": ["out"]},
        "b": {"run": again, "scatter": "file", "in": {"file": "a/out"}, "out": ["out"]},
    }, "File[]", "b/out")  # fmt: skip
    process = there.start(*words)
    until(lambda: len(there.ran()) == 3 or process.poll() is not None, 60)
    said = end(process)
    assert there.ran() == ["x", "y", "z"], said
    there.allow("first")
    until(lambda: len(list(seen(f"{there.there}/hyflow").glob(".attempts/*/exit"))) == 1)
    there.allow("go")
    done = there("hyflow", "resume", "--quiet")
    assert texts(done) == ["x is done\n", "y is done\n", "z is done\n"]
    assert (there.ran(), there.ran("cloud")) == (["x", "y", "z"], ["b"] * 3)
    assert [list(seen(f"{there.there}/hyflow", host).glob("*-*/*/out/*")) for host in ("cluster", "cloud")] == [[], []]


def test_what_has_failed_there_runs_again_alone(there: There) -> None:
    """What it needs is still at its site."""
    first = there.tool('echo "$0" >>ran; echo "made of $0"', "name")
    second = there.tool('echo b >>ran; [ -e fix ] || { echo "not mended" >&2; exit 3; }; cat "$0"', "file")
    words = there.flow({
        "a": {"run": first, "scatter": "name", "in": {"name": "names"}, "out": ["out"]},
        "b": {"run": second, "scatter": "file", "in": {"file": "a/out"}, "out": ["out"]},
    }, "File[]", "b/out")  # fmt: skip
    there(*words).fails(1, "/b[0] failed: the command failed with exit status 3", "where   cloud (on cloud)", "| not mended")
    there.allow("fix", "cloud")
    done = there("hyflow", "rerun", "--failed", "--quiet")
    assert texts(done) == ["made of x\n", "made of y\n", "made of z\n"]
    assert (there.ran(), there.ran("cloud")) == (["x", "y", "z"], ["b"] * 6)
