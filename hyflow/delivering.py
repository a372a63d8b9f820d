"""The last part of a run: its results are put where its user wants them, and what it leaves behind goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hyflow.engine.sites import Site
from hyflow.errors import HyflowError, JournalError
from hyflow.interruption import Interruption
from hyflow.journal import Journal, RunDir
from hyflow.model.actions import Conclude
from hyflow.model.events import Delivered, Stopping
from hyflow.model.places import HERE, Location
from hyflow.model.values import Value
from hyflow.report.observer import Observer
from hyflow.staging import deliver
from hyflow.staging.move import Mover
from hyflow.staging.tidy import tidy_here, tidy_own, tidy_site
from hyflow.staging.turns import turn

_TIDYING = 120.0
"""Seconds that a site may take to tidy up; the results are delivered by then."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """One run whose jobs are all done."""

    dir: RunDir
    outdir: Path
    journal: Journal
    observer: Observer
    interruption: Interruption

    async def deliver(self, end: Conclude, mover: Mover) -> Value | None:
        """The output object with its files in place; None when somebody stopped it before all of them were. Raises HyflowError."""
        if self.interruption.reason is not None:  # it came in the very turn in which the last job ended
            await self._undelivered(self.interruption.reason)
            return None
        this_machine = Location("", "", HERE, str(self.dir.path), {HERE: "/"})
        try:
            async with turn(self.outdir, lambda: self.observer.warn(f"waiting: another run delivers to {self.outdir}")):
                outputs = await deliver.Delivery(self.outdir, self.dir.path, mover, end.inputs).deliver(end.outputs, this_machine)
        except asyncio.CancelledError:
            if not self.interruption.caught() or self.interruption.reason is None:
                raise
            await self._undelivered(self.interruption.reason)
            return None
        await self._delivered(Delivered(outputs, time.time()))
        return outputs

    async def _undelivered(self, reason: str) -> None:
        """Every job is done, but not every result is where its user wants it."""
        self.interruption.heeded = True
        self.interruption.leave()
        event = Stopping(reason, time.time())
        await self.journal.append([event])
        self.observer.event(event)
        hint = f"hyflow resume {self.dir.id} delivers them"
        self.observer.alarm(f"not all results were delivered to {self.outdir}: the others are still below {self.dir.path}\n  {hint}")

    async def _delivered(self, event: Delivered) -> None:
        try:
            with self.interruption.held():
                await self.journal.append([event])
        except JournalError as error:
            what = f"the results are in {self.outdir}, but {error.what}"
            raise JournalError(what, where=error.where, hint=error.hint) from error
        self.observer.event(event)

    async def tidy(self, sites: Mapping[str, Site], places: Iterable[Location], keep: Collection[str]) -> None:
        """What a successful run leaves behind goes, but for the outputs of the attempts with these keys; a site that cannot be reached any
        more costs a warning, not the result."""
        for place in places:
            try:
                await asyncio.to_thread(tidy_own, self.dir.path)
                if HERE in place.mounts:
                    await asyncio.to_thread(tidy_here, place, self.dir.id, keep)
                async with asyncio.timeout(_TIDYING):
                    await sites[place.site].outage.outlasted(partial(self._tidy_there, sites[place.site], place, keep))
            except (HyflowError, OSError) as error:  # a TimeoutError is an OSError
                self.observer.warn(f"what the run left at {place} is still there: {_why(error)}")
            except asyncio.CancelledError:
                if not self.interruption.caught():
                    raise
                self.observer.warn(f"what the run left at {place} is still there: removing it was interrupted")
                return

    async def _tidy_there(self, site: Site, place: Location, keep: Collection[str]) -> None:
        await site.forget()
        if HERE not in place.mounts:
            await tidy_site(site.connector, place, self.dir.id, keep)


def _why(error: Exception) -> str:
    """In words: the operating system's own, without numbers."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or "the site gives no answer"
