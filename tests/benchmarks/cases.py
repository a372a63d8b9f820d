"""What is measured: each case by name, what it shows, its documents, and how to see that a runner has really done it."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import documents

PATIENCE = 240.0
"""Seconds after which a runner is given up."""


class Family(enum.Enum):
    """Who is compared in a case: hyflow and its peers without containers; the same and a shell script, each job in a container; hyflow
    with and without one."""

    PEERS = "peers"
    CONTAINERS = "containers"
    TRAINING = "training"


class Kind(enum.Enum):
    """Where the clock stops: when the command ends; with START when the first of many steps has run its command."""

    RUN = "run"
    HELP = "help"
    START = "start"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure. `jobs` commands are run; `holds` things must be in its output. `warm`: the input object of the run
    before the measured ones, which fills what a runner keeps. `smaller`: the case from which it is foreseen whether it takes too long."""

    name: str
    title: str
    about: str
    document: str = "echo.cwl"
    job: str = "one.json"
    warm: str = ""
    kind: Kind = Kind.RUN
    jobs: int = 1
    holds: int = 1
    smaller: str = ""
    quick: bool = False
    """Part of the quick run: hyflow and cwltool only, also in the full run, so that the two can be compared."""
    everyone: bool = True
    """All peers take part; else cwltool alone."""
    first: bool = False
    """hyflow is also measured with an empty HYFLOW_HOME."""
    family: Family = Family.PEERS
    rounds: int = 0
    """How many there are where one is compared with another round by round, however long they take; 0: as many as of others."""
    named: bool = False
    """Only run when it is asked for by its name: a small size, to see that all works."""


def scatter(count: int, smaller: str = "", quick: bool = False) -> Case:
    about = f"One scatter of {count:,} `echo`, each with a file of its own for its output."
    return Case(f"jobs-{count}", f"{count:,} jobs", about, "scatter.cwl", f"words-{count}.json", "words-2.json", jobs=count, holds=count,
                smaller=smaller, quick=quick, everyone=not quick)


def javascript(count: int, quick: bool = False) -> Case:
    about = "The same with `valueFrom: $(self.toUpperCase())` on the scattered input: one evaluation of JavaScript a job."
    return Case(f"javascript-{count}", f"{count:,} jobs with JavaScript", about, "javascript.cwl", f"words-{count}.json", "words-2.json",
                jobs=count, holds=count, quick=quick, everyone=not quick)


def chain(length: int, quick: bool = False) -> Case:
    about = f"{length} steps, each of which passes the file of the one before it through `cat`: nothing can run side by side."
    return Case(f"chain-{length}", f"A chain of {length} jobs", about, f"chain-{length}.cwl", "text.json", jobs=length,
                quick=quick, everyone=not quick)


def steps(count: int, quick: bool = False) -> Case:
    about = (f"A generated workflow of {count} steps over {documents.TOOLS} tools: seconds until the command of its first step runs. "
             "All the others hang on that one, which leaves the time and fails: nothing but loading, planning and starting is measured.")
    return Case(f"steps-{count}", f"{count} steps until the first one starts", about, f"steps-{count}.cwl", "stamp.json", kind=Kind.START,
                quick=quick, everyone=not quick, first=True)


def make(count: int, quick: bool = False) -> Case:
    about = f"One tool that makes a directory of {count:,} files as its output (the tool itself takes a small part of the time)."
    return Case(f"make-{count}", f"A directory of {count:,} files as output", about, "make.cwl", f"count-{count}.json", "count-1.json",
                holds=count, quick=quick, everyone=not quick)


def take(count: int, quick: bool = False) -> Case:
    about = f"One tool that takes a directory of {count:,} files as its input and reads them all."
    return Case(f"take-{count}", f"A directory of {count:,} files as input", about, "take.cwl", f"many-{count}.json", "many-1.json",
                holds=count, quick=quick, everyone=not quick)


def containers(count: int, rounds: int, named: bool = False) -> Case:
    about = (f"One scatter of {count} `echo`, each in a container of its own. The script is nothing but `docker run` with the very command "
             "line that hyflow was seen to run, as many at once. StreamFlow starts one container for the step and runs all jobs in that.")
    return Case(f"containers-{count}", f"{count} containers", about, "containers.cwl", f"words-{count}.json", "words-2.json", holds=count,
                family=Family.CONTAINERS, rounds=rounds, named=named)


def training(images: int, rounds: int, named: bool = False) -> Case:
    about = f"The training step of the demo (`workflows/digits`) with {images:,} images: those of its data set, again and again."
    return Case(f"training-{images}", f"Training with {images:,} images", about, f"training-{images}.cwl", f"images-{images}.json",
                "images-500.json", family=Family.TRAINING, rounds=rounds, named=named)


CASES = (
    Case("one", "One tool", "One `echo`, from start to finish.", quick=True, first=True),
    Case("help", "`--help`", "Nothing but starting.", kind=Kind.HELP, quick=True),
    chain(10, quick=True), chain(50),
    scatter(200, quick=True), scatter(1000), scatter(10_000, smaller="jobs-1000"), scatter(100_000, smaller="jobs-10000"),
    javascript(200, quick=True), javascript(1000),
    steps(100, quick=True), steps(500),
    make(1000, quick=True), make(10_000), take(1000, quick=True), take(10_000),
    containers(10, 3, named=True), containers(200, 7), training(2000, 3, named=True), training(18_000, 5),
)
BY_NAME = {case.name: case for case in CASES}


def prepare(room: Path, chosen: tuple[Case, ...]) -> None:
    """Write what the chosen cases run into `room`."""
    jobs = {case.jobs for case in chosen if case.document in ("scatter.cwl", "javascript.cwl")} | {2}
    chains = {case.jobs for case in chosen if case.document.startswith("chain-")}
    many = {int(case.name.partition("-")[2]) for case in chosen if case.kind is Kind.START}
    files = {case.holds for case in chosen if case.document in ("make.cwl", "take.cwl")} | {1}
    for name, text in documents.texts(jobs, chains, many, files, room / "stamp").items():
        (room / name).write_text(text, encoding="utf-8")
    for count in {case.holds for case in chosen if case.document == "take.cwl"} | {1}:
        documents.fill(room / f"many-{count}", count)


def held(outputs: dict[str, Any]) -> int:
    """How many things the one output of a run holds: files of an array, entries of a directory, or the number that a file says."""
    (value,) = outputs.values()
    if isinstance(value, list):
        return len(value)
    path = str(value.get("path") or value["location"].removeprefix("file://"))
    if value["class"] == "Directory":
        return len(os.listdir(path))
    said = Path(path).read_bytes().strip()
    return int(said) if said.isdigit() else 1
