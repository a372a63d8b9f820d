"""Runs whose jobs wait until the test lets them go on: to be followed, left alone in the background, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commandline import Shell, processes

from hyflow.errors import JournalError, UsageError
from hyflow.journal import Phase, find_run, read_tallies


class Gated(Shell):
    """Has `flow.cwl`, a scatter whose jobs (job0, job1, ...) end when a file of their name is there, with status 3 if it holds "fail"."""

    def flow(self, jobs: int = 2) -> list[str]:
        """What to give to `hyflow run`."""
        command = f'until [ -e {self.top}/$0 ]; do sleep 0.05; done; echo $0; ! grep -q fail {self.top}/$0 || exit 3'
        tool = {
            "class": "CommandLineTool", "baseCommand": ["sh", "-c", command], "stdout": "out.txt",
            "requirements": [{"class": "ResourceRequirement", "coresMin": 0.1, "ramMin": 16}],
            "inputs": {"name": {"type": "string", "inputBinding": {"position": 1}}}, "outputs": {"out": "stdout"},
        }  # fmt: skip
        step = {"run": tool, "scatter": "name", "in": {"name": "names"}, "out": ["out"]}
        self.write("flow.cwl", json.dumps({
            "cwlVersion": "v1.2", "class": "Workflow", "requirements": {"ScatterFeatureRequirement": {}},
            "inputs": {"names": "string[]"}, "steps": {"wait": step},
            "outputs": {"all": {"type": "File[]", "outputSource": "wait/out"}},
        }))  # fmt: skip
        self.write("job.json", json.dumps({"names": [f"job{number}" for number in range(jobs)]}))
        return ["flow.cwl", "job.json", "--outdir", "results"]

    def go(self, *numbers: int, how: str = "") -> None:
        for number in numbers:
            self.write(f"job{number}", how)

    def stands(self, phase: Phase, jobs: int) -> bool:
        """Whether so many jobs of the latest run are there."""
        with contextlib.suppress(JournalError, UsageError):
            return any(step[phase] == jobs for step in read_tallies(find_run(self.home).journal))
        return False

    def status(self, run: str = "last") -> Any:
        return json.loads(self("hyflow", "status", run, "--json").stdout)

    def waiting(self) -> list[str]:
        """The commands of jobs."""
        return processes(f"until [ -e {self.top}/")


@contextlib.contextmanager
def gated(top: Path) -> Iterator[Gated]:
    """One in which nothing runs any more afterwards."""
    (top / "work").mkdir()
    made = Gated(top / "work", top / "home")
    try:
        yield made
    finally:
        for line in [*processes(str(made.home)), *made.waiting()]:  # of a test that failed
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), signal.SIGKILL)
