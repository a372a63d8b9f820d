"""Why a command could not be started at all, from what its site said of it; and what its author can do."""

from __future__ import annotations

import re

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""The exit statuses that say so, of every shell and of `env`."""

_MODULE = re.compile(r"hyflow: (the module (\S+), for the software .+, cannot be loaded.*)")
_SAYS = re.compile(r"(?:hyflow|env): ")
_NEAR = re.compile(r"\(there is ([^()]+)\)$")
_MISSING = re.compile(r"not found|no such file|can't open|command not found", re.IGNORECASE)


def not_started(argv0: str, code: int | None, stderr: str) -> tuple[str, str] | None:
    """What is wrong with the command `argv0` and what to do; None where it was started. `stderr`: the last of what was said."""
    if code not in (NOT_FOUND, NOT_EXECUTABLE):
        return None
    last = stderr.rstrip("\n").rpartition("\n")[2]
    if not _SAYS.match(last):
        return _called(code, last)
    if code == NOT_EXECUTABLE:
        return f"the command {argv0!r} cannot be executed", _unfit(last)
    if "interpreter" in last:
        return f"the command {argv0!r} cannot be executed: its interpreter is not there", "Its first line (#!) names the interpreter."
    near = _NEAR.search(last)
    meant = f"Is {near[1]!r} meant? " if near else ""
    return f"the command {argv0!r} was not found", meant + _where_to_look(argv0)


def module_missing(code: int | None, stderr: str) -> tuple[str, str] | None:
    """What is wrong with an environment module that was to give the tool its software, and what to do; None where all were loaded."""
    found = _MODULE.fullmatch(stderr.rstrip("\n").rpartition("\n")[2]) if code == NOT_FOUND else None
    if found is None:
        return None
    return found[1], f"`module load {found[2]}` must work in a login there; `modules` of the site, in the deployment file, names it."


def _called(code: int, last: str) -> tuple[str, str] | None:
    """A shell that was started well, and something that it called in vain."""
    if code == NOT_FOUND and _MISSING.search(last):
        what = f"the command failed with exit status {code}: a program that it called was not found"
        return what, "It must be installed where the job runs, and on the PATH there."
    return None


def _where_to_look(name: str) -> str:
    if name.startswith("/"):
        return "There is no such file on the machine that the job runs on."
    if "/" in name:
        return (
            "A relative path leads from the job's own directory, which holds what InitialWorkDirRequirement puts there and nothing else; "
            "a program that comes with the document can be an input of type File."
        )
    return "It is looked for on the PATH of the machine that the job runs on: install it there, or let baseCommand say its whole path."


def _unfit(last: str) -> str:
    if "directory" in last.lower():
        return "It is a directory."
    if "another kind of machine" in last:
        return "It was built for another kind of machine or system."
    return "Its file must be a program or a script that whoever runs the job may execute (chmod +x)."
