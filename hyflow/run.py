"""The composition root: the only file that knows everybody. Puts a run together, drives it, and takes it apart again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from hyflow import plain
from hyflow.control import serve
from hyflow.cwl.processes import Processes
from hyflow.deployment import Deployment
from hyflow.deployment.binding import Override
from hyflow.engine.contained import Containers
from hyflow.engine.driver import Binding, Driver, House, settle
from hyflow.engine.outfit import check_modules, outfit
from hyflow.engine.sites import Site
from hyflow.engine.state import State
from hyflow.entering import enter, first, reached, used
from hyflow.errors import HyflowError, Interrupted, JournalError, UnsupportedRequirement
from hyflow.interruption import Interruption, interruptible
from hyflow.journal import Header, Journal, Meta, RunDir, has_begun, new_run
from hyflow.model.actions import Conclude
from hyflow.model.events import Delivered, Stopping
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Request
from hyflow.model.values import Inputs, Value, map_data
from hyflow.model.workflow import Program
from hyflow.report.observer import Observer
from hyflow.staging import deliver, destination, here
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.move import Mover, landings
from hyflow.staging.tidy import tidy_here, tidy_site
from hyflow.staging.turns import turn

_SHOWN = 5
"""Directories of jobs that may go on somewhere that are named."""

_TIDYING = 120.0
"""Seconds that a site may take to tidy up; the results are delivered by then."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for, read but not yet checked against each other."""

    program: Program
    inputs: Inputs
    deployment: Deployment
    home: Path
    outdir: Path
    name: str | None
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: with `outputs` (status 0), or with failures. `status` is the exit status of the command."""

    run: str
    outputs: Value
    failures: tuple[tuple[JobId, Failure], ...]
    status: int


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, from its record on."""

    order: Order
    observer: Observer
    processes: Processes
    dir: RunDir
    journal: Journal
    interruption: Interruption


async def execute(order: Order, observer: Observer) -> Result:
    """Run to the end. Raises HyflowError for what is wrong before anything ran, or when the run's record is lost; Interrupted when
    somebody stopped it before it began."""
    return await interruptible(lambda interruption: _execute(order, observer, interruption))


async def _execute(order: Order, observer: Observer, interruption: Interruption) -> Result:
    destination.check(order.outdir, [order.home / "runs", order.home / "cache"])
    processes = Processes(order.program)
    order.deployment.check_steps(processes.step_paths(), processes.evaluated_paths())
    run_dir = new_run(order.home, order.name)
    recorded = False
    try:
        async with AsyncExitStack() as stack:
            with interruption.held():
                journal = await stack.enter_async_context(Journal.create(run_dir, _meta(order, run_dir)))
            recorded = True
            return await _with_sites(_Run(order, observer, processes, run_dir, journal, interruption))
    except BaseExceptionGroup as group:
        raise first(group) from group
    finally:
        if not recorded or not has_begun(run_dir):  # its inputs do not fit, a site cannot be reached: no run to be listed
            here.remove(str(run_dir.path))


def _meta(order: Order, run_dir: RunDir) -> Meta:
    header = Header(run_dir.id, order.name, time.time(), order.program.source, order.arguments, str(order.outdir))
    fields = {name: getattr(header, name) for name in Header.__slots__}
    return Meta(**fields, program=plain.dumps(order.program), deployment=order.deployment.text.encode())


async def _containers(
    run: _Run, sites: Mapping[str, Site], places: Mapping[str, Location], mover: Mover, group: asyncio.TaskGroup
) -> dict[str, Containers]:
    """The container engines of the sites."""
    at = {place.site: place for place in places.values()}

    async def localize(uri: str, site: str) -> str:
        return (await mover.localize([uri], at[site]))[uri]

    connectors = {name: site.connector for name, site in sites.items()}
    return await outfit(run.order.deployment, run.processes, connectors, run.dir.id, localize, run.observer, group)


async def _with_sites(run: _Run) -> Result:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        try:
            sites = await _connect(run.order.deployment, run.processes, run.dir, group, stack)
            places = {str(place): place for site in sites.values() for place in await site.connector.locations()}
            run.order.deployment.check_locations({name: [place.name for place in places.values() if place.site == name] for name in sites})
            connectors = {name: site.connector for name, site in sites.items()}
            mover = Mover(reached(connectors, places), landings(run.dir.id, places.values(), run.dir.path), Catalog())
            state = State(run.order.program, run.dir.id, places)
            binding = _binding(run.order.deployment, places)
            containers = await _containers(run, sites, places, mover, group)
            check_modules(run.order.deployment, run.processes, sites, containers, run.observer)
            modules = {name: site.modules for name, site in run.order.deployment.sites.items() if site.modules}
            house = House(run.dir.id, run.processes, state, run.journal, sites, places, binding, mover, run.observer, containers, modules)
            inputs = await settle(lambda facts: run.processes.start(run.order.inputs, facts), mover, scripted=True)
            return await _drive(run, house, group, inputs)
        finally:
            run.interruption.leave()


async def _drive(run: _Run, house: House, group: asyncio.TaskGroup, inputs: Inputs) -> Result:
    """From the first event to the last."""
    result: Result | None = None
    driver = Driver(house, group)
    run.observer.begin(run.order.program, run.dir.id)
    for warning in destination.warnings(run.order.outdir, inputs):
        run.observer.warn(warning)
    try:
        async with _heard(run):
            with run.interruption.meaning(driver.stop, lambda until: _hurry(house.sites, until)):
                conclusion = await driver.run(inputs)
            result = await _conclude(run, conclusion, house.mover)
            if result.status == 0:
                await _tidy(run, house.sites, house.locations.values())
            return result
    finally:
        run.interruption.leave()
        for site in house.sites.values():
            _tell_left(site, run.observer)
        for engine in house.containers.values():
            engine.close()
        await house.mover.close()
        run.observer.end(result.failures if result else ())


@contextlib.asynccontextmanager
async def _heard(run: _Run) -> AsyncIterator[None]:
    """Other terminals may ask for the end, as signals do."""

    async def asked(what: str) -> None:
        run.interruption.ask(what)

    async with serve(run.dir, asked) as trouble:
        if trouble is not None:
            run.observer.warn(trouble)
        yield


def _hurry(sites: Mapping[str, Site], until: float) -> None:
    for site in sites.values():
        site.hurry(until)


def _tell_left(site: Site, observer: Observer) -> None:
    """What could not be ended is named: its owner has to do it."""
    if site.left:
        directories = list(site.left)
        shown = ", ".join(directories[:_SHOWN]) + (f" and {len(directories) - _SHOWN:,} more" if len(directories) > _SHOWN else "")
        jobs = "1 job" if len(directories) == 1 else f"{len(directories):,} jobs"
        why = next(iter(site.left.values()))
        observer.alarm(f"{jobs} could not be ended and may go on at {site.name}, in {shown}: {why}")


async def _connect(
    deployment: Deployment, processes: Processes, run_dir: RunDir, group: asyncio.TaskGroup, stack: AsyncExitStack
) -> dict[str, Site]:
    """Enter the connectors of those sites that some step is bound to."""
    sites: dict[str, Site] = {}
    for name in used(deployment, processes):
        sites[name] = Site(name, await enter(deployment.sites[name], run_dir.id, run_dir.state(name), stack), group)
    return sites


async def _tidy(run: _Run, sites: Mapping[str, Site], places: Iterable[Location]) -> None:
    """What a successful run leaves behind goes; a site that cannot be reached any more costs a warning, not the result."""
    for place in places:
        try:
            if HERE in place.mounts:
                await asyncio.to_thread(tidy_here, run.dir.path, place, run.dir.id)
            async with asyncio.timeout(_TIDYING):
                await sites[place.site].forget()
                if HERE not in place.mounts:
                    await tidy_site(sites[place.site].connector, place, run.dir.id)
        except (HyflowError, OSError) as error:  # a TimeoutError is an OSError
            run.observer.warn(f"what the run left at {place} is still there: {_why(error)}")
        except asyncio.CancelledError:
            if not run.interruption.caught():
                raise
            run.observer.warn(f"what the run left at {place} is still there: removing it was interrupted")
            return


def _why(error: Exception) -> str:
    """In words: the operating system's own, without numbers."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or "the site gives no answer"


def _binding(deployment: Deployment, places: Mapping[str, Location]) -> Binding:
    """What a step asks in the end, and where it may run, by its path; worked out once a step."""
    known: dict[str, tuple[tuple[str, ...], Override]] = {}

    def bound(step: str, request: Request) -> tuple[Request, float | None, tuple[str, ...]]:
        if step not in known:
            known[step] = (_locations(deployment, step, places), deployment.override(step))
        names, override = known[step]
        return _overridden(request, override), override.time, names

    return bound


def _locations(deployment: Deployment, step: str, places: Mapping[str, Location]) -> tuple[str, ...]:
    names: list[str] = []
    for target in deployment.targets(step):
        found = [
            name for name, place in places.items()
            if place.site == target.site and target.location in (None, place.name)
        ]  # fmt: skip
        names += found
    return tuple(names)


def _overridden(request: Request, override: Override) -> Request:
    changes = {name: value for name in ("cores", "memory", "gpus") if (value := getattr(override, name)) is not None}
    return Request(replace(request.least, **changes), replace(request.most, **changes)) if changes else request


async def _conclude(run: _Run, end: Conclude, mover: Mover) -> Result:
    """Deliver the results of a run that succeeded, and tell everybody."""
    if end.failures:
        status = _status(end.failures)
        run.interruption.heeded = status == Interrupted.exit_status
        return Result(run.dir.id, None, end.failures, status)
    if run.interruption.reason is not None:  # it came in the very turn in which the last job ended
        return await _undelivered(run, run.interruption.reason)
    this_machine = Location("", "", HERE, str(run.dir.path), {HERE: "/"})
    try:
        async with turn(run.order.outdir, lambda: run.observer.warn(f"waiting: another run delivers to {run.order.outdir}")):
            outputs = await deliver.Delivery(run.order.outdir, run.dir.path, mover, end.inputs).deliver(end.outputs, this_machine)
    except asyncio.CancelledError:
        if not run.interruption.caught() or run.interruption.reason is None:
            raise
        return await _undelivered(run, run.interruption.reason)
    await _delivered(run, Delivered(outputs, time.time()))
    return Result(run.dir.id, outputs, (), 0)


async def _undelivered(run: _Run, reason: str) -> Result:
    """Every job is done, but not every result is where its user wants it."""
    run.interruption.heeded = True
    run.interruption.leave()
    event = Stopping(reason, time.time())
    await run.journal.append([event])
    run.observer.event(event)
    run.observer.alarm(f"not all results were delivered to {run.order.outdir}: the others are still below {run.dir.path}")
    return Result(run.dir.id, None, (), Interrupted.exit_status)


async def _delivered(run: _Run, event: Delivered) -> None:
    try:
        with run.interruption.held():
            await run.journal.append([event])
    except JournalError as error:
        what = f"the results are in {run.order.outdir}, but {error.what}"
        raise JournalError(what, where=error.where, hint=error.hint) from error
    run.observer.event(event)


def _status(failures: Sequence[tuple[JobId, Failure]]) -> int:
    if any(failure.unsupported for _, failure in failures):
        return UnsupportedRequirement.exit_status
    return Interrupted.exit_status if any(failure.kind is FailureClass.CANCELLED for _, failure in failures) else 1


async def check_inputs(processes: Processes, inputs: Inputs) -> None:
    """Check an input object without running anything; what lies on the web or at a site is not looked at.

    Raises InputError with every mistake.
    """
    mover = Mover({HERE: HereFiles()}, {}, Catalog())
    known = map_data(inputs, _unseen)
    await settle(lambda facts: processes.start(known, facts), mover, scripted=True)


def _unseen(data: dict[str, Value]) -> dict[str, Value]:
    """What is not fetched, in it or itself, as a file or a directory that is empty."""
    parts = {part: [_unseen(item) if isinstance(item, dict) else item for item in data[part]]
             for part in ("secondaryFiles", "listing") if isinstance(data.get(part), list)}
    if str(data.get("location", "file:")).startswith("file:"):
        return {**data, **parts}
    empty: dict[str, Value] = {"listing": []} if data.get("class") == "Directory" else {"contents": ""}
    return {**{name: value for name, value in data.items() if name != "location"}, **parts, **empty}
