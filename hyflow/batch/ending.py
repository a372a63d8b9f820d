"""Attempts that are to end, or that were submitted before this process began. Knows marks and the queue, and asks both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping

from hyflow.batch import marks
from hyflow.batch.book import Book
from hyflow.batch.fates import ends
from hyflow.batch.layout import text
from hyflow.batch.listing import by_id
from hyflow.batch.marks import Seat
from hyflow.batch.queue import Queue, standings
from hyflow.batch.submitting import read
from hyflow.batch.system import Accepted, Unclear
from hyflow.connector import Lost
from hyflow.model.jobs import FailureClass, Key
from hyflow.shell.trips import Opens, ask, trip

TIDY = text("tidy.sh")
PAUSE = 0.5
"""Seconds between two looks at whether what is to end has ended."""
ASKED = 5.0
"""Seconds after which the queue is asked about that, and again."""
ANSWERING = 100.0
"""Seconds that a submission may still take which was under way when its hyflow died."""


async def found(host: Opens, queue: Queue, base: str, own: str, keys: Collection[Key]) -> tuple[dict[Key, Seat], dict[str, str]]:
    """Where these attempts were put by whoever submitted them, and what the queue calls these batches. A batch of which the queue knows
    nothing, and whose submission was cut off, is none: should it come to light later, no command starts twice. Raises SiteError."""
    began, pause = time.monotonic(), PAUSE
    while True:
        seats, answers = await marks.find(host, base, own, keys)
        read_answers = {batch: read(queue, said) if said else Unclear("it was cut off") for batch, said in answers.items()}
        ids = {batch: answer.id for batch, answer in read_answers.items() if isinstance(answer, Accepted)}
        unclear = [batch for batch, answer in read_answers.items() if isinstance(answer, Unclear)]
        if unclear:
            ids |= {entry.name: entry.id for entry in await queue.entries(unclear)}
        if all(batch in ids for batch in unclear if not answers[batch]) or time.monotonic() - began > ANSWERING:
            return {key: seat for key, seat in seats.items() if seat.batch in ids}, ids
        await asyncio.sleep(pause)
        pause = min(pause * 2, ASKED)


async def cancel(
    host: Opens, queue: Queue, base: str, own: str, book: Book, keys: Collection[Key], spared: Collection[str] = ()
) -> None:
    """End the attempts, wherever they are; returns when it is done. `spared`: batches that have others, whatever the book says. Raises
    SiteError."""
    to_end = await marks.cancel(host, base, own, keys)
    if not (to_end.whole or to_end.part):
        return
    needed = {*spared, *still_needed(book, to_end.whole), *(seat.batch for seat in to_end.part)}
    names = sorted({seat.batch for seat in to_end.whole} - needed)
    lines = [queue.system.cancel(known(book, to_end.whole), names), queue.system.nudge(known(book, to_end.part))]
    await ask(host, "\n".join(lines), what=f"ending jobs of {queue.system.name}")
    await _until_ended(host, queue, base, own, book, set(to_end.running))


def still_needed(book: Book, whole: Collection[Seat]) -> set[str]:
    """Batches that have other jobs than these."""
    return {seat.batch for seat in book.open.keys() - set(whole)}


def known(book: Book, seats: Collection[Seat]) -> dict[str, set[int]]:
    """The jobs by the id of their batch, as far as it is known."""
    return by_id((id, seat.index) for seat in seats if (id := book.ids.get(seat.batch)))


async def _until_ended(host: Opens, queue: Queue, base: str, own: str, book: Book, running: set[Key]) -> None:
    """Wait until nothing of them runs; what the queue ended without a word is written off."""
    asked = time.monotonic()
    while running:
        await asyncio.sleep(PAUSE)
        seen = await marks.look(host, base, own, (), (), running)
        running -= seen.ended.keys() | seen.gone
        if running and time.monotonic() - asked > ASKED:
            asked = time.monotonic()
            seats = {key: seen.seats.get(key) or book.seats[key] for key in running if key in seen.seats or key in book.seats}
            over = await _over(queue, seats)
            gone = {key for key in running if key in over or key not in seats}
            await marks.write_off(host, base, dict.fromkeys(gone, Lost("cancelled", FailureClass.CANCELLED)))


async def _over(queue: Queue, seats: Mapping[Key, Seat]) -> set[Key]:
    states = standings(await queue.entries(sorted({seat.batch for seat in seats.values()})), set(seats.values()))
    return {key for key, seat in seats.items() if ends(states[seat])}


async def tidy(host: Opens, base: str, own: str) -> None:
    """Remove what is kept of batches that nobody will ask for any more. Raises SiteError."""
    await trip(host, ("sh", "-c", TIDY, "sh", base, own), what="removing what batches left", long=True)
