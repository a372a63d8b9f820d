"""Files of images: which tool makes them, its words, and what it leaves of what was there; saved once, and loaded where they are not."""

from __future__ import annotations

import json
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boxes import engine, task
from lab import engine_site

from hyflow.containers.engine import Form, Ready, Step, archived
from hyflow.containers.making import Tool, Wanted, make, question, tools
from hyflow.model.containers import Image, ImageKind
from hyflow.model.tasks import Outcome

BUSYBOX, BUILT = Image("busybox"), Image("hyflow-built:1", ImageKind.BUILD, "FROM busybox\nRUN echo built >/made\n")
BY_DIGEST = Image("busybox@sha256:" + "0" * 64)
BOTH: tuple[Form, ...] = ("sif", "docker")
CLIENT = """#!/bin/sh
# Stands for docker. Its images are files that hold their ids, by name; a pull for another platform makes another one.
cd "${0%/*}" || exit 9
echo "$*" >>calls
for name; do :; done
case $1 in
image) cat "images/$name" ;;
pull) . ./pull; echo "pulled $2" >"images/$name" ;;
tag) cp "images/$2" "images/$3" 2>/dev/null || echo "$2" >"images/$3" ;;
rmi) rm "images/$name" ;;
save) cp "images/$name" "$3" ;;
esac
"""


class Client:
    """The stand-in in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "images").mkdir(parents=True)
        (home / "pull").write_text(":\n")
        (home / "docker").write_text(CLIENT)
        (home / "docker").chmod(0o755)

    def makes(self, wanted: Wanted) -> tuple[int, Path]:
        """The exit status, and where the file is if there is one."""
        (self.home / "made").mkdir()
        step, path = make("docker", wanted, str(self.home / "made"))
        return ran(Step((*step.argv[:-1], str(self.home / "docker")), step.feed)).returncode, Path(path)

    @property
    def images(self) -> dict[str, str]:
        return {path.name: path.read_text().strip() for path in (self.home / "images").iterdir()}

    @property
    def pulls(self) -> list[str]:
        return [line for line in (self.home / "calls").read_text().splitlines() if line.startswith("pull")]


def ran(step: Step) -> subprocess.CompletedProcess[str]:
    return subprocess.run(step.argv, input=step.feed, capture_output=True, text=True, timeout=120)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path / "client")


# -- which tool ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("image", "forms", "able"), [
    (BUSYBOX, BOTH, [("apptainer", "sif"), ("docker", "docker"), ("podman", "docker"), ("skopeo", "docker")]),
    (BUSYBOX, ("docker",), [("docker", "docker"), ("podman", "docker"), ("skopeo", "docker")]),
    (BUILT, BOTH, [("docker", "docker"), ("podman", "docker")]),
    (Image("library://ada/tool:1"), BOTH, [("apptainer", "sif")]),
    (Image("docker://busybox"), ("docker",), [("docker", "docker"), ("podman", "docker"), ("skopeo", "docker")]),
    (Image("", ImageKind.LOAD, "file:///i.tar"), BOTH, []),
])
def test_which_tools_can_make_it(image: Image, forms: tuple[Form, ...], able: list[tuple[Tool, Form]]) -> None:
    assert list(tools(Wanted(image, forms))) == able


@pytest.mark.parametrize(("tool", "wanted", "last", "path"), [
    ("apptainer", Wanted(BUSYBOX, BOTH), ["apptainer", "pull", "image.sif", "docker://busybox"], "/f/image.sif"),
    ("apptainer", Wanted(Image("library://a/b:1"), BOTH, "arm64"),
     ["pull", "--arch=arm64", "image.sif", "library://a/b:1"], "/f/image.sif"),
    ("skopeo", Wanted(BUSYBOX, BOTH, "arm64"),
     ["--override-arch=arm64", "docker://busybox", "docker-archive:image.tar:busybox"], "/f/image.tar"),
    ("skopeo", Wanted(BY_DIGEST, BOTH),
     [f"docker://{BY_DIGEST.name}", f"docker-archive:image.tar:{archived(BY_DIGEST.name)}"], "/f/image.tar"),
    ("docker", Wanted(BUSYBOX, BOTH), ["/f/image.tar", "busybox", "busybox", "", "missing", "docker"], "/f/image.tar"),
    ("podman", Wanted(Image("docker://b"), BOTH, "amd64", True), ["/f/image.tar", "b", "b", "linux/amd64", "always", "podman"],
     "/f/image.tar"),
    ("docker", Wanted(BUILT, BOTH), ["hyflow-built:1", "hyflow-built:1", "", "build", "docker"], "/f/image.tar"),
])
def test_the_words_of_each_tool(tool: Tool, wanted: Wanted, last: list[str], path: str) -> None:
    step, made = make(tool, wanted, "/f")
    assert (list(step.argv[-len(last):]), step.long, made) == (last, True, path)
    assert step.feed == (BUILT.source if wanted.image is BUILT else "")


def test_names_in_an_archive_have_no_digest() -> None:
    assert archived("docker://quay.io/a/b:1") == "quay.io/a/b:1"
    name = archived(BY_DIGEST.name)
    assert name.startswith("hyflow-sent:") and "@" not in name and name != archived(BY_DIGEST.name.replace("0", "1"))
    assert engine("docker").sent(BY_DIGEST) == Image(name) and engine("docker").sent(BUSYBOX) == BUSYBOX
    assert engine("apptainer").sent(BY_DIGEST) == BY_DIGEST


def test_an_image_that_is_a_file_at_the_site_cannot_be_sent() -> None:
    assert engine("apptainer").forms(Image("/images/mine.sif")) == ()
    assert (engine("apptainer").forms(BUSYBOX), engine("podman").forms(BUSYBOX)) == (BOTH, ("docker",))


def test_a_tool_that_is_not_there() -> None:
    answer = ran(Step(("env", "PATH=/nowhere", "/bin/sh", *question("skopeo")[1:])))
    assert (answer.returncode, answer.stderr) == (127, "it is not installed\n")


# -- docker and podman here ------------------------------------------------------------------------------------------------------------


def test_what_is_here_is_not_pulled_unless_it_is_asked_for(client: Client) -> None:
    (client.home / "images/busybox").write_text("mine")
    code, path = client.makes(Wanted(BUSYBOX, BOTH))
    assert (code, path.read_text(), client.pulls) == (0, "mine", [])
    path.unlink()
    path.parent.rmdir()
    code, path = client.makes(Wanted(BUSYBOX, BOTH, afresh=True))
    assert (code, client.pulls, client.images) == (0, ["pull busybox"], {"busybox": "pulled busybox"})


@pytest.mark.parametrize("mine", [{}, {"busybox": "mine"}])
def test_what_is_for_another_kind_of_machine_takes_no_name_here(client: Client, mine: dict[str, str]) -> None:
    for name, identifier in mine.items():
        (client.home / "images" / name).write_text(identifier)
    code, path = client.makes(Wanted(BUSYBOX, BOTH, "arm64"))
    assert (code, path.read_text(), client.pulls) == (0, "pulled --platform=linux/arm64\n", ["pull --platform=linux/arm64 busybox"])
    assert client.images == mine


def test_a_pull_that_fails_changes_nothing(client: Client) -> None:
    (client.home / "images/busybox").write_text("mine")
    (client.home / "pull").write_text("exit 3\n")
    code, path = client.makes(Wanted(BUSYBOX, BOTH, "arm64", afresh=True))
    assert (code, path.exists(), client.images) == (1, False, {"busybox": "mine"})


@pytest.mark.parametrize("image", [BUSYBOX, BUILT])
def test_docker_makes_an_archive(tmp_path: Path, image: Image) -> None:
    command = engine_site("docker")["container"]["command"]
    step, path = make("docker", Wanted(image, BOTH), str(tmp_path))
    done = ran(Step((*step.argv[:-1], *command), step.feed))
    assert done.returncode == 0, done.stderr
    with tarfile.open(path) as archive:
        manifest = json.load(archive.extractfile("manifest.json") or archive)
    assert [tag for each in manifest for tag in each["RepoTags"]] == [image.name if ":" in image.name else "busybox:latest"]


# -- saved for machines that run jobs --------------------------------------------------------------------------------------------------


def test_apptainers_files_are_seen_as_they_are() -> None:
    assert engine("apptainer").keep(Ready("/c/busybox.sif", "sha256:d")) is None


@pytest.mark.parametrize("target", ["docker", "podman"])
def test_what_is_saved_once_is_loaded_where_it_is_not(tmp_path: Path, target: Any) -> None:
    """The other machine is a name that is not there: the engine is the same, as two of them are not up."""
    command, cache = engine_site(target)["container"]["command"], tmp_path / "the cache"
    site = engine(target, command=command, cache=str(cache), network=None)
    found = site.found(ran(Step(site.look(BUSYBOX))).stdout)
    kept = site.keep(found)
    assert kept is not None
    step, there = kept
    assert (there.digest, there.archive.startswith(f"{cache}/"), there.reference.startswith("localhost/hyflow-kept:")) == (
        found.digest, True, True)
    for _ in range(2):
        done = ran(step)
        assert done.returncode == 0, done.stderr
    assert [path.name for path in cache.glob("[!.]*")] == [there.archive.rpartition("/")[2]]
    written = Path(there.archive).stat().st_mtime_ns
    ran(Step((*command, "rmi", there.reference)))
    for name in ("in", "out", "tmp"):
        (tmp_path / "a1" / name).mkdir(parents=True)
    asked = replace(task("cat"), dir=str(tmp_path / "a1"), stdin="/dev/null")
    done = subprocess.run(site.enter(asked, "run1", there).argv, input="read by cat", capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "read by cat"), done.stderr
    assert Path(there.archive).stat().st_mtime_ns == written
    assert [path.name for path in cache.glob(".part*")] == []
    assert ran(Step((*command, "rmi", there.reference))).returncode == 0


@pytest.mark.parametrize("target", ["docker", "podman"])
def test_one_that_cannot_be_loaded_is_the_engines_failure(tmp_path: Path, target: Any) -> None:
    site = engine(target, command=engine_site(target)["container"]["command"])
    entered = site.enter(task("true"), "run1", Ready("localhost/hyflow-kept:none", "sha256:d", archive=str(tmp_path / "gone.tar")))
    done = subprocess.run(entered.argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    failure = site.failure(Outcome(code=done.returncode, stderr=done.stderr))
    assert done.returncode == 125 and failure is not None and not failure.command
    assert "the image cannot be loaded on" in failure.what
