"""Observer: whoever is told of a run while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hyflow.model.events import Event
from hyflow.model.jobs import Failure, JobId
from hyflow.model.workflow import Program
from hyflow.report.sofar import SoFar


class Observer(Protocol):
    """Told what happens, in order, from the event loop's thread. No method waits, and none raises."""

    def begin(self, program: Program, run: str, so_far: SoFar | None = None) -> None:
        """The run with this id begins; or it goes on from what is known of it `so_far`. Called first, once."""

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
