"""The driver: carries out what `State` decides, and tells it what happened, always by way of the journal.

One loop takes events, makes them durable, hands them to `State` and starts the actions that follow. Everything that may wait
(asking for facts, moving data, submitting, watching) is an asyncio task of one TaskGroup.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, assert_never

from hyflow import plain
from hyflow.connector import Done, Lost, Refused
from hyflow.cwl.demand import Demand as Needs
from hyflow.cwl.processes import Bound
from hyflow.engine import launching, sites
from hyflow.engine.contained import with_signal
from hyflow.engine.delays import Delays
from hyflow.engine.house import House, settle
from hyflow.engine.mishaps import failure_of, unforeseen
from hyflow.engine.placement import possible, refusal
from hyflow.engine.preparing import entered, prepare
from hyflow.engine.replay import Kept
from hyflow.engine.reusing import Sought
from hyflow.engine.sites import Ended
from hyflow.errors import HyflowError, JournalError
from hyflow.model.actions import Action, Adopt, Cancel, Conclude, Demand, Evaluate, Express, LetGo, Submit
from hyflow.model.events import (
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Resumed,
    Reused,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.facts import Ask, Facts
from hyflow.model.jobs import Failure, FailureClass, Job, JobId, Key
from hyflow.model.places import Location
from hyflow.model.resources import UNMEASURED, Request
from hyflow.model.retries import again, grown, grown_limit, told
from hyflow.model.tasks import Outcome
from hyflow.model.values import Inputs
from hyflow.results import Result
from hyflow.staging import unchanged

T = TypeVar("T")

_BUSY = 32
"""With more jobs under way than this, no single event is urgent."""
_LINGER = 0.005
"""Seconds for which events are then gathered, to become durable together."""
_ABANDON = 20.0
"""Seconds for ending what runs when the journal has failed."""


_STOPPED = Failure(FailureClass.CANCELLED, "it was ended when the run was stopped")


@dataclass(frozen=True, slots=True)
class _Posted:
    """An event on its way to the journal; who waits until State knows it; what is kept with it of an attempt, by key."""

    event: Event
    handled: asyncio.Future[None] | None = None
    kept: tuple[tuple[Key, bytes], ...] = ()


class Driver:
    """Drives one run from its inputs to its conclusion. `group` owns the tasks of its jobs."""

    def __init__(self, house: House, group: asyncio.TaskGroup) -> None:
        self._house, self._group = house, group
        self._events: asyncio.Queue[_Posted] = asyncio.Queue()
        self._kept: dict[Key, Kept] = {}
        self._needs: dict[JobId, Needs] = {}
        self._asked: dict[JobId, tuple[Request, float | None]] = {}
        self._staging: dict[Key, asyncio.Task[None]] = {}
        self._cancelled: set[Key] = set()
        self._adopted: set[Key] = set()
        self._conclusion: Conclude | None = None
        self._delays = Delays(self._post)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, inputs: Inputs) -> Conclude:
        """From inputs that were checked (`Processes.start`) to the end. Raises JournalError when what may not go on is ended."""
        return await self._from(Started(inputs))

    async def resume(self, host: str, kept: Mapping[Key, Kept]) -> Conclude:
        """From where an earlier driver left off to the end. The state has been brought there, and `kept` is known of the attempts that it
        goes on with. Raises JournalError as `run` does."""
        self._kept.update(kept)
        return await self._from(Resumed(host, time.time()))

    async def _from(self, first: Event) -> Conclude:
        self._post(first)
        try:
            return await self._until_concluded()
        except JournalError:
            await self._abandon()
            raise
        finally:
            for task in tuple(self._tasks):  # of a run that was stopped: what begins anew when somebody takes it up
                task.cancel()

    async def _until_concluded(self) -> Conclude:
        while self._conclusion is None:
            batch = [await self._events.get()]
            if len(self._tasks) > _BUSY:
                await asyncio.sleep(_LINGER)
            while not self._events.empty():
                batch.append(self._events.get_nowait())
            await self._house.journal.append([one.event for one in batch], {key: text for one in batch for key, text in one.kept})
            for one in batch:
                self._house.listener.event(one.event)
                for action in self._house.state.handle(one.event):
                    self._act(action)
                if one.handled is not None and not one.handled.done():
                    one.handled.set_result(None)
        return self._conclusion

    def stop(self, reason: str) -> None:
        """Start nothing more, and end or let go what runs (see `Stopping`). For signal handlers of the loop."""
        self._post(Stopping(reason, time.time()))

    async def _abandon(self) -> None:
        """What runs here and cannot be recorded must not go on; elsewhere it does, for whoever takes the run up. No site is waited for
        that does not answer."""
        until = asyncio.get_running_loop().time() + _ABANDON
        fleeting = {place.site for place in self._house.locations.values() if place.fleeting}
        for name, site in self._house.sites.items():
            site.hurry(until)
            if name not in fleeting:
                site.let_go_all()
        await asyncio.gather(*(site.cancel_all() for name, site in self._house.sites.items() if name in fleeting))

    async def _settle(self, call: Callable[[Facts], T | Ask], scripted: bool) -> T:
        return await settle(call, self._house.mover, scripted)

    def _post(self, event: Event) -> None:
        self._events.put_nowait(_Posted(event))

    async def _announce(self, event: Submitting, kept: Kept) -> None:
        """Post the event and wait until it is durable, with what is kept of the attempt, and State knows it."""
        handled = asyncio.get_running_loop().create_future()
        self._events.put_nowait(_Posted(event, handled, ((event.key, plain.dumps(kept)),)))
        await handled

    # -- actions --------------------------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        match action:
            case Evaluate():
                self._spawn(action.job.id, self._evaluate(action))
            case Express():
                self._spawn(action.job.id, self._express(action.job))
            case Demand():
                self._spawn(action.job.id, self._demand(action))
            case Submit():
                self._staging[action.key] = self._spawn(action.job.id, self._attempt(action), action.key)
            case Adopt():
                self._spawn(action.job.id, self._adopt(action), action.key)
            case Cancel():
                self._conclusion = None  # it came in the very turn in which the run was to be left
                self._group.create_task(self._cancel(action.keys), name="cancel")
            case LetGo():
                for site in self._house.sites.values():
                    site.let_go(action.keys)
            case Conclude():
                self._conclusion = action
            case _:
                assert_never(action)

    def _spawn(self, job: JobId, work: Coroutine[Any, Any, None], key: Key | None = None) -> asyncio.Task[None]:
        task = self._group.create_task(self._guarded(job, key, work), name=str(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, job: JobId, key: Key | None, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong with the work is a failure of the job."""
        try:
            await work
        except HyflowError as error:
            self._fail(job, key, failure_of(error))
        except (OSError, ValueError, RecursionError) as error:
            # What nobody foresaw (an address that is none, a directory that is deeper than Python goes) costs its job, not the run.
            self._fail(job, key, unforeseen(error))
        except asyncio.CancelledError:
            if key not in self._cancelled:
                raise
            self._fail(job, key, Failure(FailureClass.CANCELLED, "cancelled before it was submitted"))
        finally:
            if key is not None:
                self._staging.pop(key, None)

    def _fail(self, job: JobId, key: Key | None, failure: Failure) -> None:
        """The attempt has failed, and the job with it, unless it is to be tried again."""
        self._needs.pop(job, None)
        policy, before = self._house.retries, self._house.state.before(job)
        pause = again(policy, failure, before, random.random())  # noqa: S311 (jitter)
        asked = self._asked.pop(job, None)
        if pause is None and asked is not None and failure.kind is not FailureClass.CANCELLED:
            failure = replace(failure, message=f"{failure.message}\n  {told(before, failure.kind, *asked)}")
        self._post(Failed(job, key, failure, time.time(), pause))

    async def _evaluate(self, action: Evaluate) -> None:
        job, processes = action.job, self._house.processes
        inputs, skipped = await self._settle(
            lambda facts: processes.evaluate(action.workflow, action.name, job.inputs, facts),
            processes.scripted_step(action.workflow, action.name),
        )
        self._post(Evaluated(job.id, inputs, skipped))

    async def _express(self, job: Job) -> None:
        processes = self._house.processes
        outputs = await self._settle(lambda facts: processes.express(job.process, job.inputs, facts), scripted=True)
        self._post(Finished(job.id, None, outputs, UNMEASURED, time.time()))

    async def _demand(self, action: Demand) -> None:
        job, processes = action.job, self._house.processes
        await asyncio.sleep(action.after)
        needs = await self._settle(lambda facts: processes.demand(job.process, job.inputs, facts), processes.aside(job.process, job.inputs))
        request, limit, names = self._house.binding(job.id.step, needs.request)
        request, limit = grown(request, needs.time_limit if limit is None else limit, action.before, self._house.retries)
        if action.before:
            self._asked[job.id] = request, limit
        bound = [self._house.locations[name] for name in names]
        fitting = tuple(map(str, possible(request, bound)))
        if not fitting:
            self._fail(job.id, None, Failure(FailureClass.SUBMISSION, refusal(request, bound)))
            return
        changed = [name for name in ("cores", "memory") if getattr(request.least, name) != getattr(needs.request.least, name)]
        limits = tuple(dict.fromkeys([*needs.limits, *changed]))
        self._needs[job.id] = replace(needs, limits=limits, time_limit=limit)
        self._post(Demanded(job.id, request, fitting))

    # -- attempts -------------------------------------------------------------------------------------------------

    async def _attempt(self, action: Submit) -> None:
        job, key, house = action.job, action.key, self._house
        location = house.locations[action.location]
        made = await prepare(house, action, location, self._limited(job.id, self._needs.pop(job.id), location))
        if isinstance(made, Result):
            self._post(Reused(job.id, made.outputs, made.run, made.job, time.time()))
            return
        bound, missed = made
        task, image, loaded = await entered(house, job, bound.task, location.site)
        kept = Kept(bound, None if task is bound.task else task, house.mover.noted.looks(bound.place.sources.values()))
        resources = action.resources
        await self._announce(
            Submitting(job.id, key, action.location, bound.place.dir, time.time(), image, loaded, resources, missed.why), kept
        )
        self._staging.pop(key, None)
        await self._at_site(job, key, location, kept, missed.sought)

    def _limited(self, job: JobId, needs: Needs, location: Location) -> Needs:
        """With the location's own time limit where there is no other: it grows, and is told, like any."""
        if needs.time_limit is not None or location.time_limit is None:
            return needs
        limit = grown_limit(location.time_limit, self._house.state.before(job), self._house.retries)
        if job in self._asked:
            self._asked[job] = self._asked[job][0], limit
        return replace(needs, time_limit=limit)

    async def _adopt(self, action: Adopt) -> None:
        """Go on with an attempt of an earlier driver: what the site has taken is not started again, what it has not is started now."""
        kept, location = self._kept.pop(action.key), self._house.locations.get(action.location)
        if location is None:
            what = f"{action.location}, where it was sent, is no longer a location of this run: what became of it cannot be known"
            self._fail(action.job.id, action.key, Failure(FailureClass.INFRASTRUCTURE, what, lasting=True))
            return
        self._adopted.add(action.key)
        self._house.mover.noted.restore(kept.looks)
        await self._at_site(action.job, action.key, location, kept)

    async def _at_site(self, job: Job, key: Key, location: Location, kept: Kept, sought: Sought | None = None) -> None:
        """The attempt from its submission to its end."""
        site = self._house.sites[location.site]
        ended = await site.run(
            location,
            kept.task,
            lambda ticket: self._post(Submitted(job.id, key, ticket, time.time(), site.name_of(ticket))),
            lambda status: self._post(Running(job.id, key, status.at, status.host)),
            lambda why, queued: self._delays.note(job.id, location.site, why, queued),
            known=key in self._adopted,
        )
        if _was_ended(ended) and key in self._adopted and key not in self._cancelled:
            self._post(Failed(job.id, key, _STOPPED, time.time(), again=0.0))
            return
        outputs = await self._conclude(job, key, kept.bound, ended, location.site)
        if outputs is not None and sought is not None and self._house.reuse is not None and isinstance(ended, Done):
            self._house.reuse.keep(job, location, sought, kept.bound.place, ended.manifest, outputs, self._group)

    def _judged(self, job: Job, bound: Bound, outcome: Outcome, site: str) -> Failure | None:
        """Why the attempt failed: for its container, or by itself."""
        if (unlaunched := launching.failure(bound.task, outcome)) is not None:
            return unlaunched
        command = bound.task.argv[0] if bound.task.argv else ""
        if bound.task.container is None:
            return self._house.processes.judge(job.process, outcome, command)
        engines = self._house.containers[site].failure(bound.task.container.image, outcome)
        failure = engines or self._house.processes.judge(job.process, outcome, command)
        return failure and with_signal(failure)

    async def _conclude(self, job: Job, key: Key, bound: Bound, ended: Ended, site: str) -> Inputs | None:
        """Tell how the attempt ended; its outputs where it succeeded."""
        match ended:
            case Done(outcome):
                failure = self._judged(job, bound, outcome, site)
                failure = self._with_changes(job, bound, failure, outcome.stderr)
                if key in self._cancelled:
                    self._fail(job.id, key, Failure(FailureClass.CANCELLED, "cancelled"))
                elif failure:
                    self._fail(job.id, key, failure)
                else:
                    return await self._collect(job, key, bound, ended)
            case Lost(evidence) if key in self._cancelled:
                left = bound.task.dir in self._house.sites[site].left  # else it has ended, whatever the site makes of that
                self._fail(job.id, key, Failure(FailureClass.CANCELLED, evidence if left else "cancelled"))
            case Lost(evidence, kind, lasting):
                self._fail(job.id, key, Failure(kind, evidence, lasting=lasting))
            case Refused(reason, transient):
                self._fail(job.id, key, Failure(FailureClass.SUBMISSION, reason, lasting=not transient))
            case sites.LetGo():
                pass
            case _:
                assert_never(ended)
        return None

    async def _collect(self, job: Job, key: Key, bound: Bound, done: Done) -> Inputs | None:
        processes, outcome = self._house.processes, done.outcome
        try:
            outputs = await self._settle(
                lambda facts: processes.collect(job, bound, done.manifest, outcome, facts), processes.aside(job.process, job.inputs)
            )
        except HyflowError as error:
            # What the command said may tell why it left what it left.
            self._fail(job.id, key, replace(failure_of(error), stderr=outcome.stderr))
            return None
        self._post(Finished(job.id, key, outputs, outcome.usage, time.time()))
        return outputs

    def _with_changes(self, job: Job, bound: Bound, failure: Failure | None, stderr: str) -> Failure | None:
        """A command that wrote to a file that it was given has failed, whatever it says; one that filled a directory is warned of."""
        house = self._house
        changes = house.mover.noted.changes(bound.place.sources.values())
        if not changes or house.processes.inplace(job.process):
            return failure
        files = [change for change in changes if not change.directory]
        if not files:
            house.listener.warn(f"{job.id}: {unchanged.told(changes)}")
            return failure
        if failure is not None:
            return replace(failure, message=f"{failure.message}\n  and {unchanged.told(files)}")
        return Failure(FailureClass.TOOL, unchanged.told(files), stderr=stderr)

    async def _cancel(self, keys: Sequence[Key]) -> None:
        self._cancelled.update(keys)
        for key in keys:
            if (task := self._staging.get(key)) is not None:
                task.cancel()
        jobs = self._house.state.attempts
        await asyncio.gather(*(self._cancel_at(site, keys, jobs) for site in self._house.sites.values()))

    async def _cancel_at(self, site: sites.Site, keys: Sequence[Key], jobs: Mapping[Key, JobId]) -> None:
        """Of what was let go nobody hears any more: it is told here that it has ended."""
        _, let_go = await asyncio.gather(site.cancel(keys), site.cancel_let_go(keys))
        for key in let_go:
            if key in jobs:
                self._fail(jobs[key], key, Failure(FailureClass.CANCELLED, "cancelled"))


def _was_ended(how: Ended) -> bool:
    """Whether hyflow has ended the attempt: an earlier one, where this one did not wish it."""
    match how:
        case Done(outcome):
            return outcome.cancelled
        case Lost(kind=kind):
            return kind is FailureClass.CANCELLED
    return False
