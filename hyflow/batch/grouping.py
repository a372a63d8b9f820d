"""Which tasks share a batch, and which of a batch share one of its jobs. Pure: what waits and what is known go in, batches come out."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hyflow.batch.settings import Submit
from hyflow.batch.system import Limits, Shape
from hyflow.model.jobs import Key
from hyflow.model.quantities import parse_time
from hyflow.model.resources import MIB
from hyflow.model.tasks import Task

MARGIN = 300.0
"""Seconds that a job may take beside its tasks' commands: for what is staged and collected, and for a slow start."""
APIECE = 30.0
"""The same for each task that follows another one."""
CORES = 8
"""The most cores that a job of several tasks asks for, where nobody says otherwise."""
BALANCE = 3
"""Jobs of several tasks for each that can run at a time: so that those who end first find more to do."""
KNOWN = 20
"""How many tasks of a step, the last ones, say how long those take."""


@dataclass(frozen=True, slots=True)
class Element:
    """One job of an array: its tasks, of which `lanes` run at a time."""

    keys: tuple[Key, ...]
    lanes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """An array job in the making. `shape`: what each of its elements asks for; `step`: whose tasks they are, "" where of several steps."""

    shape: Shape
    elements: tuple[Element, ...]
    step: str

    @property
    def keys(self) -> list[Key]:
        return [key for element in self.elements for key in element.keys]


@dataclass(slots=True)
class Durations:
    """How long tasks have taken, by their step; the only thing here that changes."""

    known: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=KNOWN)))

    def learn(self, step: str, seconds: float) -> None:
        self.known[step].append(seconds)

    def expected(self, task: Task) -> float | None:
        """Seconds that the task takes most likely, at most; None: nobody knows. A limit is no forecast, but nothing takes longer."""
        before = sorted(self.known[step]) if (step := step_of(task)) in self.known else []
        usual = before[len(before) * 9 // 10] if before else None
        return min((known for known in (usual, task.time_limit) if known is not None), default=None)


def step_of(task: Task) -> str:
    """The path of the step that the task is one of."""
    return task.label.partition("[")[0]


def shape_of(task: Task) -> Shape:
    """What the task asks for by itself. Memory that nobody asked for is not asked of the queue: it would end who uses more."""
    amounts, count = task.resources, max(1, task.processes or 1)
    memory = math.ceil(amounts.memory / MIB) * MIB if "memory" in task.limits else None
    options = tuple(sorted((name, tuple(value) if isinstance(value, list) else value) for name, value in task.options.items()))
    return Shape(max(count, math.ceil(amounts.cores - 1e-9)), memory, amounts.gpus, task.time_limit, task.processes, options)


def first_batch(tasks: Sequence[Task], room: int, submit: Submit, limits: Limits, durations: Durations, queue_option: str) -> Batch:
    """The batch that the first of the tasks belongs to, with as many more of those as are alike and as `room` (jobs, at least 1) allows.
    `queue_option`: the option that names a queue, whose longest time holds."""
    shape = shape_of(tasks[0])
    alike = [task for task in tasks if shape_of(task) == shape]
    most = min(room, submit.array_max, limits.array or submit.array_max)
    lanes, each = packing(shape, alike, submit, limits, durations)
    chosen = alike[:most * each]
    parts = [chosen[start:start + each] for start in range(0, len(chosen), each)]
    elements = tuple(Element(tuple(task.key for task in part), min(lanes, len(part))) for part in parts)
    steps = {step_of(task) for task in chosen}
    expected = max((known for task in chosen if (known := durations.expected(task)) is not None), default=None)
    asked = bounded(whole(shape, max(element.lanes for element in elements), each, expected), limits, queue_option)
    return Batch(asked, elements, steps.pop() if len(steps) == 1 else "")


def packing(shape: Shape, tasks: Sequence[Task], submit: Submit, limits: Limits, durations: Durations) -> tuple[int, int]:
    """How many tasks a job runs at a time, and how many in all; 1 and 1 where they are not known to be short, or need more than cores
    and memory."""
    times = [durations.expected(task) for task in tasks]
    if shape.gpus or shape.processes is not None or any(time is None or time >= parse_time(submit.pack.below) for time in times):
        return 1, 1
    longest = max(max(time for time in times if time is not None), 0.1)
    node = limits.largest
    cores = submit.pack.cores or min(CORES, int(node.cores) if node else 1)
    lanes = max(1, min(cores // shape.cores, len(tasks)))
    if shape.memory and node and node.memory:
        lanes = max(1, min(lanes, node.memory // shape.memory))
    at_once = max(1, (limits.cores or cores * submit.max_jobs) // (lanes * shape.cores))
    filling = max(1, int(parse_time(submit.pack.target) / longest)) * lanes
    return lanes, min(filling, max(lanes, math.ceil(len(tasks) / (min(at_once, submit.max_jobs) * BALANCE))))


def whole(shape: Shape, lanes: int, each: int, expected: float | None) -> Shape:
    """What a job asks for that runs so many of such tasks, `lanes` at a time. Its time is what ends it should nothing else do so."""
    turns = math.ceil(each / lanes)
    given = dict(shape.options).get("time")
    each_time = 3 * expected if shape.time is None and turns > 1 and expected is not None else shape.time
    time = None if each_time is None else turns * each_time + (turns - 1) * APIECE + MARGIN
    if shape.time is None and time is not None and given is not None:
        time = max(time, parse_time(given))
    return replace(
        shape, cores=shape.cores * lanes, memory=None if shape.memory is None else shape.memory * lanes, gpus=shape.gpus * lanes, time=time
    )


def bounded(shape: Shape, limits: Limits, queue_option: str) -> Shape:
    """The same with no more time than its queue gives, where all that is beyond is what we have added; a task that asks for more by itself
    is for the queue to refuse."""
    longest = limits.longest.get(dict(shape.options).get(queue_option) or "")
    return shape if shape.time is None or longest is None else replace(shape, time=min(shape.time, longest))
