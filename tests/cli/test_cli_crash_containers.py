"""hyflow is killed at many points of a run whose commands are in containers: nothing is done twice, and no container is left."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import lab
import pytest
from crashing import ONCE, CrashingShell, Delivery, delivery, ends_as, settled, sparsely, undisturbed_run
from dying import POINTS
from thorough import thorough
from warm import Warm, warmed

from hyflow.journal import find_run

IMAGE = ", DockerRequirement: {dockerPull: 'busybox:latest'}"
BINDS = {"docker": ["-v", "TOP:TOP"], "podman": ["-v", "TOP:TOP"], "apptainer": ["--bind", "TOP:TOP"]}
"""Words with which an engine shows the directory of the test in its containers."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(scope="module")
def undisturbed(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """Without containers."""
    return undisturbed_run(warm, tmp_path_factory.mktemp("undisturbed"))


class ContainedShell(CrashingShell):
    """Its commands run with an engine of the lab. `way`: what the site is beside that."""

    def __init__(self, warm: Warm, top: Path, engine: str, **way: object) -> None:
        container = lab.engine_site(engine)["container"]
        self.client: list[str] = container["command"]
        container["options"] = [*container.get("options", []), *BINDS[engine]]
        super().__init__(warm, top, json.dumps({"type": "local", "cores": 2, "container": container, **way}), IMAGE)

    def containers(self) -> list[str]:
        """The names of those that there are of the run, also of dead ones."""
        words = ["ps", "--all", f"--filter=label=hyflow.run={find_run(self.home).id}", "--format={{.Names}}"]
        return subprocess.run([*self.client, *words], check=True, capture_output=True, text=True, timeout=60).stdout.split()


@pytest.mark.parametrize("at", thorough(POINTS, ("committed", "action")))
def test_killed_while_commands_are_in_containers(warm: Warm, tmp_path: Path, undisturbed: Delivery, at: str) -> None:
    for number in range(3 + 3 * POINTS.index(at), 1000, sparsely(3)):
        shell = ContainedShell(warm, tmp_path, "docker")
        if not shell.died((at, number, "kill")):
            return
        ends_as(undisturbed, shell)
        assert shell.starts == ONCE, (at, number)
        assert shell.containers() == []
    raise AssertionError("the run has no end")


def test_killed_with_the_supervisor_of_containers(warm: Warm, tmp_path: Path, undisturbed: Delivery) -> None:
    """What ran is ended before it begins again."""
    for number in range(12, 40, sparsely(2)):
        shell = ContainedShell(warm, tmp_path, "docker")
        assert shell.died(("committed", number, "kill"))
        shell.kill_supervisor()
        ends_as(undisturbed, shell)
        assert all(count <= 2 * ONCE[label] for label, count in shell.starts.items()), shell.starts
        assert shell.containers() == []


@pytest.mark.parametrize("engine", ["podman", "apptainer"])
def test_killed_while_commands_are_in_containers_of_others(warm: Warm, tmp_path: Path, undisturbed: Delivery, engine: str) -> None:
    shell = ContainedShell(warm, tmp_path, engine)
    assert shell.died(("committed", 15, "kill"))
    ends_as(undisturbed, shell)
    assert shell.starts == ONCE
    if engine != "apptainer":  # whose containers are processes, and no more
        assert shell.containers() == []


def test_killed_while_a_shell_site_has_containers(warm: Warm, tmp_path: Path, undisturbed: Delivery) -> None:
    shell = ContainedShell(warm, tmp_path, "docker", type="shell", command=["sh", "-c"], workdir="TOP/box", poll=0.1, cores=2)
    assert shell.died(("action", 14, "kill"))
    ends_as(undisturbed, shell)
    assert shell.starts == ONCE
    assert shell.containers() == []


@pytest.mark.parametrize(("what", "starts_again"), [("interrupt", True), ("hangup", False)])
def test_told_to_stop_while_commands_are_in_containers(
    warm: Warm, tmp_path: Path, undisturbed: Delivery, what: str, starts_again: bool
) -> None:
    shell = ContainedShell(warm, tmp_path, "docker")
    assert shell.begin(("committed", 15, what)).status == 130
    if starts_again:
        assert shell.is_quiet() and shell.containers() == []
    assert delivery(shell.resume(), shell) == undisturbed
    settled(shell)
    assert all(count <= ONCE[label] * (1 + starts_again) for label, count in shell.starts.items()), shell.starts
    assert shell.containers() == []


def test_killed_while_it_takes_earlier_results(warm: Warm, tmp_path: Path, undisturbed: Delivery) -> None:
    """Of a run that was killed itself. How many of its results were kept by then depends on how quick the machine is; none runs twice."""
    shell = ContainedShell(warm, tmp_path, "docker")
    assert shell.died(("commit", 30, "kill"))
    ends_as(undisturbed, shell)
    assert shell.starts == ONCE
    for number in (5, 14):
        before = shell.starts
        assert shell.died(("committed", number, "kill"), outdir=f"again{number}")
        assert delivery(shell.resume(), shell, f"again{number}") == undisturbed
        settled(shell)
        again = shell.starts - before
        assert all(count <= ONCE[label] for label, count in again.items()), again
        assert shell.containers() == []
