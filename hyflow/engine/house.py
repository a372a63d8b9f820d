"""All that a driver works with, and how pure functions that ask for facts get their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hyflow.cwl.processes import Processes
from hyflow.engine.contained import Containers
from hyflow.engine.reusing import Reusing
from hyflow.engine.sites import Site
from hyflow.engine.state import State
from hyflow.model.events import Event
from hyflow.model.facts import Ask, Fact, Facts
from hyflow.model.jobs import JobId, Key
from hyflow.model.places import Location
from hyflow.model.resources import Request
from hyflow.model.retries import RETRIES, Retries
from hyflow.staging.move import Mover

T = TypeVar("T")


class Record(Protocol):
    """Where events are made durable: the journal."""

    async def append(self, events: Sequence[Event], kept: Mapping[Key, bytes] = ...) -> None: ...


class Binding(Protocol):
    """What a step asks in the end (resources, and seconds of time: None leaves the tool's own limit), and where the deployment
    allows it to run (locations by name, best first)."""

    def __call__(self, step: str, request: Request) -> tuple[Request, float | None, tuple[str, ...]]: ...


class Options(Protocol):
    """What the deployment says of a step's jobs at a site, in the words of its batch system (`Task.options`)."""

    def __call__(self, step: str, site: str) -> Mapping[str, Any]: ...


class Listener(Protocol):
    """Somebody who watches: told of every event once it is durable, of staging (its "begin" and its "end"), of what stops nothing."""

    def event(self, event: Event) -> None: ...

    def stage(self, job: JobId, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


def _no_options(step: str, site: str) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class House:
    """All that a driver works with; `run.py` puts it together. `locations` by the name that events use."""

    run: str
    processes: Processes
    state: State
    journal: Record
    sites: Mapping[str, Site]
    locations: Mapping[str, Location]
    binding: Binding
    mover: Mover
    listener: Listener
    containers: Mapping[str, Containers] = field(default_factory=dict)
    """The container engine of each site that has one and uses it."""
    modules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The environment modules of each site that has some, by the name of the software."""
    retries: Retries = field(default_factory=lambda: RETRIES)
    """How often a job is tried, by the class of its failures."""
    reuse: Reusing | None = None
    """What takes results of earlier runs, and keeps those of this one; None where that is not wanted."""
    options: Options = _no_options


async def settle(call: Callable[[Facts], T | Ask], mover: Mover, scripted: bool) -> T:
    """The result of a pure function that may ask for facts. `scripted`: it may run JavaScript, so not on the loop's thread."""
    facts: dict[Fact, Any] = {}
    while True:
        answer = await asyncio.to_thread(call, facts) if scripted else call(facts)
        if not isinstance(answer, Ask):
            return answer
        facts.update(await mover.answer(answer.facts))
