"""What the cases with containers run: their documents, the shell script that stands beside hyflow, and the images they need.

The script has hyflow's own command line: hyflow is run once with a client that writes down what it is asked, and of that nothing is
changed but the name of the attempt, its directory and the word that it says.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import docker_here
import image_python
from cases import Case, Family
from documents import ECHO, SCATTER
from runners import CONTAINED, IMAGE_PROGRAMS, ROOT

IMAGE, DIGITS = "alpine", "localhost/hyflow-digits:1"
WORKFLOW = ROOT / "workflows" / "digits"
WARM = 500
"""Images of the run before those that count."""
MIB = 1024 * 1024

RECORDER = """#!/bin/sh
# Docker's client, which also writes down how a container is run.
[ "$1" != run ] || printf '%s\\0' "$@" >"$HYFLOW_BENCH_RECORD"
exec docker "$@"
"""
EACH = """#!/bin/sh
# What hyflow is measured beside: each.sh --outdir DIRECTORY DOCUMENT JOB. The words lie beside the job, a line each.
xargs -P AT_ONCE -n 1 sh "${0%each.sh}job.sh" "$2" <"${4%.json}.txt" || exit 1
cat "$2"/*/out/said | wc -l >"$2/count"
printf '{"said": {"class": "File", "path": "%s"}}' "$2/count"
"""
JOB = """#!/bin/sh
# One container: job.sh DIRECTORY WORD. The directories are those that hyflow makes for a job.
at=$1/$2
mkdir -p "$at/in" "$at/out" "$at/tmp"
exec docker COMMAND >"$at/out/said" 2>"$at/stderr"
"""
TRAIN = """cwlVersion: v1.2
class: Workflow
inputs: {{training: File}}
outputs: {{model: {{type: File, outputSource: train/model}}}}
steps:
  train:
    run: {tool}
    requirements: {{ResourceRequirement: {{coresMin: {cores}, ramMin: {memory}}}}}
    in: {{training: training}}
    out: [model]
"""


def check(chosen: Sequence[Case]) -> None:
    """See that there is a Docker and the images that these cases need; all runners use that Docker. Raises docker_here.Unprepared."""
    families = {case.family for case in chosen}
    if families == {Family.PEERS}:
        return
    docker_here.choose()
    if Family.CONTAINERS in families:
        _have(IMAGE, f"docker pull {IMAGE}")
    if Family.TRAINING in families:
        _have(DIGITS, f"docker build --tag {DIGITS} workflows/digits")


def prepare(room: Path, chosen: Sequence[Case]) -> None:
    """Write what these cases, which were checked, run into `room`. Raises docker_here.Unprepared."""
    if counts := {case.holds for case in chosen if case.family is Family.CONTAINERS}:
        _scatter(room, {2, *counts})
    if cases := [case for case in chosen if case.family is Family.TRAINING]:
        image_python.install(DIGITS, IMAGE_PROGRAMS)
        for case in cases:
            _training(room, case)


@contextlib.contextmanager
def ended(room: Path, case: Case) -> Iterator[None]:
    """No container of this case is left when its rounds are over, or were interrupted."""
    try:
        yield
    finally:
        if case.family is not Family.PEERS:
            docker_here.sweep(room)


def place(case: Case) -> str:
    """What the figures of this case depend on besides, in words."""
    match case.family:
        case Family.PEERS:
            return ""
        case Family.CONTAINERS:
            return f"; {docker_here.choose()}"
        case Family.TRAINING:
            return f"; {docker_here.choose()}, the {image_python.versions(IMAGE_PROGRAMS)} of the image in the container and without it"


def cores() -> int:
    """As many as this process may use; hyflow runs as many jobs of one core at once."""
    return len(os.sched_getaffinity(0))


def _have(image: str, how: str) -> None:
    try:
        docker_here.asked(("image", "inspect", "--format", "{{.Id}}", image))
    except docker_here.Unprepared as error:
        raise docker_here.Unprepared(f"the image {image} is not there: {how}") from error


def _scatter(room: Path, counts: set[int]) -> None:
    tool = ECHO.replace("inputs:", f"requirements: {{DockerRequirement: {{dockerPull: {IMAGE}}}}}\ninputs:")
    (room / "contained.cwl").write_text(tool, encoding="utf-8")
    (room / "containers.cwl").write_text(SCATTER.replace("WORD", "words").replace("echo.cwl", "contained.cwl"), encoding="utf-8")
    for count in counts:
        words = [f"word{number}" for number in range(count)]
        (room / f"words-{count}.json").write_text(json.dumps({"words": words}), encoding="utf-8")
        (room / f"words-{count}.txt").write_text("\n".join([*words, ""]), encoding="utf-8")
    (room / "each.sh").write_text(EACH.replace("AT_ONCE", str(cores())), encoding="utf-8")
    (room / "job.sh").write_text(JOB.replace("COMMAND", words_of(recorded(room))), encoding="utf-8")


def recorded(room: Path) -> list[str]:
    """How hyflow runs a container: the words after the client's name, for a job that says "hello"."""
    own = room / "recording"
    own.mkdir()
    client, record = own / "client", own / "record"
    client.write_text(RECORDER, encoding="utf-8")
    client.chmod(0o755)
    site = {"type": "local", "container": {"runtime": "docker", "command": [str(client)]}}
    (own / "deploy.yml").write_text(json.dumps({"version": 1, "sites": {"here": site}}), encoding="utf-8")
    (own / "hello.json").write_text(json.dumps({"word": "hello"}), encoding="utf-8")
    argv = (str(CONTAINED[0].bin / "hyflow"), "run", "--quiet", "--outdir", str(own / "out"), str(room / "contained.cwl"),
            str(own / "deploy.yml"), str(own / "hello.json"))
    docker_here.run(argv, HYFLOW_HOME=str(own / "home"), HYFLOW_BENCH_RECORD=str(record))
    said = record.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
    shutil.rmtree(own)
    return said


def words_of(command: Sequence[str]) -> str:
    """The recorded command as words of a shell script, for the attempt in "$at" that says "$2". Raises ValueError when it is not one."""
    options = dict(word.partition("=")[::2] for word in command if word.startswith("--"))
    directory, key = options.get("--cidfile", "").rpartition("/")[0], options.get("--name", "").removeprefix("hyflow-")
    if not directory or not key or command[-1] != "hello":
        raise ValueError(f"not the command of a container that hyflow runs: {command}")
    inner, outer = _escaped(directory), _escaped(key)
    changed = (f"'{_escaped(word)}'".replace(inner, "'\"$at\"'").replace(outer, "'\"$2\"'") for word in command[:-1])
    return " ".join([*changed, '"$2"'])


def _escaped(word: str) -> str:
    """As it stands between single quotes."""
    return word.replace("'", "'\\''")


def _training(room: Path, case: Case) -> None:
    """The training step as a workflow of its own, with all cores and the memory for so many images, which are in a table like train.csv.
    (What a tool asks for is what its container may use; without one it may use all there is.)"""
    count = int(case.name.partition("-")[2])
    text = TRAIN.format(tool=WORKFLOW / "tools" / "train.cwl", cores=cores(), memory=512 + 30 * count * count // MIB)
    (room / case.document).write_text(text, encoding="utf-8")
    images = (WORKFLOW / "data" / "digits.csv").read_text(encoding="ascii").split()
    for some in (count, WARM):
        lines = (f"{number},{image}\n" for number, image in enumerate(itertools.islice(itertools.cycle(images), some)))
        (room / f"images-{some}.csv").write_text("".join(lines), encoding="ascii")
        table = {"class": "File", "location": f"images-{some}.csv", "format": "https://www.iana.org/assignments/media-types/text/csv"}
        (room / f"images-{some}.json").write_text(json.dumps({"training": table}), encoding="utf-8")
