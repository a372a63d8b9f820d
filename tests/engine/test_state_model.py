"""The engine's state in a world where everything happens that may: whatever it is, nothing is lost, done twice, or done too early.

The world (`tests/support/world.py`) checks every decision as it is made. At last a run that nobody disturbs any more gives what a
simple evaluation of the program gives (`tests/support/graphs.py`).
"""

from __future__ import annotations

from typing import Any

import graphs
import world
from generated import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hyflow.engine.replay import downstream
from hyflow.model.events import Rerun
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Resources

PICKS = st.integers(0, 11)
WAYS = st.sampled_from([world.NORMAL, world.NORMAL, world.NORMAL, world.NORMAL, world.FINAL, world.AGAIN, world.REUSED])
ENDS = st.sampled_from([world.NORMAL, world.NORMAL, world.NORMAL, world.FINAL, world.AGAIN, world.CANCELLED])


@st.composite
def locations(draw: Any) -> dict[str, Location]:
    """One or two places to run."""
    def place(name: str) -> Location:
        cores = draw(st.sampled_from([None, 1, 2, 3]))
        room = None if cores is None else Resources(cores)
        return Location(name, "", HERE, "/work", {HERE: "/"}, room, room, draw(st.integers(0, 2)), draw(st.booleans()))

    return {name: place(name) for name in ["near", "far"][:draw(st.integers(1, 2))]}


class Runs(RuleBasedStateMachine):
    """One run, whatever befalls it."""

    @initialize(program=graphs.programs(), locations=locations(), window=st.integers(1, 4))
    def begins(self, program: Any, locations: dict[str, Location], window: int) -> None:
        self.world = world.World(program, locations, window)

    def driven(self) -> bool:
        return self.world.state is not None

    def left(self) -> bool:
        return self.world.state is None and bool(self.world.record.events)

    @precondition(driven)
    @rule(count=st.integers(1, 9))
    def record(self, count: int) -> None:
        self.world.commit(count)

    @precondition(driven)
    @rule(work=st.lists(st.tuples(PICKS, WAYS), min_size=1, max_size=6))
    def work(self, work: list[tuple[int, str]]) -> None:
        for pick, how in work:
            self.world.carry_on(pick, how)

    @precondition(driven)
    @rule(work=st.lists(st.tuples(PICKS, WAYS, PICKS, ENDS), min_size=4, max_size=9))
    def time_passes(self, work: list[tuple[int, str, int, str]]) -> None:
        for pick, how, running, end in work:
            if self.world.state is not None:
                self.world.commit(2)
            if self.world.state is not None:
                self.world.carry_on(pick, how)
                self.world.end_attempt(running, end)

    @rule(pick=PICKS, how=ENDS)
    def attempt_ends(self, pick: int, how: str) -> None:
        self.world.end_attempt(pick, how)

    @precondition(driven)
    @rule(reason=st.sampled_from(["interrupt", "terminate", "hangup", "cancel"]))
    def stop(self, reason: str) -> None:
        self.world.stop(reason)

    @precondition(driven)
    @rule()
    def die(self) -> None:
        self.world.die()

    @precondition(driven)
    @rule(count=st.integers(1, 9))
    def die_when_it_is_durable(self, count: int) -> None:
        self.world.commit(count, heard=False)

    @precondition(left)
    @rule()
    def resume(self) -> None:
        self.world.resume()

    @precondition(left)
    @rule()
    def rerun_failed(self) -> None:
        self.world.resume(Rerun((), True, 0.0))

    @precondition(left)
    @rule(pick=PICKS, failed=st.booleans())
    def rerun_step(self, pick: int, failed: bool) -> None:
        program = self.world.program
        steps = sorted({path for name in program.workflows[program.root].steps for path in downstream(program, name)})
        self.world.resume(Rerun(downstream(program, steps[pick % len(steps)]), failed, 0.0))

    def teardown(self) -> None:
        """It comes to its end, and stays there."""
        if not hasattr(self, "world"):
            return
        if self.world.state is None and not self.world.record.events:
            self.world.start()
        self.world.last = None
        conclusion = self.world.finish()
        self.world.resume()
        assert self.world.posted[1:] == []
        self.world.commit(1)
        assert self.world.concluded == conclusion
        assert self.world.errands == []


Runs.TestCase.settings = settings(examples(60), stateful_step_count=30)
TestRuns = Runs.TestCase
