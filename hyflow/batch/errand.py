"""A command of hyflow's own as a job of a batch system: it finds what the site's prologue gives to jobs, and ends with who waits for it."""

from __future__ import annotations

from hyflow.batch.layout import text
from hyflow.batch.system import BatchSystem
from hyflow.connector import Argv
from hyflow.shell.quoting import quote

TIED = text("errand.sh")


def errand(system: BatchSystem, prologue: str, argv: Argv) -> Argv | None:
    """The command that runs this one so, attached; None where the batch system has nothing of the kind."""
    job = system.errand(prepared(prologue, argv))
    return None if job is None else ("sh", "-c", TIED, "sh", *job)


def prepared(prologue: str, argv: Argv) -> Argv:
    """The command after the prologue, whose output is not the command's, and which reads nothing of the command's input."""
    if not prologue.strip():
        return argv
    failed = '{ echo "the site\'s prologue failed" >&2; exit 1; }'
    return ("sh", "-c", f"{{\n{prologue.rstrip()}\n}} </dev/null >&2 || {failed}\nexec {quote(argv)}\n")
