"""Images that are fetched here and sent to machines behind SSH, by each of this machine's tools; and those that jobs elsewhere load."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import Shell
from farsites import seen
from lab import deployment
from toolless import offer, toolless

DOCKERFILE = "FROM busybox\nRUN echo built here >/made\n"


class Place(Shell):
    """A directory to type commands in, and a site behind SSH with the engine of that target."""

    def __init__(self, top: Path, target: str, container: dict[str, Any], **settings: Any) -> None:
        (top / "work").mkdir()
        super().__init__(top / "work", top / "home")
        self.workdir = f"/scratch/ada/images-{os.getpid()}-{top.name}"
        site = yaml.safe_load(deployment(target).read_text())["sites"]["ssh"]
        site = {**site, "workdir": self.workdir, **settings, "container": {**site["container"], **container}}
        self.write("deploy.json", json.dumps({"version": 1, "sites": {"ssh": site}}))

    def tool(self, script: str, **requirement: str) -> None:
        self.write("tool.cwl", json.dumps({
            "cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["sh", "-c", script], "inputs": {},
            "requirements": {"DockerRequirement": requirement}, "stdout": "said", "outputs": {"out": {"type": "stdout"}},
        }))  # fmt: skip

    def said(self) -> tuple[str, str]:
        """What a run printed, and what its tool did."""
        done = self("hyflow", "run", "--no-reuse", "--outdir", "results", "tool.cwl", "deploy.json")
        return done.stderr, Path(done.output["out"]["path"]).read_text()

    @property
    def there(self) -> list[str]:
        """How the files of images at the site end."""
        return sorted(path.suffix for path in seen(f"{self.workdir}/.images").glob("[!.]*"))

    @property
    def left(self) -> list[Path]:
        """Files of images that are still here."""
        return [path for path in self.home.rglob("*") if path.suffix in (".sif", ".tar")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which this machine's programs are found."""
    found = toolless(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(found))
    return found


@pytest.mark.parametrize("tool", ["apptainer", "docker", "podman", "skopeo"])
def test_an_image_is_fetched_here_and_sent_once(tmp_path: Path, here: Path, tool: str) -> None:
    place = Place(tmp_path, "ssh-apptainer", {"fetch": "here"})
    offer(tool, here)
    place.tool("sha256sum /bin/busybox", dockerPull="busybox")
    told, first = place.said()
    assert f"ssh: pulling busybox on this machine, with {tool}\n" in told and "ssh: sending busybox\n" in told
    assert place.there == [".digest", ".sif"] and place.left == []
    told, again = place.said()
    assert again == first and "sending" not in told


def test_a_dockerfile_is_built_here_for_a_site_that_cannot(tmp_path: Path, here: Path) -> None:
    place = Place(tmp_path, "ssh-apptainer", {"fetch": "here"})
    offer("docker", here)
    place.tool("cat /made", dockerFile=DOCKERFILE)
    assert place.said()[1] == "built here\n"


def test_a_machine_without_tools_says_so(tmp_path: Path, here: Path) -> None:
    place = Place(tmp_path, "ssh-apptainer", {"fetch": "here"})
    place.tool("true", dockerPull="busybox")
    failed = place("hyflow", "run", "tool.cwl", "deploy.json")
    assert failed.status == 1
    assert "nothing on this machine can pull it for the site (apptainer: it is not installed; docker: it is not installed;" in failed.stderr


def test_a_site_without_a_batch_system_is_told_apart(tmp_path: Path) -> None:
    place = Place(tmp_path, "ssh-apptainer", {"fetch": "job"})
    place.tool("true", dockerPull="busybox")
    for verb in ("run", "pull"):
        failed = place("hyflow", verb, "tool.cwl", "deploy.json")
        assert failed.status == 1
        assert "images cannot be fetched in a job at ssh: it has no batch system that runs one (`fetch: job`)" in failed.stderr


@pytest.mark.parametrize("fetch", ["site", "here"])
def test_jobs_on_another_machine_than_files_load_the_image_there(tmp_path: Path, here: Path, fetch: str) -> None:
    place = Place(tmp_path, "ssh-docker", {"fetch": fetch}, data_host="cluster")
    offer("docker", here)
    place.tool("echo hello", dockerPull="busybox")
    told, said = place.said()
    assert said == "hello\n" and "saving busybox for the machines that run jobs" in told
    assert place.there == [".tar"]
