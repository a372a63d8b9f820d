"""The lab comes up, comes up again at once, and leaves nothing when it goes down. Tried with labs of these tests' own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import engine_site, setting
from ownlab import Lab, copy, left

WEB = "import urllib.request; print(urllib.request.urlopen('http://commonwl.org').status)"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose Docker is up."""
    lab = copy(tmp_path)
    done = lab.run("up", "docker")
    try:
        assert done.returncode == 0, done.stderr
        engine_site("docker", tmp_path / ".lab")
        yield lab
    finally:
        lab.run("down")


def test_it_comes_up_once_and_leaves_nothing_when_it_is_down(lab: Lab) -> None:
    state, namespace = state_of(lab), network_of(lab)
    assert docker(lab, "run", "--rm", "--network", "hyflow-lab", "python:3-slim", "python", "-c", WEB).stdout == "200\n"
    tiny = setting("HYFLOW_LAB_REGISTRY", lab.root / ".lab") + "/hyflow/tiny:1"
    assert docker(lab, "run", "--rm", "--pull", "always", tiny).stdout == "pulled from the lab's registry\n"

    began, daemon = time.monotonic(), (state / "docker/docker.pid").read_text(encoding="ascii")
    assert (again := lab.run("up", "docker")).returncode == 0
    assert (again.stdout, time.monotonic() - began < 5) == ("", True)
    assert (state / "docker/docker.pid").read_text(encoding="ascii") == daemon

    assert docker(lab, "run", "--detach", "--network", "hyflow-lab", "debian:stable-slim", "sleep", "1000").returncode == 0
    assert lab.run("down").returncode == 0
    assert left(state, namespace) == []
    assert set(lab.status().values()) == {"down"}
    assert list((lab.root / ".lab").glob("*.yml")) == []
    assert (lab.run("down").returncode, left(state, namespace)) == (0, [])


def test_it_ends_what_a_daemon_left_that_was_killed(lab: Lab) -> None:
    state, namespace = state_of(lab), network_of(lab)
    assert docker(lab, "run", "--detach", "debian:stable-slim", "sleep", "1000").returncode == 0
    os.kill(int((state / "docker/docker.pid").read_text(encoding="ascii").split()[0]), signal.SIGKILL)
    assert lab.status()["docker"] == "down"
    assert left(state, namespace) != []
    assert lab.run("down").returncode == 0
    assert left(state, namespace) == []


def test_a_command_has_what_it_needs_while_it_runs_and_ends_as_it_ends(tmp_path: Path) -> None:
    lab = copy(tmp_path)
    done = lab.run("sh", "-c", f"sh {tmp_path}/tests/lab/lab.sh status; exit 7", program="with.sh", PARTS="registry")
    if "the lab needs" in done.stdout:
        pytest.skip(done.stdout)
    assert (done.returncode, done.stdout.splitlines()[0]) == (7, "registry up")
    assert set(lab.status().values()) == {"down"}


def test_what_was_up_before_stays_up(tmp_path: Path) -> None:
    lab = copy(tmp_path)
    try:
        if "the lab needs" in (done := lab.run("up", "registry")).stdout:
            pytest.skip(done.stdout)
        assert lab.run("true", program="with.sh", PARTS="registry").returncode == 0
        assert lab.status()["registry"] == "up"
    finally:
        lab.run("down")


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = copy(tmp_path).run("up", "nosuch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no part is called 'nosuch'; there are: registry docker" in done.stderr


def docker(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    client = engine_site("docker", lab.root / ".lab")["container"]["command"]
    return subprocess.run([*client, *words], capture_output=True, text=True, check=False)


def state_of(lab: Lab) -> Path:
    return Path(setting("DOCKER_HOST", lab.root / ".lab").removeprefix("unix://")).parents[1]


def network_of(lab: Lab) -> str:
    """The network namespace that Docker's daemon of this lab has, as in "net:[4026532000]"; it is not ours."""
    pid = (state_of(lab) / "docker/docker.pid").read_text(encoding="ascii").split()[0]
    namespace = str(Path(f"/proc/{pid}/ns/net").readlink())
    assert namespace != str(Path("/proc/self/ns/net").readlink())
    return namespace
