"""The composition root: the only file that knows everybody. Puts a run together, drives it, and takes it apart again."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hyflow import plain
from hyflow.connector import SiteContext
from hyflow.cwl.processes import Processes
from hyflow.deployment import Deployment
from hyflow.deployment.binding import Override
from hyflow.engine.driver import Binding, Driver, House, settle
from hyflow.engine.sites import Site
from hyflow.engine.state import State
from hyflow.errors import DeploymentError, HyflowError, JournalError, SiteError, UnsupportedRequirement
from hyflow.journal import Header, Journal, Meta, RunDir, new_run, read_events
from hyflow.model.actions import Conclude
from hyflow.model.events import Delivered
from hyflow.model.jobs import Failure, FailureClass, JobId
from hyflow.model.places import HERE, Location
from hyflow.model.resources import Request
from hyflow.model.values import Inputs, Value
from hyflow.model.workflow import Program
from hyflow.report.observer import Observer
from hyflow.staging import deliver, destination, here
from hyflow.staging.catalog import Catalog
from hyflow.staging.files import FarFiles, Files, HereFiles
from hyflow.staging.move import Mover, landings
from hyflow.staging.tidy import tidy_here, tidy_site

_CONNECTING = 60.0
"""Seconds that a site may take until it can be used."""

_TIDYING = 120.0
"""Seconds that a site may take to tidy up; the results are delivered by then."""

_SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminate", signal.SIGHUP: "hangup"}


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for, read but not yet checked against each other.

    `container`: the runtime that `--container` names, for all sites; None leaves it to the deployment file.
    """

    program: Program
    inputs: Inputs
    deployment: Deployment
    home: Path
    outdir: Path
    name: str | None
    container: str | None
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: with `outputs` (status 0), or with failures. `status` is the exit status of the command."""

    run: str
    outputs: Value
    failures: tuple[tuple[JobId, Failure], ...]
    status: int


async def execute(order: Order, observer: Observer) -> Result:
    """Run to the end. Raises HyflowError for what is wrong before anything ran, or when the run's record is lost."""
    destination.check(order.outdir, [order.home / "runs", order.home / "cache"])
    processes = Processes(order.program)
    _check_containers(order, processes, observer)
    order.deployment.check_steps(processes.step_paths())
    for warning in processes.unknown_inputs(order.inputs):
        observer.warn(warning)
    run_dir = new_run(order.home, order.name)
    try:
        async with Journal.create(run_dir, _meta(order, run_dir)) as journal:
            return await _with_sites(order, observer, processes, run_dir, journal)
    except BaseExceptionGroup as group:
        raise _first(group) from group
    finally:
        _drop_if_nothing_happened(run_dir)


def _drop_if_nothing_happened(run_dir: RunDir) -> None:
    """A run that ended before it began (its inputs do not fit, a site cannot be reached) is no run to be listed."""
    try:
        begun = next(read_events(run_dir.journal), None) is not None
    except JournalError:
        return  # there is a record, and something is wrong with it: not to be thrown away
    if not begun:
        here.remove(str(run_dir.path))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a person should hear, of several that came together."""
    errors = list(_flat(group))
    return next((error for error in errors if isinstance(error, HyflowError)), errors[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def _meta(order: Order, run_dir: RunDir) -> Meta:
    header = Header(run_dir.id, order.name, time.time(), order.program.source, order.arguments, str(order.outdir))
    fields = {name: getattr(header, name) for name in Header.__slots__}
    return Meta(**fields, program=plain.dumps(order.program), deployment=order.deployment.text.encode())


def _check_containers(order: Order, processes: Processes, observer: Observer) -> None:
    """Refuse what must run in a container (there is no engine yet), unless the user says to go on without."""
    needs = [need for need in processes.containers() if need.required]
    if not needs:
        return
    runtimes = {order.container or site.container for site in order.deployment.sites.values()}
    names = ", ".join(dict.fromkeys(need.label for need in needs))
    if runtimes != {"none"}:
        raise UnsupportedRequirement(
            f"{names} must run in a container (DockerRequirement: {needs[0].image}), and no container engine is set up",
            hint="--container none runs the commands with what is installed here instead",
        )
    observer.warn(f"{names} asked for a container and runs without one")


async def _with_sites(order: Order, observer: Observer, processes: Processes, run_dir: RunDir, journal: Journal) -> Result:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        sites = await _connect(order.deployment, processes, run_dir, group, stack)
        places = {str(place): place for site in sites.values() for place in await site.connector.locations()}
        mover = Mover(_files(sites, places), landings(run_dir.id, places.values(), run_dir.path), Catalog())
        state = State(order.program, run_dir.id, places)
        binding = _binding(order.deployment, places)
        driver = Driver(House(run_dir.id, processes, state, journal, sites, places, binding, mover, observer), group)
        inputs = await settle(lambda facts: processes.start(order.inputs, facts), mover, scripted=True)
        observer.begin(order.program, run_dir.id)
        for warning in destination.warnings(order.outdir, inputs):
            observer.warn(warning)
        failures: tuple[tuple[JobId, Failure], ...] = ()
        try:
            with _signals(driver):
                conclusion = await driver.run(inputs)
            failures = conclusion.failures
            result = await _conclude(order, observer, conclusion, mover, journal, run_dir)
            if not failures:
                await _tidy(sites, places.values(), run_dir, observer)
            return result
        finally:
            observer.end(failures)


async def _connect(
    deployment: Deployment, processes: Processes, run_dir: RunDir, group: asyncio.TaskGroup, stack: AsyncExitStack
) -> dict[str, Site]:
    """Enter the connectors of those sites that some step is bound to."""
    used = {target.site for step in processes.step_paths() for target in deployment.targets(step)}
    sites: dict[str, Site] = {}
    for name in sorted(used):
        site = deployment.sites[name]
        state = run_dir.path / "sites" / name
        state.mkdir(mode=0o700, parents=True)
        context = SiteContext(name, run_dir.id, state)
        try:
            async with asyncio.timeout(_CONNECTING):
                connector = await stack.enter_async_context(site.plugin.connect(site.settings, context))
        except TimeoutError as error:
            what = f"the site {name} gives no answer within {_CONNECTING:.0f} seconds"
            raise SiteError(what, transient=True, hint="hyflow check DEPLOY --connect looks at it") from error
        sites[name] = Site(name, connector, group)
    return sites


async def _tidy(sites: Mapping[str, Site], places: Iterable[Location], run_dir: RunDir, observer: Observer) -> None:
    """What a successful run leaves behind goes; a site that cannot be reached any more costs a warning, not the result."""
    for place in places:
        try:
            if HERE in place.mounts:
                await asyncio.to_thread(tidy_here, run_dir.path, place, run_dir.id)
            async with asyncio.timeout(_TIDYING):
                await sites[place.site].forget()
                if HERE not in place.mounts:
                    await tidy_site(sites[place.site].connector, place, run_dir.id)
        except (HyflowError, OSError) as error:  # a TimeoutError is an OSError
            observer.warn(f"what the run left at {place} is still there: {str(error) or 'the site gives no answer'}")


def _files(sites: Mapping[str, Site], places: Mapping[str, Location]) -> dict[str, Files]:
    """How to reach each file system: this machine's directly, others by the first site that sees them."""
    files: dict[str, Files] = {HERE: HereFiles()}
    for place in places.values():
        for filesystem in place.mounts:
            files.setdefault(filesystem, FarFiles(sites[place.site].connector))
    return files


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
        if not found:
            there = ", ".join(place.name for place in places.values() if place.site == target.site)
            raise DeploymentError(f"the site {target.site} has no location {target.location!r} (it has: {there})", where=deployment.source)
        names += found
    return tuple(names)


def _overridden(request: Request, override: Override) -> Request:
    changes = {name: value for name in ("cores", "memory", "gpus") if (value := getattr(override, name)) is not None}
    return Request(replace(request.least, **changes), replace(request.most, **changes)) if changes else request


@contextmanager
def _signals(driver: Driver) -> Iterator[None]:
    """Ctrl-C and the like stop the run in order while it goes on; afterwards they mean what they meant before.

    What is ignored stays ignored (nohup, jobs in the background). Once the run was stopped, more of them change nothing: it is ending.
    """
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def stop(reason: str) -> None:
        stopped.set()
        driver.stop(reason)

    before = {number: handler for number in _SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    for number in before:
        loop.add_signal_handler(number, stop, _SIGNALS[number])
    try:
        yield
    finally:
        for number, handler in before.items() if not stopped.is_set() else ():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _conclude(order: Order, observer: Observer, end: Conclude, mover: Mover, journal: Journal, run_dir: RunDir) -> Result:
    """Deliver the results of a run that succeeded, and tell everybody."""
    if end.failures:
        return Result(run_dir.id, None, end.failures, _status(end.failures))
    this_machine = Location("", "", HERE, str(run_dir.path), {HERE: "/"})
    delivery = deliver.Delivery(order.outdir, run_dir.path, mover, end.inputs)
    outputs = await delivery.deliver(end.outputs, this_machine)
    delivered = Delivered(outputs, time.time())
    await journal.append([delivered])
    observer.event(delivered)
    return Result(run_dir.id, outputs, (), 0)


def _status(failures: Sequence[tuple[JobId, Failure]]) -> int:
    if any(failure.unsupported for _, failure in failures):
        return UnsupportedRequirement.exit_status
    return 130 if any(failure.kind is FailureClass.CANCELLED for _, failure in failures) else 1


async def check_inputs(processes: Processes, inputs: Inputs) -> tuple[str, ...]:
    """Check an input object without running anything; the warnings about it. Raises InputError."""
    mover = Mover({HERE: HereFiles()}, {}, Catalog())
    await settle(lambda facts: processes.start(inputs, facts), mover, scripted=True)
    return processes.unknown_inputs(inputs)
