"""Every error class of hyflow, on one screen.

An error says who acts: the author of the workflow, the user who wrote the deployment or job file,
whoever runs a site, or (for a failed job) the command itself. Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a user's file: `file` as the user wrote it, `line` and `column` from 1, 0 when not known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


class HyflowError(Exception):
    """A mistake or a mishap that is told in one message: what is wrong, where, and what to do.

    Where several are found at once, `problems` holds them all, in the order of the file, and the message tells each with its place.
    """

    exit_status = 1

    def __init__(self, what: str | Sequence[HyflowError], *, where: Where | str | None = None, hint: str | None = None) -> None:
        self.problems = () if isinstance(what, str) else tuple(what)
        self.what = what if isinstance(what, str) else "\n".join(map(str, what))
        self.where, self.hint = where, hint
        super().__init__(self.what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n  {self.hint}" if self.hint else "")


class UsageError(HyflowError):
    """The command line cannot be obeyed as it stands."""

    exit_status = 2


class WorkflowError(HyflowError):
    """The workflow's author acts: the document is wrong, or an expression in it failed."""


class UnsupportedRequirement(WorkflowError):
    """The document asks under `requirements` for something that cannot be given here."""

    exit_status = 33


class InputError(HyflowError):
    """The user acts: the input object does not fit the workflow."""


class DeploymentError(HyflowError):
    """The user acts: the deployment file is wrong."""


class SiteError(HyflowError):
    """A site failed. `transient`: trying again may help (a lost connection), as opposed to a refusal."""

    def __init__(self, what: str, *, transient: bool, where: str | None = None, hint: str | None = None) -> None:
        self.transient = transient
        super().__init__(what, where=where, hint=hint)


class Unreachable(SiteError):
    """The way to a site is broken. Nothing is known to be wrong with what was asked, which may have been done or not."""

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        super().__init__(what, transient=True, hint=hint)


class ImageError(SiteError):
    """A container image cannot be had at a site."""


class JournalError(HyflowError):
    """The run's own record cannot be written or read: the disk is full, or another process drives the run."""


class JobFailed(HyflowError):
    """One or more jobs failed for good; the message of each was shown when it happened."""


class Interrupted(HyflowError):
    """Somebody asked for the end, by Ctrl-C or another signal, and all that was begun has been ended."""

    exit_status = 130

    def __init__(self) -> None:
        super().__init__("interrupted")
