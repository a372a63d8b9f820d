"""The run's own record: append-only events in one SQLite file a run, and the directories that runs live in.

Knows events and disks. Does not know what events mean to the engine, nor how people are told of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyflow.journal.attempts import Attempt, read_attempts
from hyflow.journal.lock import Owner, holder
from hyflow.journal.reading import (
    OpenAttempt,
    Record,
    Standing,
    count_open,
    has_begun,
    read_awaiting,
    read_events,
    read_examples,
    read_header,
    read_job,
    read_jobs,
    read_meta,
    read_milestones,
    read_open,
    read_record,
    read_session,
    read_standing,
    read_tallies,
    read_undone,
)
from hyflow.journal.runs import RunDir, find_run, list_runs, new_run
from hyflow.journal.store import Header, Meta, Session, Unmade
from hyflow.journal.tally import Phase, StepTally, Tally

if TYPE_CHECKING:
    from hyflow.journal.writer import Journal

__all__ = [
    "Attempt",
    "Header",
    "Journal",
    "Meta",
    "OpenAttempt",
    "Owner",
    "Phase",
    "Record",
    "RunDir",
    "Session",
    "Standing",
    "StepTally",
    "Tally",
    "Unmade",
    "count_open",
    "find_run",
    "has_begun",
    "holder",
    "list_runs",
    "new_run",
    "read_attempts",
    "read_awaiting",
    "read_events",
    "read_examples",
    "read_header",
    "read_job",
    "read_jobs",
    "read_meta",
    "read_milestones",
    "read_open",
    "read_record",
    "read_session",
    "read_standing",
    "read_tallies",
    "read_undone",
]


def __getattr__(name: str) -> type[Journal]:
    """Who only reads does not wait for what writing needs (asyncio) to be imported."""
    if name == "Journal":
        from hyflow.journal.writer import Journal

        return Journal
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
