"""A run with a fake site and a real journal, for the tests of the driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hyflow import plain
from hyflow.cwl.processes import Processes
from hyflow.engine.driver import Driver
from hyflow.engine.house import House
from hyflow.engine.sites import Site
from hyflow.engine.state import State
from hyflow.errors import JournalError
from hyflow.journal import Journal, Meta, RunDir, new_run, read_events
from hyflow.model.actions import Conclude
from hyflow.model.events import Event
from hyflow.model.jobs import FailureClass, JobId, Key
from hyflow.model.places import HERE
from hyflow.model.resources import Request
from hyflow.model.retries import Retry
from hyflow.model.workflow import Program
from hyflow.outage import Outage
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover
from hyflow.testing import FakeConnector, FakeSite

DOCUMENT = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {names: "string[]", data: File?, text: {type: string, default: fine}}
outputs: {a: {type: Any, outputSource: each/out}, b: {type: Any, outputSource: beside/out}, c: {type: Any, outputSource: after/out}}
steps:
  each: {run: TOOL, scatter: name, in: {name: names, data: data}, out: [out]}
  after: {run: TOOL, in: {each: each/out, name: {default: after}}, out: [out]}
  beside: {run: TOOL, in: {name: {source: text, valueFrom: "$(self === 'bad' ? undefinedthing : 'beside')"}}, out: [out]}
"""
TOOL = """{class: CommandLineTool, baseCommand: work, inputs: {name: {type: string, inputBinding: {}}, data: File?},
    outputs: {out: {type: "File?", outputBinding: {glob: made}}}}"""


NOTHING_KEPT: Mapping[Key, bytes] = {}


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.stages: list[tuple[JobId, str]] = []
        self.warnings: list[str] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def stage(self, job: JobId, text: str) -> None:
        self.stages.append((job, text))

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Failing:
    """A journal that fails when an event of the kind is to be written."""

    def __init__(self, journal: Journal, kind: type) -> None:
        self._journal, self._kind = journal, kind

    async def append(self, events: Sequence[Event], kept: Mapping[Key, bytes] = NOTHING_KEPT) -> None:
        if any(isinstance(event, self._kind) for event in events):
            raise JournalError("the disk is full")
        await self._journal.append(events, kept)


class Rig:
    """A run with one fake site. `connector` and what it does may be changed before `run`."""

    def __init__(self, program: Program, top: Path) -> None:
        self.program, self.top = program, top
        self.site = FakeSite()
        self.site.location = replace(self.site.location, fleeting=True)
        self.retries = {kind: Retry(1) for kind in FailureClass}
        self.connector = FakeConnector(self.site)
        self.heard = Heard()
        self.run_dir: RunDir = new_run(top, None)
        self.mover = Mover({HERE: HereFiles()}, {HERE: str(top / "data")}, Catalog())
        self.failing: type | None = None
        self.request: Request | None = None
        self.options: dict[str, Any] = {}
        self.driver: Driver | None = None

    async def run(self, *names: str, stop: Callable[[Rig], Awaitable[object]] | None = None, **inputs: Any) -> Conclude:
        try:
            async with asyncio.timeout(15), self._driver() as driver, asyncio.TaskGroup() as group:
                if stop is not None:
                    group.create_task(self._stop(driver, stop))
                return await driver.run({"names": list(names), "data": None, "text": "fine", **inputs})
        except BaseExceptionGroup as errors:
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                [first] = first.exceptions
            raise first from errors

    async def _stop(self, driver: Driver, when: Callable[[Rig], Awaitable[object]]) -> None:
        await when(self)
        driver.stop("interrupt")

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[Driver]:
        meta = Meta(self.run_dir.id, None, 0.0, "test", (), "", program=plain.dumps(self.program), deployment=b"")
        processes = Processes(self.program)
        async with Journal.create(self.run_dir, meta) as journal, self.connector as connector, asyncio.TaskGroup() as group:
            places = {str(place): place for place in await connector.locations()}
            record = Failing(journal, self.failing) if self.failing else journal
            state = State(self.program, "run", places)
            sites = {"fake": Site("fake", connector, group, Outage("fake"))}
            house = House("run", processes, state, record, sites, places, self._bind, self.mover, self.heard, retries=self.retries,
                          options=lambda step, site: {**self.options, "for": f"{step} at {site}"} if self.options else {})  # fmt: skip
            self.driver = Driver(house, group)
            yield self.driver

    def _bind(self, step: str, request: Request) -> tuple[Request, float | None, tuple[str, ...]]:
        return self.request or request, None, ("fake",)

    @property
    def events(self) -> list[Event]:
        """What is on disk."""
        return [record.event for record in read_events(self.run_dir.journal)]

    def of(self, job: JobId) -> list[type]:
        return [type(event) for event in self.events if getattr(event, "job", None) == job and not hasattr(event, "inputs")]

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await asyncio.sleep(0.005)
