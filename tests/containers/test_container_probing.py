"""Which engine a site has: answers of real engines, and answers that nobody expects."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from generated import examples
from hypothesis import given
from hypothesis import strategies as st

from hyflow.containers.apptainer import Apptainer
from hyflow.containers.engine import Engine, Facts, Kind
from hyflow.containers.oci import Oci
from hyflow.containers.probing import ORDER, Unusable, how_to_start, question, understood, unseen
from hyflow.model.containers import ContainerSettings

ABOUT = "1000\n100\nbox\n/home/ada/.cache/hyflow/images\nx86_64\n"
DOCKER = {"ServerVersion": "20.10.24", "SecurityOptions": ["name=seccomp,profile=default"], "CpuCfsQuota": True, "MemoryLimit": True}
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///nosuch. Is the docker daemon running?"


def podman(rootless: bool = False, version: str = "v1", controllers: Any = ("cpu", "memory", "pids")) -> dict[str, Any]:
    host = {"cgroupControllers": list(controllers) if controllers else controllers, "cgroupVersion": version,
     "security": {"rootless": rootless}}
    return {"host": host, "version": {"Version": "4.3.1"}}


def said(kind: Kind, rest: str, code: int = 0, stderr: str = "", about: str = ABOUT) -> Engine:
    return understood(kind, ContainerSettings(), code, about + rest, stderr)


@pytest.mark.parametrize(("kind", "rest", "facts"), [
    ("docker", DOCKER, ("20.10.24", False, ("cores", "memory"))),
    ("docker", {**DOCKER, "MemoryLimit": False}, ("20.10.24", False, ("cores",))),
    ("docker", {**DOCKER, "SecurityOptions": ["name=rootless", "name=cgroupns"], "CpuCfsQuota": False}, ("20.10.24", True, ("memory",))),
    ("docker", {"ServerVersion": "1", "SecurityOptions": None}, ("1", False, ())),
    ("podman", podman(), ("4.3.1", False, ("cores", "memory"))),
    ("podman", podman(rootless=True), ("4.3.1", True, ())),
    ("podman", podman(rootless=True, version="v2", controllers=["memory", "pids"]), ("4.3.1", True, ("memory",))),
    ("podman", podman(version="v2", controllers=["cpu"]), ("4.3.1", False, ("cores",))),
    ("podman", podman(version="v2", controllers=None), ("4.3.1", False, ())),
])
def test_what_an_engine_says_of_itself(kind: Kind, rest: dict[str, Any], facts: tuple[str, bool, tuple[str, ...]]) -> None:
    found = said(kind, json.dumps(rest))
    assert isinstance(found, Oci)
    assert found.facts == Facts(kind, *facts, (1000, 100), "box", "/home/ada/.cache/hyflow/images", "x86_64")
    assert found.facts.owner == "1000@box"


@pytest.mark.parametrize(("rest", "version"), [("apptainer version 1.4.5\n", "1.4.5"), ("singularity-ce version 4.1.0-jammy\n",
 "4.1.0-jammy"), ("", "?")])
def test_apptainer(rest: str, version: str) -> None:
    found = said("apptainer", rest)
    assert isinstance(found, Apptainer)
    assert (found.facts.version, found.facts.rootless, found.facts.limits) == (version, True, ())
    assert not said("apptainer", rest, about="0\n0\nbox\n/c\nx86_64\n").facts.rootless


@pytest.mark.parametrize(("kind", "rest", "code", "stderr", "why"), [
    ("docker", json.dumps({"ServerVersion": "", "ServerErrors": None}), 1, NO_DAEMON, NO_DAEMON),
    ("docker", json.dumps({"ServerVersion": "", "ServerErrors": ["it sleeps", "it dreams"]}), 0, "", "it sleeps; it dreams"),
    ("docker", json.dumps({"ServerVersion": ""}), 0, "", "its daemon does not answer"),
    ("docker", "nonsense", 0, "", "what it says of itself cannot be read"),
    ("docker", "[]", 0, "", "what it says of itself cannot be read"),
    ("docker", "", 0, "ERROR: permission denied\n\n", "permission denied"),
    ("podman", "{}", 0, "", "what it says of itself cannot be read"),
    ("podman", "", 125, "Cannot connect to Podman.\nError: unable to connect to Podman socket\n", "unable to connect to Podman socket"),
    ("podman", json.dumps({**podman(), "version": None}), 0, "", "what it says of itself cannot be read"),
    ("apptainer", "", 127, "apptainer is not installed\n", "apptainer is not installed"),
    ("apptainer", "it broke\n", 3, "", "it broke"),
    ("apptainer", "", 3, "", "exit status 3"),
])
def test_an_engine_that_cannot_be_used(kind: Kind, rest: str, code: int, stderr: str, why: str) -> None:
    with pytest.raises(Unusable) as caught:
        said(kind, rest, code, stderr)
    assert str(caught.value) == why


@pytest.mark.parametrize("about", ["", "1000\n", "Welcome!\n" + ABOUT, "1000\n\nbox\n/c\n", "1000\n100\nbox\nrelative\n",
 "-1\n0\nbox\n/c\n", "²\n0\nbox\n/c\n"])
def test_a_site_that_says_something_odd_of_itself(about: str) -> None:
    with pytest.raises(Unusable):
        said("docker", "", about=about)
    with pytest.raises(Unusable):
        said("apptainer", "", about=about)


@examples(100)
@given(st.sampled_from(ORDER), st.one_of(st.text(max_size=40), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["host", "version", "Version", "security", "rootless", "ServerVersion", "SecurityOptions", "cgroupControllers"]),
         inner,
        max_size=3), max_leaves=8).map(json.dumps)), st.integers(0, 1))
def test_whatever_an_engine_says_it_can_be_used_or_not(kind: Kind, rest: str, code: int) -> None:
    try:
        found = said(kind, rest, code)
    except Unusable as error:
        assert len(str(error).splitlines()) == 1 and str(error)
    else:
        assert found.facts.kind == kind


def test_the_question_is_asked_of_the_command_that_the_site_names(tmp_path: Path) -> None:
    client = tmp_path / "my docker"
    client.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    client.chmod(0o755)
    settings = ContainerSettings(command=[str(client), "--host", "a b"])
    environment = {**os.environ, "HOME": "/h", "XDG_CACHE_HOME": ""}
    ran = subprocess.run(question("docker", settings), capture_output=True, text=True, check=True, env=environment)
    about = f"{os.getuid()}\n{os.getgid()}\n{os.uname().nodename}\n/h/.cache/hyflow/images\n{os.uname().machine}\n"
    assert ran.stdout == f"{about}<--host><a b><info><--format><{{{{json .}}}}>"
    missing = subprocess.run(question("docker", ContainerSettings(command=["no-such-engine"])), capture_output=True, text=True,
     env=environment)
    assert (missing.returncode, missing.stderr) == (127, "no-such-engine is not installed\n")


def test_what_to_do_about_it() -> None:
    assert "start its daemon" in how_to_start(("docker",))
    assert how_to_start(ORDER) == "start one of them, or install one; to run with what is installed instead: --container none"


def test_one_that_is_named_may_be_where_jobs_run() -> None:
    named = ContainerSettings(runtime="apptainer")
    found = unseen(named, ABOUT)
    facts = Facts("apptainer", "", True, (), (1000, 100), "box", "/home/ada/.cache/hyflow/images", "x86_64", absent=True)
    assert found is not None and found.facts == facts
    assert unseen(ContainerSettings(), ABOUT) is None and unseen(ContainerSettings(runtime="docker"), ABOUT) is None
    assert unseen(named, "") is None and unseen(named, "x\n" + ABOUT) is None
    assert "runtime: apptainer" in how_to_start(ORDER, elsewhere=True) and "runtime: apptainer" not in how_to_start(ORDER)
