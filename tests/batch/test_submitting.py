"""Putting tasks into a queue that is full, refuses, gives no clear answer, or cannot be reached: with a batch system of the test's own,
whose command really runs in this machine's shell."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest

from hyflow.batch import submitting
from hyflow.batch.grouping import Batch, Durations
from hyflow.batch.marks import Seat
from hyflow.batch.placed import Waits
from hyflow.batch.queue import Queue
from hyflow.batch.settings import BatchSettings, Submit
from hyflow.batch.submitting import Submitter
from hyflow.batch.system import Accepted, Answer, BatchSystem, Entry, Full, Limits, Order, Rejected, Unclear, Waiting
from hyflow.connector import Argv, Pipe, Refused
from hyflow.errors import SiteError, Unreachable
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow.shell.bundle import bundle
from hyflow.shell.processes import OwnShell
from hyflow.shell.quoting import quote

COMMAND = """
cd "$1" || exit 9
echo "$2 $3" >>calls
read -r first <answers || first=accept
sed -i 1d answers
case $first in
accept) echo "id-$2" ;;
lost) echo "id-$2" >"listed.$2"; exit 3 ;;
full) exit 1 ;;
reject) exit 2 ;;
unclear) exit 3 ;;
esac
"""


class Words:
    """Of a batch system that answers as the file `answers` says, a line for each submission; it accepts what comes after the last."""

    name, queue_option = "Quux", "queue"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def submission(self, order: Order) -> Argv:
        return ["sh", "-c", COMMAND, "sh", str(self.folder), order.name, str(order.elements)]

    def accepted(self, code: int, output: str, said: str) -> Answer:
        return {0: Accepted(output), 1: Full("no more"), 2: Rejected("never"), 3: Unclear("who knows")}.get(code) or Unclear(said)

    def preamble(self) -> str:
        return "index=0 node=here job=1\n"

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        return f"cd {quote([str(self.folder)])} && for name in {quote(names)}; do [ ! -e \"listed.$name\" ] || echo \"$name\"; done"

    def entries(self, answer: str) -> Sequence[Entry]:
        return [Entry(name, f"id-{name}", None, Waiting()) for name in answer.splitlines()]

    def limits(self) -> str:
        return "exit 0"

    def understood(self, answer: str) -> Limits:
        return Limits()


class Here:
    """This machine's shell; `down`: nobody can reach it."""

    down = False

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        if self.down:
            raise Unreachable("there is no way")
        return OwnShell(30.0).open(quote(argv))


class House:
    """A submitter at work. `batches`: what was accepted, by name; `used` is how many jobs are said to be in the queue."""

    def __init__(self, folder: Path, submit: Submit) -> None:
        self.folder, self.host, self.used = folder, Here(), 0
        self.batches: dict[str, Batch] = {}
        for name in ("base", "own"):
            (folder / name).mkdir()
        self.answers()
        base, own, there = (str(folder / name) for name in ("base", "own", ""))
        system = cast(BatchSystem, Words(folder))  # as much of one as is asked for here
        self.submitter = Submitter(
            self.host, Queue(system, self.host), BatchSettings(submit=submit), Limits(), base, own, there,
            used=lambda: self.used, idle=lambda: 0, avoided=lambda: (), accepted=self._accepted, durations=Durations(),
        )  # fmt: skip

    def _accepted(self, name: str, batch: Batch, id: str) -> None:
        assert id == f"id-{name}"
        self.batches[name] = batch

    def answers(self, *words: str) -> None:
        (self.folder / "answers").write_text("".join(f"{word}\n" for word in words))

    @property
    def calls(self) -> list[int]:
        """How many elements each submission had."""
        return [int(line.split()[1]) for line in (self.folder / "calls").read_text().splitlines()]

    def add(self, *numbers: int, **how: Any) -> list[Waits]:
        made = []
        for number in numbers:
            task = Task(key=Key(f"k-{number}"), label=f"/s[{number}]", argv=("true",), environment={}, dir=str(self.folder), **how)
            made.append(Waits(task, bundle(task), asyncio.get_running_loop().create_future()))
        for waits in made:
            self.submitter.add(waits)
        return made

    async def told(self, waiting: Sequence[Waits]) -> list[Seat | Refused]:
        async with asyncio.timeout(30):
            return [await waits.future for waits in waiting]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    for name in ("GATHER", "FULL", "UNCLEAR"):
        monkeypatch.setattr(submitting, name, 0.05)
    monkeypatch.setattr(submitting, "QUIET", 0.01)
    made = House(tmp_path, Submit(rate="100/s", max_jobs=8))
    made.submitter._pause = 0.05
    work = asyncio.create_task(made.submitter.run())
    yield made
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def test_alike_tasks_are_one_batch_and_have_their_places(house: House) -> None:
    told = await house.told(house.add(*range(5)))
    (name,) = house.batches
    assert told == [Seat(name, number) for number in range(5)] and house.calls == [5]
    assert (house.folder / "own" / name / "keys").read_text() == "".join(f"k-{number}\n" for number in range(5))


async def test_no_more_than_there_is_room_for(house: House) -> None:
    assert all(isinstance(answer, Seat) for answer in await house.told(house.add(*range(20)))) and house.calls == [8, 8, 4]


async def test_other_tasks_are_another_batch(house: House) -> None:
    await house.told([*house.add(0, 1), *house.add(2, time_limit=7200.0), *house.add(3)])
    assert house.calls == [3, 1]


async def test_a_full_queue_is_asked_again_with_less(house: House) -> None:
    house.used = 1
    house.answers("full", "full")
    told = await house.told(house.add(*range(7)))
    assert all(isinstance(answer, Seat) for answer in told) and house.calls[:3] == [7, 3, 1] and sum(house.calls[2:]) == 7


async def test_what_the_queue_will_never_take_is_refused_in_its_words(house: House) -> None:
    house.answers("reject")
    assert await house.told(house.add(0, 1)) == [Refused("Quux does not take it: never")] * 2
    assert isinstance((await house.told(house.add(2)))[0], Seat)


async def test_an_answer_that_was_lost_is_found_by_the_batch_s_name(house: House) -> None:
    house.answers("lost")
    (seat,) = await house.told(house.add(0))
    assert isinstance(seat, Seat) and seat.batch in house.batches and house.calls == [1]


async def test_what_the_queue_has_denied_twice_is_submitted_under_another_name(house: House) -> None:
    house.answers("unclear")
    (seat,) = await house.told(house.add(0))
    names = [line.split()[0] for line in (house.folder / "calls").read_text().splitlines()]
    assert isinstance(seat, Seat) and len(set(names)) == 2 and seat.batch == names[1]


async def test_who_cannot_be_reached_is_tried_again_by_whoever_waits_and_nothing_is_submitted_twice(house: House) -> None:
    house.host.down = True
    (waits,) = house.add(0)
    with pytest.raises(Unreachable, match="no way"):
        await house.told([waits])
    assert house.submitter.unsure == {Key("k-0")}
    house.host.down = False
    (seat,) = await house.told(house.add(0))
    assert isinstance(seat, Seat) and house.calls == [1] and house.submitter.unsure == set()


async def test_one_that_the_site_cannot_take_does_not_keep_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Submitter._ask

    async def ask(self: Submitter, placed: Any, *, again: bool = False) -> Answer:
        if any(waits.task.key == "k-2" for waits in placed.waits):
            raise SiteError("it is too long", transient=False)
        return await real(self, placed, again=again)

    monkeypatch.setattr(Submitter, "_ask", ask)
    told = await house.told(house.add(*range(5)))
    assert [isinstance(answer, Seat) for answer in told] == [True, True, False, True, True]
    assert told[2] == Refused("it is too long")


async def test_what_is_not_wanted_any_more_is_not_submitted(house: House) -> None:
    house.used = 8
    waiting = house.add(0, 1)
    assert house.submitter.drop([Key("k-0")]) == [Key("k-0")]
    assert await house.told(waiting[:1]) == [Refused("cancelled before it was submitted")]
    house.used = 0
    house.submitter.freed()
    await house.told(waiting[1:])
    assert house.calls == [1]


async def until(house: House, words: str) -> None:
    """Until the submitter says that tasks wait for this."""
    async with asyncio.timeout(30):
        while words not in house.submitter.held():  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)


async def test_why_tasks_wait_for_room_is_told(house: House) -> None:
    house.used = 8
    waiting = house.add(0)
    await until(house, "there are as many jobs in the queue as the site's setting max_jobs allows (8)")
    house.submitter.limits = Limits(jobs=6)
    assert house.submitter.held() == "there are as many jobs in the queue as Quux allows (6)"
    house.answers("full")
    house.used, house.submitter._pause = 1, 30.0
    house.submitter.freed()
    await until(house, "Quux takes no more just now: no more")
    house.submitter.freed()
    await house.told(waiting)
    assert house.submitter.held() == ""


async def test_doubt_is_told_and_what_is_in_doubt_can_be_ended(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue gives no answer at all; whoever ends the tasks gets their places, and the next ones their turn."""
    monkeypatch.setattr(submitting, "UNCLEAR", 30.0)
    house.answers("unclear")
    first, second = house.add(0, 1)
    await until(house, "it is not clear whether Quux has taken a batch")
    name = (house.folder / "calls").read_text().split()[0]
    house.submitter.drop([Key("k-0")])
    assert await house.told([first]) == [Seat(name, 0)] and house.submitter.contested == {name}
    house.submitter.drop([Key("k-1")])
    assert house.submitter.contested == set() and await house.told([second, *house.add(2)]) == [Seat(name, 1), Seat(*house.batches, 0)]
    assert house.calls == [2, 1] and house.submitter.held() == ""


async def test_a_queue_that_never_gives_a_clear_answer_is_asked_less_and_less(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def asked(self: Submitter, seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(Submitter, "_until_withdrawn", asked)
    monkeypatch.setattr(submitting, "DOUBTFUL", 0.3)
    house.answers(*["unclear"] * 5)
    await house.told(house.add(0))
    assert pauses == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3]
