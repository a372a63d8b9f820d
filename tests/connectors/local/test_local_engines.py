"""Containers on this machine, with the lab's engines: whoever is killed, none stays; use and want of memory are those of the container."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Shell, until
from lab import deployment, engine_site
from thorough import thorough

DEAF = "trap '' TERM; echo x >f; while :; do sleep 1; done"
TOOL: dict[str, Any] = {
    "cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {},
    "requirements": {"DockerRequirement": {"dockerPull": "busybox"}, "ResourceRequirement": {"coresMin": 0.1, "coresMax": 0.1}},
}  # fmt: skip
SEVERAL: dict[str, Any] = {
    "cwlVersion": "v1.2", "class": "Workflow", "outputs": {}, "requirements": {"ScatterFeatureRequirement": {}},
    "inputs": {"n": {"type": "int[]", "default": [1, 2, 3, 4, 5, 6]}}, "steps": {"s": {"scatter": "n", "in": {"n": "n"}, "out": []}},
}  # fmt: skip
ONCE = ("--set", "retry.infrastructure.tries=1")
"""What is lost is not begun again."""


class House:
    """Runs `hyflow` with an engine of the lab."""

    def __init__(self, top: Path, target: str) -> None:
        self._shell = Shell(top, top / "home")
        self._deploy = str(deployment(target))
        self._engine = engine_site(target)["container"]["command"]
        self._process: subprocess.Popen[str] | None = None

    def start(self, script: str, *, several: bool = False, **requirements: Any) -> None:
        tool = {**TOOL, "baseCommand": ["sh", "-c", script], "requirements": {**TOOL["requirements"], **requirements}}
        if several:
            tool["inputs"] = {"n": "int"}
            tool = {**SEVERAL, "steps": {"s": {**SEVERAL["steps"]["s"], "run": tool}}}
        self._shell.write("t.cwl", json.dumps(tool))
        self._process = self._shell.start("hyflow", "run", *ONCE, "--deploy", self._deploy, "t.cwl")

    @property
    def hyflow(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def supervisor(self) -> int:
        children = Path(f"/proc/{self.hyflow}/task/{self.hyflow}/children").read_text().split()
        [found] = [int(pid) for pid in children if b"supervisor.main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return found

    @property
    def run(self) -> Path:
        [found] = self._shell.home.glob("runs/2*")
        return found

    def containers(self) -> list[str]:
        """Those of the run, whatever became of them."""
        listing = [*self._engine, "ps", "--all", "--filter", f"label=hyflow.run={self.run.name}", "--format", "{{.Names}}"]
        return subprocess.run(listing, capture_output=True, text=True, check=True, timeout=60).stdout.split()

    def until_at_work(self, count: int) -> None:
        """Until so many commands have begun."""
        until(lambda: len(list(self._shell.home.glob("runs/*/sites/here/work/*/*/out/f"))) == count, 40)

    def until_known(self, count: int) -> None:
        """Until the engine has told so many ids."""
        until(lambda: len(list(self._shell.home.glob("runs/*/sites/here/work/*/*/container"))) >= count, 40)

    def ended(self) -> tuple[int, str]:
        """Exit status of hyflow, and all that it said on standard error."""
        assert self._process
        with self._process:
            try:
                _, said = self._process.communicate(timeout=60)
            except BaseException:
                self._process.kill()
                raise
        return self._process.returncode, said

    def clean(self) -> str:
        done = self._shell("hyflow", "clean", self.run.name)
        assert done.status == 0, done.stderr
        return done.stdout + done.stderr

    def usage(self) -> Any:
        """What `hyflow logs` tells of the run's only job."""
        events = map(json.loads, self._shell("hyflow", "logs", self.run.name, "--json").stdout.splitlines())
        return next(event["usage"] for event in events if event["event"] == "finished")

    def close(self) -> None:
        """Leave nothing, also when a test has failed."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self.ended()
        if (self._shell.home / "runs").exists() and (names := self.containers()):
            subprocess.run([*self._engine, "rm", "--force", *names], capture_output=True, check=True, timeout=60)


@pytest.fixture(params=thorough(["docker", "podman"], ["docker"]))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, request.param)
    try:
        yield house
    finally:
        house.close()


def test_no_container_stays_when_a_run_is_stopped(house: House) -> None:
    house.start(DEAF, several=True)
    house.until_at_work(6)
    assert len(house.containers()) == 6
    begun = time.monotonic()
    os.kill(house.hyflow, signal.SIGINT)
    assert house.ended()[0] == 130
    assert time.monotonic() - begun < 20
    assert house.containers() == []


def test_no_container_stays_when_a_run_is_stopped_as_it_starts_them(house: House) -> None:
    house.start(DEAF, several=True)
    house.until_known(3)
    os.kill(house.hyflow, signal.SIGINT)
    assert house.ended()[0] == 130
    assert house.containers() == []


def test_no_container_stays_after_a_time_limit(house: House) -> None:
    house.start(DEAF, ToolTimeLimit={"timelimit": 2})
    status, said = house.ended()
    assert status == 1
    assert re.search("class +time", said), said
    assert house.containers() == []


def test_no_container_stays_when_the_supervisor_was_killed(house: House) -> None:
    house.start(DEAF, several=True)
    house.until_at_work(6)
    os.kill(house.supervisor, signal.SIGKILL)
    status, said = house.ended()
    assert status == 1
    assert "still ran and has been ended" in said
    assert house.containers() == []


def test_a_container_goes_on_without_hyflow_and_ends_as_it_would_have(house: House) -> None:
    house.start("echo x >f; sleep 4; echo whole >g; exit 125")
    house.until_at_work(1)
    supervisor = house.supervisor
    os.kill(house.hyflow, signal.SIGKILL)
    house.ended()
    assert len(house.containers()) == 1
    until(lambda: not Path(f"/proc/{supervisor}").exists())
    assert house.containers() == []
    assert [path.read_text() for path in house.run.glob("sites/here/work/*/*/out/g")] == ["whole\n"]


def test_no_container_stays_when_all_were_killed_and_it_is_cleaned_up(house: House) -> None:
    house.start(DEAF)
    house.until_at_work(1)
    supervisor = house.supervisor
    os.kill(house.hyflow, signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    house.ended()
    assert len(house.containers()) == 1
    house.clean()
    assert house.containers() == []


def test_want_of_memory_is_told_as_such(house: House) -> None:
    hog = 'x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo ${#x}'
    house.start(hog, ResourceRequirement={"coresMin": 0.1, "coresMax": 0.1, "ramMin": 20, "ramMax": 20})
    status, said = house.ended()
    assert status == 1
    assert re.search("class +memory", said), said


def test_what_the_container_used_is_told_and_not_what_its_client_did(house: House) -> None:
    work = "head -c 50000000 /dev/zero | tail -c 40000000 >/dev/null; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done"
    house.start(f"{work}; sleep 1.5", ResourceRequirement={"coresMin": 1})
    assert house.ended()[0] == 0
    usage = house.usage()
    assert 40_000_000 <= usage["memory"] < 200_000_000, usage
    assert 0.1 < usage["cpu"] < 10, usage
