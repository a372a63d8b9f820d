"""Tasks on their way into the queue, alone and as a batch, and how whoever waits for them hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hyflow.batch.grouping import Batch
from hyflow.batch.marks import Seat
from hyflow.connector import Refused
from hyflow.errors import SiteError, Unreachable
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow.shell.bundle import Member


@dataclass(slots=True)
class Waits:
    """A task on its way, its bundle, and what comes of it. `withdrawn`: nobody wants it any more."""

    task: Task
    members: list[Member]
    future: asyncio.Future[Seat | Refused]
    withdrawn: bool = False

    @property
    def size(self) -> int:
        return sum(len(member.data or b"") + 1024 for member in self.members)


@dataclass(slots=True)
class Placed:
    """A batch that the queue has, or may have."""

    name: str
    batch: Batch
    waits: list[Waits]

    @property
    def wanted(self) -> bool:
        """Whether anybody still wants something of it."""
        return any(not waits.withdrawn for waits in self.waits)

    def seats(self) -> dict[Key, Seat]:
        """Where each of its tasks is, or would be."""
        return {key: Seat(self.name, index) for index, element in enumerate(self.batch.elements) for key in element.keys}


def answered(waits: Waits, answer: Seat | Refused) -> None:
    if not waits.future.done():
        waits.future.set_result(answer)


def failed(waiting: Sequence[Waits], error: SiteError) -> None:
    for waits in waiting:
        if not waits.future.done():
            waits.future.set_exception(type(error)(error.what, hint=error.hint) if isinstance(error, Unreachable) else
                                       SiteError(error.what, transient=error.transient, hint=error.hint))
