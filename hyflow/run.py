"""The composition root: the only file that knows everybody. Puts a run together, new or taken up again, drives it, and takes it apart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hyflow import plain, resuming
from hyflow.binding import binding_of, options_of
from hyflow.connector import Stay
from hyflow.control import serve
from hyflow.cwl.processes import Processes
from hyflow.delivering import Delivering
from hyflow.deployment import Deployment
from hyflow.engine.archives import Archives
from hyflow.engine.contained import Containers
from hyflow.engine.driver import Driver
from hyflow.engine.house import House, settle
from hyflow.engine.outfit import check_modules, outfit
from hyflow.engine.replay import downstream
from hyflow.engine.sites import Site
from hyflow.engine.state import State
from hyflow.entering import enter, first, reached, used
from hyflow.errors import HyflowError, Interrupted, SiteError, UnsupportedRequirement
from hyflow.interruption import Interruption, interruptible
from hyflow.journal import Header, Journal, Meta, Phase, RunDir, has_begun, new_run, read_session
from hyflow.keeping import keeping, prune, stale
from hyflow.model.actions import Conclude
from hyflow.model.events import Failed, Rerun, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.model.places import HERE, Location
from hyflow.model.values import Inputs, Value, map_data
from hyflow.model.workflow import Program
from hyflow.outage import Outage
from hyflow.report.observer import Observer
from hyflow.report.sofar import SoFar, taken_up
from hyflow.rerunning import begin_again
from hyflow.results import bound
from hyflow.resuming import Wish
from hyflow.staging import destination, here
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import HereFiles
from hyflow.staging.landed import Landed
from hyflow.staging.move import Mover, landings

_SHOWN = 5
"""Directories of jobs that may go on somewhere, and jobs that have failed, that are named."""


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
    reuse: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: with `outputs` (status 0), or with failures. `status` is the exit status of the command."""

    run: str
    outputs: Value
    failures: tuple[tuple[JobId, Failure], ...]
    status: int


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, from its record on. `begin` says how it is driven, once everything is there: from its inputs, or from where it was."""

    program: Program
    deployment: Deployment
    outdir: Path
    observer: Observer
    processes: Processes
    dir: RunDir
    journal: Journal
    interruption: Interruption
    begin: Callable[[House], Awaitable[Beginning]]
    reuse: bool
    so_far: SoFar | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run starts from: its inputs, and what its driver is to do."""

    inputs: Inputs
    drive: Callable[[Driver], Awaitable[Conclude]]


async def execute(order: Order, observer: Observer) -> Result:
    """Run to the end. Raises HyflowError for what is wrong before anything ran, or when the run's record is lost; Interrupted when
    somebody stopped it before it began."""
    return await interruptible(lambda interruption: _execute(order, observer, interruption))


async def resume(run_dir: RunDir, wish: Wish, observer: Observer) -> Result:
    """Go on with a run to its end. Raises HyflowError when that cannot be: another process drives it, or its record cannot be used."""
    return await interruptible(lambda interruption: _resume(run_dir, wish, observer, interruption))


async def _execute(order: Order, observer: Observer, interruption: Interruption) -> Result:
    destination.check(order.outdir, [order.home / "runs", order.home / "cache"])
    processes = Processes(order.program)
    order.deployment.check_steps(processes.step_paths(), processes.evaluated_paths())
    run_dir = new_run(order.home, order.name)

    async def begin(house: House) -> Beginning:
        inputs = await settle(lambda facts: processes.start(order.inputs, facts), house.mover, scripted=True)
        return Beginning(inputs, lambda driver: driver.run(inputs))

    recorded = False
    try:
        async with AsyncExitStack() as stack:
            with interruption.held():
                journal = await stack.enter_async_context(Journal.create(run_dir, _meta(order, run_dir)))
            recorded = True
            return await _with_sites(_Run(
                order.program, order.deployment, order.outdir, observer, processes, run_dir, journal, interruption, begin, order.reuse,
            ))  # fmt: skip
    except BaseExceptionGroup as group:
        raise first(group) from group
    finally:
        if not recorded or not has_begun(run_dir):  # its inputs do not fit, a site cannot be reached: no run to be listed
            here.remove(str(run_dir.path))


async def _resume(run_dir: RunDir, wish: Wish, observer: Observer, interruption: Interruption) -> Result:
    resuming.check(run_dir, wish)
    elsewhere = read_session(run_dir.journal).owner.host not in ("", socket.gethostname())
    try:
        async with AsyncExitStack() as stack:
            with interruption.held():
                journal = await stack.enter_async_context(Journal.open(run_dir))
            known = resuming.known(run_dir)
            await begin_again(run_dir, wish, known, journal, observer.note, elsewhere=elsewhere)
            if (end := resuming.delivered(run_dir)) is not None:  # another driver has come to the end meanwhile
                return Result(run_dir.id, end.outputs, (), 0)

            async def begin(house: House) -> Beginning:
                found = await asyncio.to_thread(resuming.replayed, run_dir, house.state)
                await _end_strays(found.strays, house.sites, journal)
                await house.mover.restore()
                return Beginning(house.state.inputs, lambda driver: driver.resume(socket.gethostname(), found.wanted))

            processes, past = Processes(known.program), taken_up(run_dir, journal.figures())
            return await _with_sites(_Run(
                known.program, known.deployment, known.outdir, observer, processes, run_dir, journal, interruption, begin, wish.reuse, past,
            ))  # fmt: skip
    except BaseExceptionGroup as group:
        raise first(group) from group


async def _end_strays(strays: Sequence[Submitting], sites: Mapping[str, Site], journal: Journal) -> None:
    """What nobody wants any more must not run beside what takes its place."""
    failure = Failure(FailureClass.CANCELLED, "it was ended: what it needs is made again")
    for name, site in sites.items():
        theirs = [stray for stray in strays if stray.location.partition("/")[0] == name]
        await site.end({stray.key: stray.dir for stray in theirs})
        await journal.append([Failed(stray.job, stray.key, failure, time.time()) for stray in theirs])


def _meta(order: Order, run_dir: RunDir) -> Meta:
    header = Header(run_dir.id, order.name, time.time(), order.program.source, order.arguments, str(order.outdir))
    fields = {name: getattr(header, name) for name in Header.__slots__}
    return Meta(**fields, program=plain.dumps(order.program), deployment=order.deployment.text.encode())


async def _containers(
    run: _Run, sites: Mapping[str, Site], places: Mapping[str, Location], mover: Mover, archives: Archives, group: asyncio.TaskGroup
) -> dict[str, Containers]:
    """The container engines of the sites."""
    at = {place.site: place for place in places.values()}

    async def localize(uri: str, site: str) -> str:
        return (await mover.localize([uri], at[site]))[uri]

    connectors = {name: site.connector for name, site in sites.items()}
    return await outfit(run.deployment, run.processes, connectors, run.dir.id, localize, archives, run.observer, group)


async def _with_sites(run: _Run) -> Result:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        try:
            sites = await _connect(run, group, stack)
            places = {str(place): place for site in sites.values() for place in await site.connector.locations()}
            run.deployment.check_locations({name: [place.name for place in places.values() if place.site == name] for name in sites})
            connectors = {name: site.connector for name, site in sites.items()}
            copies = landings(run.dir.id, places.values(), run.dir.path)
            outages = {name: site.outage for name, site in sites.items()}
            mover = Mover(reached(connectors, places, outages), copies, Catalog(), Landed(run.dir.path / "landed"))
            state = State(run.program, run.dir.id, places)
            binding = binding_of(run.deployment, places)
            archives = Archives(run.dir.path / "images")
            stack.callback(archives.close)
            containers = await _containers(run, sites, places, mover, archives, group)
            check_modules(run.deployment, run.processes, sites, containers, run.observer)
            modules = {name: site.modules for name, site in run.deployment.sites.items() if site.modules}
            wanted = run.reuse and bound(os.environ) > 0
            keeper = keeping(run.dir, run.program, run.processes, run.deployment, connectors, places, mover, run.observer)
            async with keeper if wanted else contextlib.nullcontext() as kept:
                house = House(
                    run.dir.id, run.processes, state, run.journal, sites, places, binding, mover, run.observer, containers, modules,
                    run.deployment.retries, kept, options_of(run.deployment),
                )  # fmt: skip
                return await _drive(run, house, group, await run.begin(house))
        finally:
            run.interruption.leave()


async def _drive(run: _Run, house: House, group: asyncio.TaskGroup, beginning: Beginning) -> Result:
    """From the first event to the last."""
    result: Result | None = None
    driver = Driver(house, group)
    run.observer.begin(run.program, run.dir.id, run.so_far)
    for warning in destination.warnings(run.outdir, beginning.inputs):
        run.observer.warn(warning)
    delivering = Delivering(run.dir, run.outdir, run.journal, run.observer, run.interruption)
    try:
        async with _heard(run):
            with run.interruption.meaning(driver.stop, lambda until: _cancel(driver, house.sites, until)):
                conclusion = await beginning.drive(driver)
            _let_go(conclusion, house.sites)
            if not conclusion.failures:
                await _check_taken(run, house)
            result = await _conclude(run, delivering, conclusion, house)
            if result.status == 0:
                await delivering.tidy(house.sites, house.locations.values(), await _to_keep(run, house))
                await _bounded(run, house)
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


async def _check_taken(run: _Run, house: House) -> None:
    """What was taken of earlier runs lies where others may change it, for as long as this run has lasted. Raises
    SiteError, once it is written down what has to run again."""
    changed = await stale(house.reuse, run.dir) if house.reuse is not None else []
    if not changed:
        return
    steps = dict.fromkeys(step for event, _ in changed for step in downstream(run.program, event.job.step))
    await run.journal.append([Rerun(tuple(steps), False, time.time())])
    event, wrong = changed[0]
    what = f"what {event.job} has taken from {event.source} of run {event.run} was changed while this run went on: {wrong}"
    raise SiteError(what, transient=False, hint=f"hyflow resume {run.dir.id} runs {', '.join(steps)} again")


async def _to_keep(run: _Run, house: House) -> frozenset[str]:
    """The keys of the attempts whose outputs may stand in for those of later runs."""
    if house.reuse is None:
        return frozenset()
    await house.reuse.close()
    return frozenset(posixpath.basename(each) for each in {*house.reuse.stored, *house.reuse.results.directories(run.dir.id)})


async def _bounded(run: _Run, house: House) -> None:
    """The run is over: what it has taken may go, and what is too much goes."""
    if house.reuse is None:
        return
    house.reuse.results.release(run.dir.id)
    connectors = {name: site.connector for name, site in house.sites.items()}
    try:
        await prune(house.reuse.results, run.dir.path.parent.parent, connectors, bound(os.environ))
    except HyflowError as error:
        run.observer.warn(f"results that are kept no longer are still there: {error}")


def _cancel(driver: Driver, sites: Mapping[str, Site], until: float) -> None:
    """Whoever asks a second time wants everything to end, and soon."""
    driver.stop("cancel")
    for site in sites.values():
        site.hurry(until)


def _let_go(end: Conclude, sites: Mapping[str, Site]) -> None:
    """What is to go on goes on when the sites are left."""
    for site in sites.values() if end.going_on else ():
        if (power := site.connector.power(Stay)) is not None:
            power.stay()


def _tell_left(site: Site, observer: Observer) -> None:
    """What could not be ended is named: its owner has to do it."""
    if site.left:
        directories = list(site.left)
        shown = ", ".join(directories[:_SHOWN]) + (f" and {len(directories) - _SHOWN:,} more" if len(directories) > _SHOWN else "")
        jobs = "1 job" if len(directories) == 1 else f"{len(directories):,} jobs"
        why = next(iter(site.left.values()))
        observer.alarm(f"{jobs} could not be ended and may go on at {site.name}, in {shown}: {why}")


async def _connect(run: _Run, group: asyncio.TaskGroup, stack: AsyncExitStack) -> dict[str, Site]:
    """Enter the connectors of those sites that some step is bound to."""
    sites: dict[str, Site] = {}
    for name in used(run.deployment, run.processes):
        connector = await enter(run.deployment.sites[name], run.dir.id, run.dir.state(name), stack)
        sites[name] = Site(name, connector, group, Outage(name, run.observer.note))
    return sites


async def _conclude(run: _Run, delivering: Delivering, end: Conclude, house: House) -> Result:
    """Deliver the results of a run that succeeded; say how it goes on where it did not."""
    if not end.failures:
        outputs = await delivering.deliver(end, house.mover)
        return Result(run.dir.id, outputs, (), 0 if outputs is not None else Interrupted.exit_status)
    status = _status(end.failures)
    run.interruption.heeded = status == Interrupted.exit_status
    for text in _next_steps(run, end, house) if status == Interrupted.exit_status else _failed_before(run, end):
        run.observer.note(text)
    return Result(run.dir.id, None, end.failures, status)


def _next_steps(run: _Run, end: Conclude, house: House) -> list[str]:
    """What goes on of a run that was stopped, and what can be done about that."""
    where = ", ".join(f"{site.going_on:,} at {name}" for name, site in house.sites.items() if site.going_on)
    jobs = f"jobs go on meanwhile: {where}; hyflow cancel {run.dir.id} ends them" if end.going_on else "no job goes on meanwhile"
    return [jobs, f"hyflow resume {run.dir.id} goes on with the run"]


def _failed_before(run: _Run, end: Conclude) -> list[str]:
    """The failures that were told when they happened, if that was before the run was taken up; what can be done about any."""
    tally = run.so_far.tally if run.so_far else None
    known = [(job, failure) for job, failure in end.failures if tally and tally.phase(job) is Phase.FAILED]
    more = [f"and {len(known) - _SHOWN:,} more"] if len(known) > _SHOWN else []
    lines = [f"{job} has failed: {failure.message.partition(chr(10))[0]}" for job, failure in known[:_SHOWN]]
    return [*lines, *more, f"hyflow rerun {run.dir.id} --failed runs again what failed; hyflow logs {run.dir.id} --failed tells of it"]


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
