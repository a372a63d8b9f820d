"""What is made for the cases with containers, with a real Docker: the recorded command, an image's Python outside of it, cleaning up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import containers
import docker_here
import image_python
import lab
import pytest
from cases import BY_NAME, Family


@pytest.fixture(autouse=True)
def labs_docker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", lab.setting("DOCKER_HOST"))
    yield


def test_the_script_runs_what_hyflow_runs(tmp_path: Path) -> None:
    case = replace(BY_NAME["containers-10"], holds=2)
    containers.check([case])
    containers.prepare(tmp_path, [case])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "contained.cwl", "containers.cwl", "each.sh", "job.sh", "words-2.json", "words-2.txt",
    ]
    out = tmp_path / "out"
    out.mkdir()
    script = ("sh", str(tmp_path / "each.sh"), "--outdir", str(out), "containers.cwl", str(tmp_path / "words-2.json"))
    subprocess.run(script, check=True, capture_output=True)
    assert [(out / word / "out" / "said").read_text(encoding="ascii") for word in ("word0", "word1")] == ["word0\n", "word1\n"]
    assert containers.place(case).startswith("; Docker ")


def test_the_python_of_an_image_runs_without_a_container(tmp_path: Path) -> None:
    """That it is made of the same files `install` sees by itself."""
    containers.check([replace(BY_NAME["training-2000"], family=Family.TRAINING)])
    programs = tmp_path / "image" / "bin"
    image_python.install(containers.DIGITS, programs)
    question = "import os, sys; print(os.path.realpath(os.__file__), sys.flags.dont_write_bytecode)"
    said = docker_here.run((str(programs / "python3"), "-c", question))
    assert said.startswith(f"{tmp_path}/image/root/")
    assert said.endswith(" 1")
    assert "numpy" in image_python.versions(programs)


def test_what_was_given_up_is_removed_and_nothing_else(tmp_path: Path) -> None:
    rooms = [tmp_path / "room", tmp_path / "room2"]
    began = []
    for room in rooms:
        room.mkdir()
        mount = f"--mount=type=bind,source={room},target=/room"
        began.append(docker_here.asked(("run", "--detach", "--rm", "--network=none", mount, containers.IMAGE, "sleep", "60")))
    try:
        docker_here.sweep(rooms[0])
        left = docker_here.asked(("ps", "--quiet", "--no-trunc")).split()
        assert began[0] not in left
        assert began[1] in left
    finally:
        docker_here.sweep(rooms[1])


def test_without_docker_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setattr(docker_here, "LAB", tmp_path / "lab.env")
    with pytest.raises(docker_here.Unprepared, match=r"does not work here .*lab\.sh up docker"):
        containers.check([BY_NAME["containers-10"]])
    (tmp_path / "lab.env").write_text(f"A=b\nDOCKER_HOST={lab.setting('DOCKER_HOST')}\n", encoding="utf-8")
    containers.check([BY_NAME["containers-10"]])
    assert os.environ["DOCKER_HOST"] == lab.setting("DOCKER_HOST")
