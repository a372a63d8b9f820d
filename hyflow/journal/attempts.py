"""The attempts of a run as its journal knows them: what was sent where, and what of it has an end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hyflow.journal.reading import read_events
from hyflow.model.events import Failed, Finished, Submitting
from hyflow.model.jobs import JobId, Key


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that may be, or have been, at `site`. `contained`: in a container. `finished`: its outputs are known; `failed`: that it
    has none is; neither: nobody has heard of its end."""

    job: JobId
    key: Key
    site: str
    contained: bool
    finished: bool = False
    failed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether nobody has heard of its end."""
        return not self.finished and not self.failed


def read_attempts(path: Path) -> list[Attempt]:
    """All of them, in the order of their submission. Raises JournalError."""
    attempts: dict[Key, Attempt] = {}
    for record in read_events(path, kinds=(Submitting, Finished, Failed)):
        match record.event:
            case Submitting(job=job, key=key, location=location, image=image):
                attempts[key] = Attempt(job, key, location.partition("/")[0], image is not None)
            case Finished(key=key) if key is not None and key in attempts:
                attempts[key] = replace(attempts[key], finished=True)
            case Failed(key=key) if key is not None and key in attempts:
                attempts[key] = replace(attempts[key], failed=True)
    return list(attempts.values())
