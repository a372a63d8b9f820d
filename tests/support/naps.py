"""Runs of jobs that sleep until they are ended, at every kind of site: to be killed, cancelled, cleaned up after."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commandline import Shell, processes, until
from farsites import far, seen

from hyflow.errors import JournalError, UsageError
from hyflow.journal import Phase, find_run, read_tallies

JOBS = 6
WAYS = {"local": {"type": "local"}, "shell": {"type": "shell", "command": ["./gate"], "workdir": "box"}}
GATE = '#!/bin/sh\ncase $(cat state) in down) echo "the line is dead" >&2; exit 1 ;; silent) exec sleep 600 ;; esac\nexec sh -c "$1"\n'


class Place(Shell):
    """Where runs are started and killed. `mark` stands in the command lines of all their jobs, and nowhere else.

    `way`: local, shell, or ssh, which is a machine of the lab. `where` its files are, as this machine sees them.
    """

    def __init__(self, top: Path, home: Path, way: str, **settings: Any) -> None:
        super().__init__(top, home)
        self.way = way
        self.everywhere = [] if way == "local" else ["--remote"]  # what `hyflow clean` needs to be told
        self.mark = str(random.randint(10**8, 10**9))  # noqa: S311 (a name)
        site = {name: f"{top}/{value}" if name == "workdir" else value for name, value in WAYS.get(way, {}).items()}
        if way == "shell":
            self.write("gate", GATE)
            (top / "gate").chmod(0o755)
            site["command"] = [f"{top}/gate"]
            self.write("state", "up")
        self.where = top / "box" if way == "shell" else home
        if way == "ssh":
            site = far(**{"workdir": f"/scratch/ada/naps-{self.mark}", **settings})
            self.where = seen(site["workdir"])
        self.write("deploy.json", json.dumps({"version": 1, "sites": {"there": {**site, **settings}}}))

    def flow(self, *requirements: dict[str, Any]) -> None:
        """A scatter of JOBS jobs that say something and sleep for as many seconds as `mark` says."""
        tool = {
            "class": "CommandLineTool", "baseCommand": ["sh", "-c"], "arguments": [f'echo "I am $0" >&2; sleep {self.mark}'],
            "requirements": [{"class": "ResourceRequirement", "coresMin": 0.1, "ramMin": 16}, *requirements],
            "inputs": {"name": {"type": "string", "inputBinding": {"position": 1}}}, "outputs": {},
        }  # fmt: skip
        step = {"run": tool, "scatter": "name", "in": {"name": "names"}, "out": []}
        self.write("flow.cwl", json.dumps({
            "cwlVersion": "v1.2", "class": "Workflow", "requirements": {"ScatterFeatureRequirement": {}},
            "inputs": {"names": "string[]"}, "steps": {"nap": step}, "outputs": {},
        }))  # fmt: skip
        self.write("job.json", json.dumps({"names": [f"job{number}" for number in range(JOBS)]}))

    def started(self, jobs: int) -> subprocess.Popen[str]:
        """A hyflow whose run has so many jobs at work."""
        process = self.start("hyflow", "run", "--quiet", "flow.cwl", "deploy.json", "job.json")
        try:
            until(lambda: runs_with(self.home, jobs) and len(processes(f"sleep\0{self.mark}\0")) == jobs, 60)
        except AssertionError as error:
            raise AssertionError(f"not all jobs are at work: {end(process)}") from error
        return process

    def killed(self, *, orphaned: bool = False) -> str:
        """A run whose hyflow was killed, and if `orphaned` its supervisor, too; its id."""
        process = self.started(JOBS)
        for number in supervisors(self.home) if orphaned else ():
            os.kill(number, signal.SIGKILL)
        end(process)
        return find_run(self.home).id

    def napping(self) -> list[str]:
        return processes(f"sleep\0{self.mark}\0") if self.way == "ssh" else processes(self.mark)

    def seen(self, path: str) -> Path:
        """A path of the site as this machine's."""
        return seen(path) if self.way == "ssh" else Path(path)


def runs_with(home: Path, jobs: int) -> bool:
    """Whether the latest run has so many jobs at work."""
    with contextlib.suppress(JournalError, UsageError):
        return any(step[Phase.RUNNING] == jobs for step in read_tallies(find_run(home).journal))
    return False


def end(process: subprocess.Popen[str]) -> str:
    """Kill it; what it had said."""
    process.kill()
    return process.communicate()[1]


def supervisors(home: Path) -> list[int]:
    return [int(line.split()[0]) for line in processes("supervisor.main") if str(home) in line]


@contextlib.contextmanager
def placed(top: Path, way: str, **settings: Any) -> Iterator[Place]:
    (top / "work").mkdir()
    made = Place(top / "work", top / "home", way, **settings)
    try:
        yield made
    finally:
        for number in [int(line.split()[0]) for line in made.napping()]:  # of a test that failed
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
