"""Which tasks share a batch, and which of a batch share a job: what must hold for whatever waits."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyflow.batch.grouping import MARGIN, Durations, first_batch, shape_of, step_of
from hyflow.batch.settings import Pack, Submit
from hyflow.batch.system import Limits
from hyflow.model.jobs import Key
from hyflow.model.quantities import parse_time
from hyflow.model.resources import MIB, Resources
from hyflow.model.tasks import Task


def task(number: int, **how: Any) -> Task:
    told = {"label": f"/step[{number}]", "resources": Resources(cores=1.0), **how}
    return Task(key=Key(f"k{number}"), argv=("true",), dir="/w", environment={}, **told)


@st.composite
def tasks(draw: Any) -> list[Task]:
    kinds = st.fixed_dictionaries({
        "resources": st.builds(Resources, cores=st.sampled_from((0.5, 1.0, 2.0, 4.0)), memory=st.sampled_from((256 * MIB, 1024 * MIB))),
        "time_limit": st.sampled_from((None, 20.0, 60.0, 900.0)), "limits": st.sampled_from((frozenset[str](), frozenset({"memory"}))),
    })  # fmt: skip
    made = draw(st.lists(kinds, min_size=1, max_size=3))
    return [task(number, **made[draw(st.integers(0, len(made) - 1))]) for number in range(draw(st.integers(1, 40)))]


SUBMITS = st.builds(
    Submit, max_jobs=st.integers(1, 50), array_max=st.integers(1, 30),
    pack=st.builds(Pack, below=st.sampled_from(("0s", "2m", "10m")), target=st.sampled_from(("1m", "30m")),
                   cores=st.sampled_from((None, 1, 4))),
)  # fmt: skip
NODE = Resources(8, 4096 * MIB)
LIMITS = st.builds(
    Limits, array=st.sampled_from((None, 1, 5)), longest=st.sampled_from(({}, {"": 1200.0})), largest=st.sampled_from((None, NODE)),
    cores=st.sampled_from((None, 8, 64)),
)  # fmt: skip


@given(tasks(), st.integers(1, 20), SUBMITS, LIMITS, st.sampled_from((None, 5.0, 100.0)))
def test_every_task_is_in_one_batch_and_no_batch_is_more_than_is_allowed(
    waiting: list[Task], room: int, submit: Submit, limits: Limits, known: float | None
) -> None:
    durations = Durations()
    if known is not None:
        durations.learn("/step", known)
    left, placed = list(waiting), list[Key]()
    while left:
        batch = first_batch(left, room, submit, limits, durations, "queue")
        by_key = {each.key: each for each in left}
        assert batch.keys[0] == left[0].key
        assert len({shape_of(by_key[key]) for key in batch.keys}) == 1
        assert [key for key in by_key if key in set(batch.keys)] == batch.keys  # in the order in which they wait
        assert 1 <= len(batch.elements) <= min(room, submit.array_max, limits.array or room)
        one, most = shape_of(left[0]), max(element.lanes for element in batch.elements)
        assert batch.shape.cores == one.cores * most
        assert most == 1 or batch.shape.cores <= (limits.largest.cores if limits.largest else submit.pack.cores or 1)
        for element in batch.elements:
            assert 1 <= element.lanes <= len(element.keys)
            if len(element.keys) > 1:
                assert all((durations.expected(by_key[key]) or 0) < parse_time(submit.pack.below) for key in element.keys)
                assert len(element.keys) == element.lanes or batch.shape.time is not None
        if one.time is not None and not limits.longest:
            assert batch.shape.time is not None and batch.shape.time >= one.time + MARGIN
        if limits.longest and batch.shape.time is not None:
            assert batch.shape.time <= 1200.0
        placed += batch.keys
        left = [each for each in left if each.key not in set(batch.keys)]
    assert sorted(placed) == sorted(each.key for each in waiting)


def test_a_task_that_asks_for_gpus_or_processes_has_its_job_for_itself() -> None:
    for how in ({"resources": Resources(cores=1, gpus=1)}, {"processes": 2}):
        batch = first_batch([task(n, time_limit=10.0, **how) for n in range(8)], 2, Submit(), Limits(largest=NODE), Durations(), "queue")
        assert [len(element.keys) for element in batch.elements] == [1, 1]


def test_the_times_of_tasks_before_say_how_long_the_next_one_takes() -> None:
    durations = Durations()
    assert durations.expected(task(1)) is None and durations.expected(task(1, time_limit=30.0)) == 30.0
    for seconds in range(100):
        durations.learn("/step", float(seconds))
    assert durations.expected(task(1)) == 98.0 and durations.expected(task(1, time_limit=30.0)) == 30.0
    assert step_of(task(7)) == "/step"
