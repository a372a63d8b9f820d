"""What becomes of attempts is told once, whatever goes wrong while it is looked for: marks and bundles of a real directory, a queue of the
test's own words."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from hyflow.batch import marks
from hyflow.batch.book import Book
from hyflow.batch.fates import Fates
from hyflow.batch.grouping import Durations
from hyflow.batch.marks import Seat
from hyflow.batch.queue import Queue
from hyflow.batch.system import Active, Entry, Waiting
from hyflow.batch.watching import Ward
from hyflow.connector import Lost, Queued, Running, Unknown
from hyflow.errors import SiteError
from hyflow.model.jobs import FailureClass, Key
from hyflow.shell.processes import OwnShell
from hyflow.shell.reach import Lines

A, C = Key("a"), Key("c")
CANCELLED = Lost("cancelled", FailureClass.CANCELLED)


class Asked:
    """As much of a batch system as watching needs. `texts`: what is asked, one after the other."""

    name = "Test"

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.said: list[Entry] = []

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        return self.texts.pop(0)

    def entries(self, answer: str) -> Sequence[Entry]:
        return self.said


class Place:
    """A site's directories with the attempts a and c, jobs 0 and 1 of one batch."""

    def __init__(self, top: Path, *texts: str) -> None:
        self.base, self.own = top / "base", top / "own"
        self.marks = self.own / "batch" / "marks"
        self.marks.mkdir(parents=True)
        for key in (A, C):
            (self.base / key).mkdir(parents=True)
        self.book = Book()
        for index, key in enumerate((A, C)):
            self.book.know(key, Seat("batch", index), "17")
        host = Lines(OwnShell(20))
        system: Any = Asked(*texts)
        self.queue = Queue(system, host)
        self.ward = Ward(host, str(self.base), str(self.own), self.book, self.queue, Fates(0.0), Durations(), lambda: None)

    @property
    def end(self) -> str:
        """A line for a shell that ends the attempt a as its runner would."""
        return f"printf 'cancelled 0 0 0 -\\n' >'{self.base}/a/exit' && : >'{self.marks}/e:a'"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_what_ended_is_told_and_its_marks_are_taken_away(place: Place) -> None:
    (place.base / "a/exit").write_text("cancelled 0 0 0 -\n")
    (place.marks / "e:a").touch()
    place.queue.asked = math.inf
    assert await place.ward.look([A, C], 0.0) == {A: CANCELLED, C: Queued()}
    assert await place.ward.look([C], 1.0) == {}
    assert list(place.marks.iterdir()) == [] and place.book.jobs == 1


async def test_a_queue_that_gives_no_answer_takes_nothing_from_what_the_marks_say(tmp_path: Path) -> None:
    place = Place(tmp_path, "exit 1")
    (place.base / "a/exit").write_text("cancelled 0 0 0 -\n")
    (place.marks / "e:a").touch()
    told = await place.ward.look([A, C], 0.0)
    assert told[A] == CANCELLED and isinstance(told[C], Queued | Unknown)


async def test_why_they_wait_is_told_as_the_queue_says_it_and_not_of_what_has_begun(tmp_path: Path) -> None:
    place = Place(tmp_path, ":", ":")
    system: Any = place.queue.system
    system.said[:] = [Entry("batch", "17", None, Waiting("Priority"))]
    (place.marks / "r:1700000000:a:n1").touch()
    assert await place.ward.look([A, C], 0.0) == {A: Running(1700000000.0, "n1"), C: Queued("Priority")}
    system.said[:] = [Entry("batch", "17", None, Active("n2"))]
    place.queue.asked = -math.inf
    assert (await place.ward.look([A, C], 1.0))[C] == Queued()


async def test_a_prologue_that_failed_says_why_for_each_of_its_jobs(place: Place) -> None:
    place.queue.asked = math.inf
    (place.own / "batch/log.0").write_bytes(b"there is no\0module\n\xff 'x' $(id)\n")
    for index in range(2):
        (place.marks / f"p:{index}").touch()
    why = {key: status.evidence for key, status in (await place.ward.look([A, C], 0.0)).items() if isinstance(status, Lost)}
    assert why[A] == "the site's prologue failed: there is no module \ufffd 'x' $(id)"
    assert why[C] == "the site's prologue failed: it said nothing"


async def test_what_ends_while_the_queue_is_asked_is_told_although_it_falls_silent_then(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.queue.system.texts[:] = [place.end, "exit 1"]  # type: ignore[attr-defined]  # the test's own
    assert (await place.ward.look([A, C], 0.0))[A] == CANCELLED


async def test_what_was_found_before_a_look_failed_is_told_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    place.queue.system.texts[:] = [place.end, ":", ":", ":"]  # type: ignore[attr-defined]  # the test's own
    with monkeypatch.context() as patch:
        patch.setattr(marks, "LOST", "exit 1")
        with pytest.raises(SiteError):
            await place.ward.look([A, C], 0.0)
    assert (await place.ward.look([C], 1.0))[A] == CANCELLED
