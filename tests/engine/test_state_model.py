"""The engine's state in a world where everything happens that may: whatever it is, nothing is lost, done twice, or done too early.

The world (`tests/support/world.py`) checks every decision as it is made. At last a run that nobody disturbs any more gives what a
simple evaluation of the program gives (`tests/support/graphs.py`).
"""

from __future__ import annotations

from typing import Any

import errands
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
WAYS = st.sampled_from([errands.NORMAL] * 9 + [errands.FINAL, errands.AGAIN, errands.REUSED])
ENDS = st.sampled_from([errands.NORMAL] * 3 + [errands.FINAL, errands.AGAIN, errands.AGAIN, errands.CANCELLED])


@st.composite
def locations(draw: Any) -> dict[str, Location]:
    """One or two places to run."""
    def place(name: str) -> Location:
        cores = draw(st.sampled_from([None, 2, 3, 4]))
        room = None if cores is None else Resources(cores)
        return Location(name, "", HERE, "/work", {HERE: "/"}, room, room, draw(st.integers(0, 2)), draw(st.booleans()))

    return {name: place(name) for name in ["near", "far"][:draw(st.integers(1, 2))]}


class Runs(RuleBasedStateMachine):
    """One run, whatever befalls it."""

    @initialize(program=graphs.programs(), locations=locations(), window=st.sampled_from([1, 2, 3, 8]))
    def begins(self, program: Any, locations: dict[str, Location], window: int) -> None:
        self.world = world.World(program, locations, window)

    def driven(self) -> bool:
        return self.world.state is not None

    def left(self) -> bool:
        return self.world.state is None and bool(self.world.record.events)

    @precondition(driven)
    @rule(work=st.lists(st.tuples(PICKS, WAYS, PICKS, ENDS, st.integers(0, 4)), min_size=4, max_size=12))
    def time_passes(self, work: list[tuple[int, str, int, str, int]]) -> None:
        for pick, how, running, end, durable in work:
            if self.world.state is not None:
                self.world.carry_on(pick, how)
                self.world.end_attempt(running, end)
                self.world.commit(durable)

    @precondition(driven)
    @rule(pick=PICKS, durable=st.integers(2, 9))
    def much_begins(self, pick: int, durable: int) -> None:
        """Until nothing is left to do but to wait for the site."""
        for _ in range(40):
            self.world.commit(durable)
            if self.world.state is None or not (self.world.carry_on(pick) or self.world.posted):
                break

    @rule(pick=PICKS, ends=st.lists(ENDS, min_size=1, max_size=3))
    def attempts_end(self, pick: int, ends: list[str]) -> None:
        for how in ends:
            self.world.end_attempt(pick, how)

    @precondition(driven)
    @rule(reason=st.sampled_from(["interrupt", "terminate", "hangup", "cancel"]), at_once=st.booleans())
    def stop(self, reason: str, at_once: bool) -> None:
        """Which is heard after all that was posted before, or before all that has not been heard yet."""
        self.world.stop(reason, at_once=at_once)
        self.world.commit(len(self.world.posted))

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
        steps = graphs.below(program, program.root, "")
        chosen = downstream(program, steps[pick % len(steps)])
        assert set(chosen) == graphs.following(program, steps[pick % len(steps)])
        self.world.resume(Rerun(chosen, failed, 0.0))

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


Runs.TestCase.settings = settings(examples(60), stateful_step_count=25)
TestRuns = Runs.TestCase
