"""A world for the engine's state to live in: a record, a site that outlives whoever drives it, and drivers that may die at any moment.

What it sees it holds against the rules of a run that cannot be lost; see `test_state_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import graphs
from chronicle import Record
from errands import CANCELLED, ENDS, NORMAL, REUSED, Attempt, Errand, answer

from hyflow.engine.replay import replay
from hyflow.engine.state import REPLAYED, State
from hyflow.model.actions import Action, Adopt, Cancel, Conclude, Demand, Evaluate, Express, LetGo, Submit
from hyflow.model.events import (
    Demanded,
    Event,
    Failed,
    Finished,
    Rerun,
    Resumed,
    Reused,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass, Job, JobId, Key
from hyflow.model.places import Location
from hyflow.model.resources import UNMEASURED, Resources
from hyflow.model.workflow import Program

ROOT = JobId("/")
_CANCELLED = Failure(FailureClass.CANCELLED, "cancelled")
_STOPPED = Failure(FailureClass.CANCELLED, "the run was stopped")


@dataclass
class Held:
    """An attempt of whose end State has not heard. `announced`: it knows that the site may have heard of it."""

    location: str
    amount: Resources
    announced: bool
    ending: bool = False


class World:
    """One run from its start on. At most one driver lives at a time (`state` None: none does)."""

    def __init__(self, program: Program, locations: Mapping[str, Location], window: int) -> None:
        self.program, self.locations, self.window = program, locations, window
        self.record, self.site = Record(), dict[Key, Attempt]()
        self.keys: dict[Key, JobId] = {}
        self.state: State | None = None
        self.last: Conclude | None = None
        self.start()

    # -- drivers ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The first driver."""
        self._begin([], Started(graphs.INPUTS))

    def resume(self, rerun: Rerun | None = None) -> None:
        """Another driver takes the run up, as `hyflow.resuming` does."""
        assert self.state is None
        if rerun is not None:
            self.record.append(rerun)
        opened = list(self.record.open.values())
        self._begin(opened, Resumed("here", 0.0))
        assert self.state is not None
        assert self.state.inputs == graphs.INPUTS
        assert self.state.attempts.keys() == self._wanted(), "exactly what can go on is gone on with"
        for event in opened:
            if event.key not in self.state.attempts:
                self._end_stray(event)

    def _begin(self, opened: list[Submitting], first: Event) -> None:
        self.before, self.opened = list(self.record.events), opened
        self.state = self._replayed()
        self.posted: list[Event] = [first]
        self.errands: list[Errand] = []
        self.held: dict[Key, Held] = {}
        self.waiting: dict[JobId, Demanded] = {}
        self.let_go: set[Key] = set()
        self.reused: dict[JobId, Key] = {}
        self.stopping = False
        self.concluded: Conclude | None = None
        self.told: list[tuple[Event, list[Action]]] = []

    def _replayed(self) -> State:
        """A fresh state, as it is when a driver begins."""
        state = State(self.program, "run", self.locations, window=self.window)
        reruns = [(n, event) for n, event in enumerate(self.before) if isinstance(event, Rerun)]
        replay(state, ((n, event) for n, event in enumerate(self.before) if isinstance(event, REPLAYED)), reruns, self.opened)
        return state

    def _end_stray(self, event: Submitting) -> None:
        """An attempt at a job that is not to be done yet, since what it needs is to be made again: it is ended before anything begins."""
        if event.key in self.site and self.site[event.key].ended is None:
            self.site[event.key].ended = CANCELLED
        self.posted.insert(0, Failed(event.job, event.key, _CANCELLED, 0.0))

    def _wanted(self) -> set[Key]:
        """The keys of attempts without an end at jobs of which all is known but how they end."""
        done, failed = self.record.done(), self.record.failed()
        jobs = graphs.Evaluation(self.program, failed, (done, self.record.evaluated())).jobs.keys() - done.keys()
        return {key for key, event in self.record.open.items() if event.job in jobs}

    def die(self) -> None:
        """The driver is no more; what it had in mind is lost. The same events would have led another one to the same decisions."""
        again = self._replayed()
        for event, actions in self.told:
            assert again.handle(event) == actions, "the same events, the same decisions"
        self.state, self.last = None, self.concluded

    def commit(self, count: int, *, heard: bool = True) -> None:
        """The first `count` of the posted events become durable; then State hears of them, and what follows is begun."""
        batch, self.posted = self.posted[:count], self.posted[count:]
        for event in batch:
            self.record.append(event)
        if heard:
            for event in batch:
                self._hear(event)
            if not self.posted and self.concluded is None:
                assert self.errands, "somebody is waited for, or the run is over"
        if not heard or self.concluded is not None:
            self.die()

    def _hear(self, event: Event) -> None:
        assert self.state is not None
        before = dict(self.held)
        self._note(event)
        actions = self.state.handle(event)
        self.told.append((event, actions))
        if isinstance(event, Stopping):
            self._check_stop(event.reason, before, actions)
        for action in actions:
            self._act(action, event)
        self._check_room_is_used()

    def _note(self, event: Event) -> None:
        match event:
            case Demanded() if not self.stopping:
                self.waiting[event.job] = event
            case Submitting():
                self.held[event.key].announced = True
                for errand in self.errands:
                    errand.stage = "there" if errand.key == event.key else errand.stage
            case Finished() | Failed() if event.key is not None:
                self.held.pop(event.key, None)
                self.let_go.discard(event.key)
            case Reused():
                self.held.pop(self.reused[event.job], None)
            case Stopping():
                self.stopping = True
                self.waiting.clear()

    # -- what happens -------------------------------------------------------------------------------------------------

    def carry_on(self, pick: int, how: str = NORMAL) -> bool:
        """One of the errands gets on. Whether there is one that does not wait for something else."""
        able = [errand for errand in self.errands if self._can_go_on(errand)]
        if able:
            errand = able[pick % len(able)]
            action = errand.action
            events = self._attempt(errand, action, how) if isinstance(action, Submit | Adopt) else answer(action, how, self.locations)
            self.posted.extend(events)
            if not isinstance(events[-1], Submitting | Submitted):
                self.errands.remove(errand)
        return bool(able)

    def _can_go_on(self, errand: Errand) -> bool:
        if errand.key is None or errand.cancelled or errand.stage == "begun":
            return True
        return errand.stage == "there" and (errand.key not in self.site or self.site[errand.key].ended is not None)

    def _attempt(self, errand: Errand, action: Submit | Adopt, how: str) -> list[Event]:
        job, key = action.job, action.key
        if errand.cancelled:
            return self._ended(errand, job, key, how)
        if errand.stage == "begun":
            assert isinstance(action, Submit)
            if how in ENDS:
                return [Failed(job.id, key, Failure(FailureClass.STAGING, how), 0.0, ENDS[how])]
            if how == REUSED:
                self.reused[job.id] = key
                return [Reused(job.id, graphs.work(job.process, job.inputs), "other", job.id, 0.0)]
            errand.stage = "announcing"
            return [Submitting(job.id, key, action.location, "/", 0.0, resources=action.resources)]
        if key in self.site:
            return self._ended(errand, job, key, how)
        if how in ENDS:
            return [Failed(job.id, key, Failure(FailureClass.SUBMISSION, how), 0.0, ENDS[how])]
        self.site[key] = Attempt(job.id, job.inputs)
        return [Running(job.id, key, 0.0, "host"), Submitted(job.id, key, key, 0.0)]

    def _ended(self, errand: Errand, job: Job, key: Key, how: str) -> list[Event]:
        """The end of an attempt, that was cancelled or of itself; of one that was cancelled too late it may be either."""
        there = self.site.get(key)
        if there is not None and there.ended is None:
            there.ended = CANCELLED
        ended = CANCELLED if there is None or there.ended is None or (errand.cancelled and how != NORMAL) else there.ended
        match ended:
            case "cancelled":
                return [Failed(job.id, key, _CANCELLED, 0.0)]
            case "final":
                return [Failed(job.id, key, Failure(FailureClass.TOOL, ended, code=1), 0.0)]
            case "again":
                return [Failed(job.id, key, Failure(FailureClass.TEMPORARY, ended), 0.0, 1.0)]
        return [Finished(job.id, key, graphs.work(job.process, there.inputs if there else job.inputs), UNMEASURED, 0.0)]

    def end_attempt(self, pick: int, how: str = NORMAL) -> bool:
        """One of the attempts ends at the site, whether somebody watches it or not. Whether there was one."""
        running = [attempt for attempt in self.site.values() if attempt.ended is None]
        if running:
            running[pick % len(running)].ended = how
        return bool(running)

    def stop(self, reason: str, *, at_once: bool) -> None:
        """Somebody wants the driver to stop, as the first or as the last of what it has yet to hear."""
        has_begun = any(isinstance(event, Started | Resumed) for event, _ in self.told)
        self.posted.insert(0 if at_once and has_begun else len(self.posted), Stopping(reason, 0.0))

    def finish(self) -> Conclude:
        """However often somebody has to take it up: the run goes on to its end, and nothing goes wrong any more."""
        for _ in range(3000):
            if self.state is None:
                if self.last is not None and dict(self.last.failures).get(ROOT) != _STOPPED:
                    return self.last
                self.resume()
            while self.posted and self.state is not None:
                self.commit(len(self.posted))
            if self.state is not None and not self.carry_on(0):
                self.end_attempt(0)
        raise AssertionError("the run comes to no end")

    # -- what State decides -------------------------------------------------------------------------------------------

    def _act(self, action: Action, event: Event) -> None:
        match action:
            case Evaluate() | Express() | Demand():
                self._check_begins(action)
                self.errands.append(Errand(action))
            case Submit():
                self._check_submit(action)
                self.held[action.key] = Held(action.location, action.resources, announced=False)
                self.errands.append(Errand(action))
            case Adopt():
                self._check_adopt(action, event)
                self.held[action.key] = Held(action.location, self.record.open[action.key].resources, announced=True)
                self.errands.append(Errand(action, "there"))
            case Cancel():
                for key in self.let_go.intersection(action.keys):
                    self._end_let_go(key)
                for key in action.keys:
                    self.held[key].ending = True
                for errand in self.errands:
                    errand.cancelled = errand.cancelled or errand.key in action.keys
            case LetGo():
                self.let_go.update(action.keys)
                self.errands = [errand for errand in self.errands if errand.key not in action.keys]
            case Conclude():
                assert self.concluded is None, "there is one conclusion"
                self._check_conclusion(action)
                self.concluded = action
            case _:
                assert_never(action)

    def _end_let_go(self, key: Key) -> None:
        """Somebody wants what goes on at the site to end after all."""
        self.let_go.discard(key)
        if key in self.site and self.site[key].ended is None:
            self.site[key].ended = CANCELLED
        self.posted.append(Failed(self.record.open[key].job, key, _CANCELLED, 0.0))

    def _check_begins(self, action: Evaluate | Express | Demand) -> None:
        job = action.job.id
        self._check_anew(job)
        if isinstance(action, Evaluate):
            assert job not in self.record.evaluated(), "not twice"
        if isinstance(action, Demand):
            assert action.before == self.record.before(job)
            assert self.state is not None and self.state.before(job) == action.before

    def _check_anew(self, job: JobId) -> None:
        assert not self.stopping, "nothing is begun while the run is stopped"
        assert job not in self.record.done() and job not in self.record.failed(), f"{job} has ended"
        assert job not in {errand.action.job.id for errand in self.errands}, f"{job} is under way"
        assert job not in {attempt.job for attempt in self.site.values() if attempt.ended is None}, f"{job} runs at the site"

    def _check_submit(self, action: Submit) -> None:
        job = action.job.id
        self._check_anew(job)
        wish = self.waiting.pop(job)
        assert action.location in wish.locations and action.resources == wish.request.least
        assert all(event.key != action.key for event in self.record.events if isinstance(event, Submitting)), "a key names one attempt"
        assert self.keys.setdefault(action.key, job) == job
        place = self.locations[action.location]
        if place.capacity is not None:
            held = [*self._held_at(action.location), action.resources.cores]
            assert sum(held[:max(0, len(held) - place.ahead)]) <= place.capacity.cores, "no more than fits, and so many ahead"

    def _held_at(self, location: str) -> list[float]:
        """Cores, in the order in which they were taken."""
        return [held.amount.cores for held in self.held.values() if held.location == location]

    def _check_room_is_used(self) -> None:
        """Who has waited longest does not wait when there is room."""
        for first in list(self.waiting.values())[:1]:
            for name in first.locations:
                capacity = self.locations[name].capacity
                assert capacity is not None, f"{first.job} waits for nothing"
                assert sum(self._held_at(name)) + first.request.least.cores > capacity.cores, f"there is room for {first.job}"

    def _check_adopt(self, action: Adopt, event: Event) -> None:
        assert isinstance(event, Resumed)
        announced = self.record.open[action.key]
        assert (announced.job, announced.location) == (action.job.id, action.location)
        assert action.job.id not in {errand.action.job.id for errand in self.errands}
        if action.key in self.site:
            assert self.site[action.key].inputs == action.job.inputs, "it goes on with what it was given"

    def _check_stop(self, reason: str, before: Mapping[Key, Held], actions: list[Action]) -> None:
        """What is being ended stays so; what was let go before is ended as well, if that is the wish."""
        open_ = {key: held for key, held in before.items() if key not in self.let_go and not held.ending}
        fleeting = {key for key, held in open_.items() if self.locations[held.location].fleeting and reason != "hangup"}
        unheard = {key for key, held in open_.items() if not held.announced}
        ends = open_.keys() | self.let_go if reason == "cancel" else fleeting | unheard
        assert {key for action in actions if isinstance(action, Cancel) for key in action.keys} == ends
        assert {key for action in actions if isinstance(action, LetGo) for key in action.keys} == open_.keys() - ends - self.let_go

    def _check_conclusion(self, action: Conclude) -> None:
        failed = self.record.failed()
        expected = graphs.Evaluation(self.program, failed)
        told = dict(action.failures)
        assert len(told) == len(action.failures), "each failure is told once"
        assert action.inputs == graphs.INPUTS
        assert set(action.going_on) == self.let_go
        assert self.held.keys() <= self.let_go, "nobody is waited for"
        assert all(told[job] == failure for job, failure in failed.items() if job in told)
        if told.get(ROOT) == _STOPPED:
            assert self.stopping and told.keys() - {ROOT} <= expected.failures
            return
        assert told.keys() == expected.failures
        assert action.outputs == (expected.outputs or {})
        done = self.record.done()
        for job, inputs in expected.jobs.items():
            assert job in failed or done[job] == graphs.work(self.process(job), inputs), f"{job} has run"

    def process(self, job: JobId) -> str:
        """The tool that the job runs."""
        workflow = self.program.workflows[self.program.root]
        *outer, name = job.step.strip("/").split("/")
        for part in outer:
            workflow = self.program.workflows[workflow.steps[part].process]
        return workflow.steps[name].process
