"""Reuse where jobs run in containers of the real engines: by what the image is, not by what it is called; and from one site to another."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import engine_site
from reuses import CAT, Reuses, why
from thorough import thorough
from warm import Warm, WarmShell, warmed

NAME = "hyflow-reuse-test:moving"
TOOL = "cwlVersion: v1.2\nclass: CommandLineTool\n" + CAT + "requirements: {DockerRequirement: {dockerPull: IMAGE}}\n"


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> WarmShell:
    (tmp_path / "here").mkdir()
    made = WarmShell(warm, tmp_path / "here", tmp_path / "home")
    made.write("f", "one")
    made.write("tool.cwl", TOOL.replace("IMAGE", NAME))
    made.write("job.json", json.dumps({"f": {"class": "File", "path": "f"}}))
    return made


class Lab:
    """An engine of the lab. `settings`: of its site's containers."""

    def __init__(self, target: str) -> None:
        self.settings: dict[str, Any] = engine_site(target)["container"]

    def __call__(self, *words: str) -> None:
        subprocess.run([*self.settings["command"], *words], check=True, capture_output=True)

    def deployment(self, shell: WarmShell, *options: str, **site: Any) -> list[str]:
        """The words that give it to `hyflow run`."""
        container = {**self.settings, "options": [*self.settings.get("options", []), *options]}
        sites = {"here": {"type": "local", "container": container}, **({"there": {**site, "container": container}} if site else {})}
        bind = [{"step": "/", "site": "there"}] if site else []
        shell.write("deploy.yml", json.dumps({"version": 1, "sites": sites, "bind": bind}))
        return ["--deploy", "deploy.yml"]


@pytest.fixture(params=thorough(["docker", "podman"], ["docker"]))
def engine(request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(request.param)
    lab("tag", "busybox", NAME)
    yield lab
    lab("rmi", NAME)


def test_another_image_under_the_same_tag(shell: WarmShell, engine: Lab) -> None:
    again = Reuses(shell, *engine.deployment(shell), "tool.cwl", "job.json")
    again.differs(lambda: engine("tag", "alpine", NAME), "one", "one")
    engine("tag", "busybox", NAME)
    assert again.is_reused("one")


def test_a_shell_command_in_a_container(shell: WarmShell, engine: Lab) -> None:
    """All that it may start is in the image."""
    text = TOOL.replace("IMAGE", NAME).replace("baseCommand: cat", "baseCommand: [sh, -c, 'cat \"$1\"', sh]")
    shell.write("tool.cwl", text)
    Reuses(shell, *engine.deployment(shell), "tool.cwl", "job.json").prove("one")


def test_what_a_deployment_adds_to_containers(shell: WarmShell, engine: Lab) -> None:
    again = Reuses(shell, *engine.deployment(shell), "tool.cwl", "job.json")
    again.prove("one")
    engine.deployment(shell, "--env=MODE=other")
    assert not again.is_reused("one") and again.is_reused("one")
    engine.deployment(shell, f"--volume={shell.top}:/ref:ro")
    assert not again.is_reused("one") and not again.is_reused("one")
    assert "may hold anything" in why(shell.home)[0]


def test_with_a_container_the_site_makes_no_difference(shell: WarmShell, engine: Lab) -> None:
    box = {"type": "shell", "command": ["sh", "-c"], "workdir": f"{shell.top}/box"}
    again = Reuses(shell, *engine.deployment(shell), "tool.cwl", "job.json")
    again.prove("one")
    engine.deployment(shell, **box)
    assert again.is_reused("one"), why(shell.home)


def test_without_a_container_what_ran_in_one_is_not_the_same(shell: WarmShell, engine: Lab) -> None:
    shell.write("tool.cwl", TOOL.replace("IMAGE", NAME).replace("requirements", "hints"))
    again = Reuses(shell, *engine.deployment(shell), "tool.cwl", "job.json")
    again.prove("one")
    assert not again.is_reused("one", "--container", "none")
    assert "whether it runs in a container" in why(shell.home)[0]
    assert again.is_reused("one", "--container", "none")
    engine.deployment(shell, type="shell", command=["sh", "-c"], workdir=f"{shell.top}/box")
    assert not again.is_reused("one", "--container", "none")
    assert "the site" in why(shell.home)[0]
