"""All that befell one job, with the wishes to run again that concern it, read from the journal."""

from __future__ import annotations

from collections.abc import Sequence

from hyflow.journal import Record, RunDir, read_job, read_milestones
from hyflow.model.events import Failed, Rerun
from hyflow.model.jobs import JobId


def befallen(run: RunDir, job: JobId) -> list[Record]:
    """In order; none when nothing was heard of the job. What was asked for before it was heard of is left out. Raises JournalError."""
    records = read_job(run.journal, job)
    if not records:
        return []
    reruns = [one for one in read_milestones(run.journal, Rerun) if one.seq > records[0].seq and _concerns(one, job, records)]
    return sorted([*records, *reruns], key=lambda record: record.seq)


def _concerns(record: Record, job: JobId, records: Sequence[Record]) -> bool:
    """Whether the job was of these steps, or had failed."""
    match record.event:
        case Rerun(steps=steps, failed=failed):
            return job.step in steps or (failed and _had_failed(records, record.seq))
        case _:
            return False


def _had_failed(records: Sequence[Record], before: int) -> bool:
    last = next((record.event for record in reversed(records) if record.seq < before), None)
    return isinstance(last, Failed) and last.again is None
