"""What a batch looks like at a site: the members of its directory, and the script that its jobs run.

A batch's directory lies at WORKDIR/RUN/.batches/NAME: `job.sh`, `elements` (a line for each job: how many attempts at a time, and their
keys), `keys` (all), `submit` (the command that puts it into the queue), `prologue.sh`, `marks`, and the logs of jobs that had something to
say. job.sh tells what the marks are.
"""

from __future__ import annotations

import os
import posixpath
import re
import secrets
from pathlib import Path

from hyflow.batch.grouping import Batch
from hyflow.batch.system import BatchSystem, Order
from hyflow.shell.bundle import Member
from hyflow.shell.quoting import quote

BATCHES = ".batches"


def text(file: str) -> str:
    """A script of this package."""
    return Path(__file__).with_name(file).read_text()


def new_name(batch: Batch) -> str:
    """A name for the batch that nobody else's has: the end of the step's name, for those who look at the queue, and letters."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", batch.step.rpartition("/")[2])[:20].strip("-") or "hyflow"
    return f"{readable}-{secrets.token_hex(5)}"


def members(
    system: BatchSystem, batch: Batch, name: str, own: str, base: str, workdir: str, prologue: str, avoid: tuple[str, ...]
) -> list[Member]:
    """The directory `batch` of the stream that submit.sh reads. `own`: the directory of the run's batches."""
    place = posixpath.join(own, name)
    order = Order(name, len(batch.elements), batch.shape, posixpath.join(place, "job.sh"), workdir, avoid)
    files = {
        "keys": "".join(f"{key}\n" for key in batch.keys),
        "elements": "".join(f"{element.lanes} {' '.join(element.keys)}\n" for element in batch.elements),
        "submit": f"exec {quote(system.submission(order))}\n",
        "job.sh": script(system, place, base, batch.shape.processes is not None),
        **({"prologue.sh": f"{prologue.rstrip()}\n"} if prologue.strip() else {}),
    }
    written = [Member(f"batch/{file}", os.fsencode(said), mode=0o600) for file, said in files.items()]
    return [Member("batch"), Member("batch/marks"), *written]


def script(system: BatchSystem, place: str, base: str, mpi: bool) -> str:
    """The text of job.sh."""
    given = f"batch={quote([place])}\nbase={quote([base])}\nmpi={1 if mpi else ''}\nlooks=\n"
    return f"#!/bin/sh\n{given}{system.preamble()}\n{text('job.sh')}"
