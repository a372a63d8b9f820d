"""Observer: whoever is told of a run while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hyflow.journal import Standing
from hyflow.model.events import Event
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program


class Observer(Protocol):
    """Told what happens, in order, from the event loop's thread. No method waits, and none raises."""

    def begin(self, program: Program, run: str) -> None:
        """The run with this id begins, or goes on. Called first, once."""

    def so_far(self, standing: Standing, since: float) -> None:
        """What befell a run that had begun before, `since` (seconds since the epoch). Called right after `begin`, at most once."""

    def event(self, event: Event) -> None:
        """This is in the journal now. Called for every event; thousands a second may come."""

    def stage(self, job: JobId, text: str) -> None:
        """Data for the job begins to move (`text` is "begin"), or all is there ("end")."""

    def warn(self, text: str) -> None:
        """Something that the user should know and that stops nothing."""

    def note(self, text: str) -> None:
        """Something that goes on and takes its time: an image is fetched."""

    def alarm(self, text: str) -> None:
        """Something that the user must know, whatever else they do not want to hear: it is for them to act."""

    def end(self, failures: Sequence[tuple[JobId, Failure]]) -> None:
        """The run has ended, with these jobs failed for good. Called last, once."""
