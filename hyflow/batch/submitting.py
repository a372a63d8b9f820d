"""Puts tasks into the queue: gathered, alike ones together, no faster than the site wishes, and no more than it takes. Knows no marks."""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from hyflow.batch import layout
from hyflow.batch.grouping import Batch, Durations, first_batch
from hyflow.batch.placed import Placed, Waits, answered, failed
from hyflow.batch.queue import Queue
from hyflow.batch.settings import BatchSettings, per_second
from hyflow.batch.system import Accepted, Answer, Full, Limits, Rejected, Unclear
from hyflow.connector import Refused
from hyflow.errors import SiteError, Unreachable
from hyflow.model.jobs import Key
from hyflow.model.tasks import Task
from hyflow.shell.bundle import Member, pack
from hyflow.shell.trips import Opens, ask, script, trip

SUBMIT = script("detached.sh", "arrive.sh") + layout.text("submit.sh")
STREAM = 16 << 20
"""Bytes of bundles that travel together, about."""
GATHER, QUIET = 1.0, 0.1
"""Seconds for which tasks are gathered at most, and for which none must have come before."""
FULL, LONGEST = 15.0, 300.0
"""Seconds for which a full queue is left alone at first, and at most; sooner when something of ours ends."""
HASTE, PATIENT = 0.03, 30.0
"""Seconds that a submission waits for each job of ours that has not begun, and at most: more comes together meanwhile."""
GROWTH = 8
"""What part more is tried each time that the queue has taken something, after it had been full."""
ALONE = 4
"""How often a job is refused for a limit while the user has no other in the queue, before it is given up."""
UNCLEAR, DOUBTFUL = 5.0, 60.0
"""Seconds before it is asked what became of a submission that was not answered, at first and at most."""


@dataclass(slots=True)
class Submitter:
    """`own`: the directory of the run's batches, `base` that of all bundles. `used`: how many jobs of ours are in the queue, `idle`: how
    many of them have not begun; `avoided`: nodes to stay away from; `accepted` is told of each batch with its id."""

    host: Opens
    queue: Queue
    settings: BatchSettings
    limits: Limits
    base: str
    own: str
    workdir: str
    used: Callable[[], int]
    idle: Callable[[], int]
    avoided: Callable[[], tuple[str, ...]]
    accepted: Callable[[str, Batch, str], None]
    durations: Durations
    _waiting: list[Waits] = field(default_factory=list)
    _unsure: list[Placed] = field(default_factory=list)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _next: float = 0.0
    _most: int | None = None
    _pause: float = FULL
    _alone: int = 0
    _doubtful: Placed | None = None
    _withdrawn: asyncio.Event = field(default_factory=asyncio.Event)
    _doubt: str = ""
    _words: str = ""
    _rests: bool = False

    def add(self, waits: Waits) -> None:
        """The task is to be submitted; one whose batch may be in the queue already is that one."""
        for placed in self._unsure:
            for number, other in enumerate(placed.waits):
                if other.task.key == waits.task.key:
                    placed.waits[number] = waits
                    self._ready.set()
                    return
        self._waiting.append(waits)
        self._ready.set()

    @property
    def unsure(self) -> set[Key]:
        """Those of which nobody knows yet whether the queue has them."""
        return {waits.task.key for placed in self._unsure for waits in placed.waits}

    def drop(self, keys: Collection[Key]) -> list[Key]:
        """These need not be submitted any more; which of them had not been. Those of which nobody knows get their places, as whoever ends
        them there ends them whether the queue has them or not."""
        if self._doubtful is not None:
            self._give_up(self._doubtful, keys)
        dropped = [waits for waits in self._waiting if waits.task.key in keys]
        self._waiting = [waits for waits in self._waiting if waits.task.key not in keys]
        for waits in dropped:
            answered(waits, Refused("cancelled before it was submitted"))
        return [waits.task.key for waits in dropped]

    def _give_up(self, placed: Placed, keys: Collection[Key]) -> None:
        seats = placed.seats()
        for waits in placed.waits:
            if waits.task.key in keys:
                waits.withdrawn = True
                answered(waits, seats[waits.task.key])
                self._withdrawn.set()

    def held(self) -> str:
        """Why tasks wait to be submitted, in words that stay the same while it does; "" where they are on their way."""
        if self._doubt or not self._waiting:
            return self._doubt
        name, most = self.queue.system.name, self._bound()
        if self._rests or (most == self._most and most <= self.used()):
            return f"{name} takes no more just now: {self._words}"
        if most > self.used():
            return ""
        whose = "as the site's setting max_jobs allows" if most == self.settings.submit.max_jobs else f"as {name} allows"
        return f"there are as many jobs in the queue {whose} ({most:,})"

    @property
    def contested(self) -> set[str]:
        """The batch that the queue may have or not, where somebody still wants something of it."""
        return {self._doubtful.name} if self._doubtful and self._doubtful.wanted else set()

    def freed(self) -> None:
        """Something of ours has left the queue."""
        self._freed.set()

    async def run(self) -> None:
        """Submit for ever; ends by being cancelled."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._unsure or self._waiting:
                    await self._some()
        finally:
            for waits in [*self._waiting, *(each for placed in self._unsure for each in placed.waits)]:
                waits.future.cancel()

    async def _some(self) -> None:
        """Submit one batch. Whoever waits for it hears of what goes wrong."""
        if self._unsure:
            await self._told(self._unsure.pop(0))
            return
        await self._gathered()
        await self._turn()
        if not self._waiting or (room := self._room()) < 1:
            return
        placed = self._placed(self._travelling(), self._waiting, room)
        keys = set(placed.batch.keys)
        self._waiting = [waits for waits in self._waiting if waits.task.key not in keys]
        self._next = time.monotonic() + 1 / per_second(self.settings.submit.rate)
        await self._told(placed)

    async def _turn(self) -> None:
        """Wait until it is time to submit, and there is room. While many of ours wait in the queue nothing is won by haste, and those that
        come meanwhile travel together."""
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))
        until = time.monotonic() + min(PATIENT, HASTE * self.idle())
        while self._waiting:
            left = until - time.monotonic()
            if self._room() >= 1 and (left <= 0 or self.idle() == 0):
                return
            await self._until_freed(FULL if left <= 0 else min(FULL, left))

    def _travelling(self) -> list[Task]:
        """The first that wait, as many as travel together."""
        size, tasks = 0, list[Task]()
        for waits in self._waiting:
            size += waits.size
            if tasks and size > STREAM:
                break
            tasks.append(waits.task)
        return tasks

    async def _gathered(self) -> None:
        """Wait until no more come, or long enough."""
        until = time.monotonic() + GATHER
        count = -1
        while count != len(self._waiting) and time.monotonic() < until:
            count = len(self._waiting)
            await asyncio.sleep(QUIET)

    def _bound(self) -> int:
        return min(each for each in (self.settings.submit.max_jobs, self.limits.jobs, self._most) if each is not None)

    def _room(self) -> int:
        return self._bound() - self.used()

    async def _until_freed(self, seconds: float) -> None:
        self._freed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._freed.wait()
        except TimeoutError:
            pass

    async def _told(self, placed: Placed) -> None:
        """Submit the batch, and tell those who wait for it."""
        try:
            await self._place(placed)
        except Unreachable as error:
            self._unsure.append(placed)
            self._ready.clear()  # before anybody hears of it, who may come again at once
            failed(placed.waits, error)
            await self._ready.wait()  # whoever waited for it comes again
        except SiteError as error:
            await self._less(placed, error)
        except BaseException:
            for waits in placed.waits:
                waits.future.cancel()
            raise

    async def _less(self, placed: Placed, error: SiteError) -> None:
        """The site could be asked, and did not take them: it is one of them that it cannot take, or all. Each half is sent by itself then,
        down to one, which is refused."""
        if len(placed.waits) == 1:
            answered(placed.waits[0], Refused(error.what, transient=error.transient))
            return
        middle = len(placed.waits) // 2
        for half in (placed.waits[:middle], placed.waits[middle:]):
            fewer = self._placed([waits.task for waits in half], half, len(half))
            self._waiting[:0] = [waits for waits in half if waits not in fewer.waits]
            await self._told(fewer)

    def _placed(self, tasks: Sequence[Task], waiting: Sequence[Waits], room: int) -> Placed:
        batch = first_batch(tasks, room, self.settings.submit, self.limits, self.durations, self.queue.system.queue_option)
        keys = set(batch.keys)
        return Placed(layout.new_name(batch), batch, [waits for waits in waiting if waits.task.key in keys])

    async def _place(self, placed: Placed) -> None:
        answer: Answer | None = await self._ask(placed)
        if isinstance(answer, Unclear):
            answer = await self._cleared(placed, answer.words)
        match answer:
            case Accepted(id):
                self._pause, self._alone = FULL, 0
                self._most = None if self._most is None else self._most + max(1, self._most // GROWTH)
                self.accepted(placed.name, placed.batch, id)
                seats = placed.seats()
                for waits in placed.waits:
                    answered(waits, seats[waits.task.key])
            case Full(words):
                await self._full(placed, words)
            case Rejected(words):
                for waits in placed.waits:
                    answered(waits, Refused(f"{self.queue.system.name} does not take it: {words}"))

    async def _full(self, placed: Placed, words: str) -> None:
        """Nothing more is taken just now: wait until something of ours has left the queue, or for a while, and try with less. Where the
        user has nothing there, and yet not even one is taken, it never will be."""
        count = len(placed.batch.elements)
        if count == 1 and self.used() == 0 and await self._nothing_there():
            what = f"{self.queue.system.name} does not take it, though the queue has nothing else of yours: {words}"
            for waits in placed.waits:
                answered(waits, Refused(what))
            return
        self._waiting[:0] = [waits for waits in placed.waits if not waits.future.done()]
        self._most, self._words = self.used() + max(1, count // 2), words
        if self.used() or count == 1:
            self._rests = True
            await self._until_freed(self._pause)
            self._rests, self._pause = False, min(self._pause * 2, LONGEST)

    async def _nothing_there(self) -> bool:
        """Whether the queue has said several times, over some minutes, that nothing of the user's is in it; or does not say."""
        system = self.queue.system
        answer = await ask(self.host, system.limits(), what=f"asking {system.name} for its limits")
        self._alone = 0 if system.understood(answer.decode(errors="replace")).mine else self._alone + 1
        return self._alone >= ALONE

    async def _ask(self, placed: Placed, *, again: bool = False) -> Answer:
        """Submit it, unless that was done; `again`: all that it takes is there already."""
        stream = await asyncio.to_thread(pack, self._members(placed, again))
        box = f".incoming-{time.time_ns():020d}-{secrets.token_hex(4)}"
        argv = ("sh", "-c", SUBMIT, "sh", self.base, self.own, placed.name, box)
        said = await trip(self.host, argv, stream, what=f"submitting jobs to {self.queue.system.name}", long=True)
        return read(self.queue, said.decode(errors="replace"))

    def _members(self, placed: Placed, again: bool) -> list[Member]:
        own = layout.members(
            self.queue.system, placed.batch, placed.name, self.own, self.base, self.workdir, self.settings.prologue, self.avoided()
        )  # fmt: skip
        return own if again else [*(member for waits in placed.waits for member in waits.members), *own]

    async def _cleared(self, placed: Placed, words: str) -> Answer | None:
        """What becomes of a submission of which nobody knows whether it was one, however long that takes; None: nobody wants it any more,
        and whoever ended its tasks has seen to it."""
        name, pause = self.queue.system.name, UNCLEAR
        self._doubtful = placed
        self._doubt = f"it is not clear whether {name} has taken a batch; it is asked until that is known, and given no other: {words}"
        try:
            answer: Answer | None = Unclear(words)
            while isinstance(answer, Unclear):
                answer = await self._found(placed, pause)
                pause = min(pause * 2, DOUBTFUL)
            return answer
        finally:
            self._doubtful, self._doubt = None, ""

    async def _found(self, placed: Placed, least: float) -> Answer | None:
        """Whether the queue has it, although nobody said so. Nothing is submitted again before the queue has said twice that it has not;
        should it come to light later, no command starts twice, for it claims its key. `least`: seconds between two questions."""
        denied, pause = 0, least
        while denied < 2:
            await self._until_withdrawn(pause)
            if not placed.wanted:
                return None
            answer = await self._ask(placed, again=True)
            if not isinstance(answer, Unclear):
                return answer
            try:
                entries = await self.queue.entries([placed.name])
            except Unreachable:
                raise
            except SiteError:  # who does not answer has not said no
                pause = min(pause * 2, DOUBTFUL)
                continue
            if entries:
                return Accepted(entries[0].id)
            denied, pause = denied + 1, least
        if not placed.wanted:
            return None
        placed.name = layout.new_name(placed.batch)
        return await self._ask(placed, again=True)

    async def _until_withdrawn(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._withdrawn.wait()
        except TimeoutError:
            return
        self._withdrawn.clear()  # afterwards: it may come while the queue is asked


def read(queue: Queue, said: str) -> Answer:
    """What submit.sh said of a submission: the batch system's answer."""
    first, _, rest = said.partition("\n")
    kind, _, code = first.partition(" ")
    if kind != "answer" or not code.isdigit():
        return Unclear(first or "there was no answer")
    output, _, complained = f"\n{rest}\n".partition("\n.\n")
    return queue.system.accepted(int(code), output.strip(), complained.strip())


def directory(workdir: str, run: str) -> str:
    """Where the run's batches lie."""
    return posixpath.join(workdir, run, layout.BATCHES)


