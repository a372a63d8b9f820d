"""A command of hyflow's own as a job of a batch system: it finds what the site's prologue gives to every job."""

from __future__ import annotations

from hyflow.connector import Argv
from hyflow.shell.quoting import quote


def prepared(prologue: str, argv: Argv) -> Argv:
    """The command after the prologue, whose output is not the command's, and which reads nothing of the command's input."""
    if not prologue.strip():
        return argv
    failed = '{ echo "the site\'s prologue failed" >&2; exit 1; }'
    return ("sh", "-c", f"{{\n{prologue.rstrip()}\n}} </dev/null >&2 || {failed}\nexec {quote(argv)}\n")
