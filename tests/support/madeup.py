"""Runs made up by tests: real journals, with the events that a driver would write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from hyflow import plain
from hyflow.journal import Journal, Meta, RunDir, new_run
from hyflow.model.events import Demanded, Event, Failed, Finished, Running, Submitted, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import Request, Resources, Usage
from hyflow.model.workflow import Link, Program, Source, Step, Workflow


def step(name: str, *sources: str, scatter: tuple[str, ...] = (), process: str = "tool", computed: bool = False) -> Step:
    """A step that takes one input from each of the sources, which are steps beside it."""
    links = tuple(Link(source, (Source(source, "o"),)) for source in sources)
    return Step(name, process, "workflow" if process.startswith("#") else "command", links, ("o",), scatter, computed=computed)


def flow(name: str, *steps: Step) -> Workflow:
    return Workflow(name, (), (), {one.name: one for one in steps})


MAIN = flow("#main", step("split"), step("align", "split", scatter=("x",)), step("merge", "align"))
PROGRAM = Program("file:///wf.cwl", "#main", {"#main": MAIN}, {"tool": {"class": "CommandLineTool"}})
REQUEST = Request(Resources(1.0), Resources(1.0))
SPLIT, ONE, TWO = JobId("/split"), JobId("/align", (0,)), JobId("/align", (1,))


def key_of(job: JobId, attempt: int = 1) -> Key:
    name = "".join(char if char.isalnum() else "-" for char in str(job)).strip("-")
    return Key(name if attempt == 1 else f"{name}.{attempt}")


def tried(job: JobId, directory: Path, attempt: int = 1, *, at: float = 100.0, place: str = "laptop", anew: str = "") -> list[Event]:
    """An attempt up to where its command runs."""
    key = key_of(job, attempt)
    return [
        Submitting(job, key, place, str(directory / key), at, resources=REQUEST.least, anew=anew),
        Submitted(job, key, "t", at + 1),
        Running(job, key, at + 2, "vm"),
    ]


def life(job: JobId, directory: Path, *end: Event) -> list[Event]:
    return [Demanded(job, REQUEST, ("laptop",)), *tried(job, directory), *end]


def failed(
    job: JobId, stderr: str = "last words\n", *, kind: FailureClass = FailureClass.TOOL, again: float | None = None, attempt: int = 1
) -> Failed:
    return Failed(job, key_of(job, attempt), Failure(kind, "it ended with exit status 3", 3, stderr), 105.0, again)


def done(job: JobId, attempt: int = 1) -> Finished:
    return Finished(job, key_of(job, attempt), {"o": 1}, Usage(2.0), 104.0)


def meta(run: RunDir, program: Program = PROGRAM) -> Meta:
    return Meta(run.id, run.name, 1_700_000_000.0, "/x/wf\x1b[31m.cwl", ("run", "wf.cwl"), "/out", plain.dumps(program), b"")


def kept(events: Sequence[Event]) -> dict[Key, bytes]:
    """What a driver keeps of the attempts that it announces."""
    return {event.key: b"{}" for event in events if isinstance(event, Submitting)}


def made(home: Path, name: str | None, events: Sequence[Event], *, killed: bool = False, program: Program = PROGRAM) -> RunDir:
    """A run with these events whose driver has ended, or was killed."""
    run = new_run(home, name)

    async def write() -> None:
        journal = await Journal.create(run, meta(run, program)).__aenter__()
        await journal.append(events, kept(events))
        await journal.close(ended=not killed)

    asyncio.run(write())
    return run
