"""The processes of an MPI program, at sites that do not start them by themselves: a launcher's words before the command.

Pure. The launcher is `mpirun`, which every implementation of MPI has. It runs on the machine itself, and with it what enters the
container: each process has one of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hyflow.model.jobs import Failure, FailureClass
from hyflow.model.tasks import Outcome, Task
from hyflow.shell.quoting import quote

LAUNCHER = "mpirun"
_NOT_FOUND = 127
_MISSING = re.compile(rf"(hyflow|env): .*\b{LAUNCHER}\b")


def launched(task: Task) -> Task:
    """The task as a command of the launcher that starts all its processes; the task itself, where it is no MPI program."""
    if task.processes is None:
        return task
    # By an argument ":" a launcher tells several programs apart.
    command = ("sh", "-c", f"exec {quote(task.argv)}") if ":" in task.argv else task.argv
    return replace(task, argv=(LAUNCHER, "-n", str(task.processes), *command), processes=None)


def failure(task: Task, outcome: Outcome) -> Failure | None:
    """The failure of an attempt whose launcher is not there; None for any other. `task`: as it was before it was launched."""
    last = outcome.stderr.rstrip("\n").rpartition("\n")[2]
    if task.processes is None or outcome.code != _NOT_FOUND or not _MISSING.match(last):
        return None
    what = (
        f"{LAUNCHER} was not found, which is to start the {task.processes} processes of its command (MPIRequirement)\n"
        "  An implementation of MPI must be installed where the job runs, and be on the PATH there, if need be by an environment module."
    )
    return Failure(FailureClass.INFRASTRUCTURE, what, outcome.code, outcome.stderr, lasting=True)
