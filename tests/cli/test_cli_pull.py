"""`hyflow pull`, with the lab's Docker, and where nothing can be had."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import lab
import pytest
from commandline import Ended, Shell, until

BUSYBOX = "busybox:latest"


class Place(Shell):
    """A directory with documents and a deployment: the sites `here` and `box`, which use the same engine, and one that nobody reaches.
    The step `two` may run at both of the first, `none` at the last, and all others here."""

    def __init__(self, top: Path, container: dict[str, Any]) -> None:
        super().__init__(top, top / "home")
        self.sites = {
            "here": {"type": "local", "container": container},
            "box": {"type": "shell", "command": ["sh", "-c"], "workdir": f"{top}/box", "container": container},
            "idle": {"type": "shell", "command": ["false"], "workdir": "/x"},
        }

    def flow(self, under: str = "requirements", **steps: dict[str, Any] | None) -> None:
        """A workflow of steps that ask for these containers."""
        tool = {"class": "CommandLineTool", "baseCommand": "true", "inputs": {}, "outputs": {}}
        asking = {name: {**tool, **({under: {"DockerRequirement": asked}} if asked else {})} for name, asked in steps.items()}
        made = {name: {"run": one, "in": {}, "out": []} for name, one in asking.items()}
        self.write("flow.cwl", json.dumps({"cwlVersion": "v1.2", "class": "Workflow", "inputs": {}, "outputs": {}, "steps": made}))
        where = {"two": ["here", "box"], "none": "idle"}
        bind = [{"step": f"/{name}", "site": where.get(name, "here")} for name in steps]
        self.write("deploy.json", json.dumps({"version": 1, "sites": self.sites, "bind": bind}))

    def pull(self, *words: str) -> Ended:
        return self("hyflow", "pull", "flow.cwl", "deploy.json", *words)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, lab.engine_site("docker")["container"])


@pytest.fixture
def silent(tmp_path: Path) -> Place:
    return Place(tmp_path, {"runtime": "docker", "command": ["docker", "--host", f"unix://{tmp_path}/no.sock"]})


def docker(*words: str) -> str:
    command = [*lab.engine_site("docker")["container"]["command"], *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def digest(image: str) -> str:
    found = json.loads(docker("image", "inspect", image))[0]
    return str((found["RepoDigests"] or [found["Id"]])[0].rpartition("@")[2])


def test_images_are_brought_to_the_sites_of_their_steps(place: Place) -> None:
    place.flow(one={"dockerPull": BUSYBOX}, two={"dockerPull": BUSYBOX}, none=None)
    images = [{"image": BUSYBOX, "digest": digest(BUSYBOX), "error": None}]
    found = place.pull("--json").output
    engine = f"docker {docker('version', '--format={{.Server.Version}}').strip()}"
    assert found == [
        {"site": "box", "engine": engine, "images": [{**images[0], "steps": ["/two"]}], "error": None},
        {"site": "here", "engine": engine, "images": [{**images[0], "steps": ["/one", "/two"]}], "error": None},
    ]
    done = place("hyflow", "pull", "deploy.json", "flow.cwl", "--set", "bind.1.site=here")
    assert (done.status, done.stdout) == (0, f"here  ({engine})\n  {BUSYBOX}  {digest(BUSYBOX)}\n")
    assert not list(place.home.glob("runs/*"))


def test_what_cannot_be_had_is_told_with_its_steps_and_keeps_nothing_else(place: Place) -> None:
    place.flow(one={"dockerPull": "hyflow.invalid/no:1"}, two={"dockerPull": BUSYBOX}, three={"dockerPull": "hyflow.invalid/no:1"})
    done = place.pull("--set", "sites.here.container.pull=never")
    assert done.status == 1
    what = "the image hyflow.invalid/no:1 cannot be had at here: it is not there, and the deployment says `pull: never`"
    assert f"hyflow: /one, /three: {what}\n" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[1:] == [f"  {BUSYBOX}  {digest(BUSYBOX)}", lines[2], "  hyflow.invalid/no:1  FAILED", f"  {BUSYBOX}  {digest(BUSYBOX)}"]
    words = f"it fails in {place.top}"
    place.flow(two={"dockerImageId": "no", "dockerFile": f"FROM busybox:latest\nRUN echo {words}; false\n"})
    done = place.pull("--json", "--set", "bind.0.site=box")
    assert done.status == 1 and "box: building no\n" in done.stderr
    (site,) = json.loads(done.stdout)
    (image,) = site["images"]
    assert (image["digest"], image["steps"]) == (None, ["/two"])
    assert "returned a non-zero code: 1" in image["error"] and f"hyflow: /two: {image['error']}\n" in done.stderr
    assert words not in docker("ps", "--all", "--no-trunc")


def test_an_archive_is_loaded_and_does_not_stay(place: Place) -> None:
    docker("save", "--output", str(place.top / "image.tar"), BUSYBOX)
    place.flow(two={"dockerLoad": "image.tar"})
    done = place.pull()
    assert done.status == 0, done.stderr
    assert f"box: loading file://{place.top}/image.tar\n" in done.stderr and f"here: loading file://{place.top}/image.tar\n" in done.stderr
    assert done.stdout.count("  sha256:") == 2
    assert {path.name for path in (place.top / "box").iterdir()} == {".attempts"}


@pytest.mark.parametrize("under", ["requirements", "hints"])
def test_no_engine_works(silent: Place, under: str) -> None:
    silent.flow(under, one={"dockerPull": BUSYBOX}, two={"dockerPull": BUSYBOX})
    done = silent.pull()
    assert (done.status, done.stdout) == (33, f"box\n  {BUSYBOX}  FAILED\nhere\n  {BUSYBOX}  FAILED\n")
    for site, steps in (("here", "/one, /two"), ("box", "/two")):
        assert f"hyflow: {steps}: {BUSYBOX} was not brought to {site}: no container engine works at {site} (docker: " in done.stderr
    without = silent.pull("--container", "none")
    assert (without.status, without.stdout, without.stderr) == (0, "", "No site needs an image.\n")
    assert silent.pull("--container", "none", "--json").output == []


def test_a_site_that_cannot_be_reached(place: Place) -> None:
    place.flow(one={"dockerPull": BUSYBOX}, two={"dockerPull": BUSYBOX})
    done = place.pull("--set", "sites.box.command=[\"false\"]", "--json")
    assert done.status == 1
    box, here = json.loads(done.stdout)
    assert box["error"].startswith("the site's shell did not run") and box["images"][0]["digest"] is None
    assert here["images"][0]["digest"] == digest(BUSYBOX)
    assert f"hyflow: /two: {BUSYBOX} was not brought to box: the site's shell did not run" in done.stderr


def test_it_is_stopped_in_order(place: Place) -> None:
    naps = place.top.name.translate(str.maketrans("", "", "_-"))
    place.flow(two={"dockerImageId": "never", "dockerFile": f"FROM busybox:latest\nRUN sleep 600 # {naps}\n"})
    process = place.start("hyflow", "pull", "flow.cwl", "deploy.json")
    with process:
        until(lambda: naps in docker("ps", "--no-trunc"), 40)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, "") and stderr.endswith("hyflow: interrupted\n")
    until(lambda: naps not in docker("ps", "--no-trunc"))


def test_what_is_no_deployment_is_refused(silent: Place) -> None:
    silent.flow(one=None)
    silent.write("job.json", "{}")
    silent.write("other.json", '{"names": []}')
    silent("hyflow", "pull", "flow.cwl", "other.json").fails(2, "other.json: this is a job file, and hyflow pull takes a CWL document and")
    silent("hyflow", "pull", "flow.cwl", "--set", "a=b").fails(2, "--profile and --set change a deployment file, and there is none")
    assert silent.pull().status == 0
