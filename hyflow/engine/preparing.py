"""An attempt before its site hears of it: an earlier result that makes it needless, its place, its data, its task."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hyflow.connector import Launches
from hyflow.containers import modules
from hyflow.cwl.demand import Demand as Needs
from hyflow.cwl.processes import Bound
from hyflow.engine.house import House, settle
from hyflow.engine.launching import launched
from hyflow.engine.reusing import Missed
from hyflow.errors import SiteError, UnsupportedRequirement
from hyflow.model.actions import Submit
from hyflow.model.facts import Ask, Fact, Facts, Localize
from hyflow.model.jobs import Job, Key
from hyflow.model.places import HERE, Location, Place
from hyflow.model.tasks import Task
from hyflow.results import Result

NOT_SOUGHT = Missed("")


async def prepare(house: House, action: Submit, location: Location, needs: Needs) -> tuple[Bound, Missed] | Result:
    """The task of the attempt, all its data at the location, with why no earlier result stands in for it; or that result.

    Where data need not move before it is known, the task comes first, since what it runs is a part of what is looked for.
    """
    if house.reuse is None:
        return await bind(house, action, location, needs), NOT_SOUGHT
    bound = await bind(house, action, location, needs) if HERE in location.mounts else None
    found = await _earlier(house, action, location, needs, bound)
    if isinstance(found, Result):
        return found
    return bound or await bind(house, action, location, needs), found


async def _earlier(house: House, action: Submit, location: Location, needs: Needs, bound: Bound | None) -> Result | Missed:
    job, reuse = action.job, house.reuse
    asked = house.processes.container(job.process) if location.site in house.containers else None
    image = (await house.containers[location.site].ready(asked.image)).digest if asked is not None else None
    if reuse is None:
        return NOT_SOUGHT
    try:
        task = bound.task if bound is not None else _with_options(house, job, await settle(
            lambda facts: house.processes.rehearse(job, needs, action.resources, facts),
            house.mover, house.processes.aside(job.process, job.inputs),
        ), location.site)  # fmt: skip
        return await reuse.find(job, needs, location, action.resources, task, image, _before(house, job, task, location.site))
    except SiteError as error:
        return Missed(f"whether an earlier result is the same cannot be told: {error.what}")


async def bind(house: House, action: Submit, location: Location, needs: Needs) -> Bound:
    """Bring what is needed to the location and make the task; binding may find out on the way that it needs more."""
    job, place, facts = action.job, _place(house, action, location), dict[Fact, Any]()
    aside = house.processes.aside(job.process, job.inputs)
    wanted: Sequence[str] = needs.sources
    while True:
        if wanted:
            house.listener.stage(job.id, "begin")
            sources = await house.mover.localize(wanted, location)
            house.listener.stage(job.id, "end")
            place = replace(place, sources={**place.sources, **sources})

        def call(known: Facts, key: Key = action.key, place: Place = place) -> Bound | Ask:
            return house.processes.bind(job, key, place, needs, known)

        answer = await asyncio.to_thread(call, facts) if aside else call(facts)
        if not isinstance(answer, Ask):
            return replace(answer, task=_with_options(house, job, answer.task, location.site))
        wanted = [fact.uri for fact in answer.facts if isinstance(fact, Localize)]
        facts.update(await house.mover.answer({fact for fact in answer.facts if not isinstance(fact, Localize)}))


def _with_options(house: House, job: Job, task: Task, site: str) -> Task:
    """The task with what the deployment says of it at the site."""
    return replace(task, options=options) if (options := house.options(job.id.step, site)) else task


async def entered(house: House, job: Job, task: Task, site: str) -> tuple[Task, str | None, tuple[str, ...]]:
    """The task as the site can run it: in its container (with the digest of the image), or with the modules for its software; and as so
    many processes as it is to be."""
    launches = house.sites[site].connector.power(Launches) is not None
    if task.container is not None:
        _check_together(house, job, task, site)
        inside, digest = await house.containers[site].enter(task)
        return inside if launches else launched(inside), digest, ()
    wanted = _modules(house, job, site)
    return modules.loaded(task if launches else launched(task), wanted), None, tuple(wanted)


def _check_together(house: House, job: Job, task: Task, site: str) -> None:
    """Raise UnsupportedRequirement where the processes of an MPI program would each be alone in a container of their own."""
    kind = house.containers[site].engine.facts.kind
    if task.processes is not None and kind != "apptainer":
        raise UnsupportedRequirement(
            f"an MPI program (MPIRequirement) cannot run in containers of {kind}: its processes would not find each other",
            where=house.processes.where(job.process, "requirements.MPIRequirement"),
            hint=f"let {site} use Apptainer (container: {{runtime: apptainer}}), or what is installed there (runtime: none)",
        )


def _modules(house: House, job: Job, site: str) -> dict[str, str]:
    known = house.modules.get(site)
    return modules.chosen(house.processes.packages(job.process), known) if known else {}


def _before(house: House, job: Job, task: Task, site: str) -> tuple[str, ...]:
    """The words that load the modules of the task's software."""
    loaded = modules.loaded(task, _modules(house, job, site))
    return loaded.argv[:len(loaded.argv) - len(task.argv)]


def _place(house: House, action: Submit, location: Location) -> Place:
    directory = posixpath.join(location.workdir, house.run, action.key)
    replica = location.replica(directory)
    if replica is None:
        raise SiteError(f"its working directory {location.workdir} lies on no file system of {location}", transient=False)
    asked = house.processes.container(action.job.process) if location.site in house.containers else None
    if asked is not None:
        return Place(directory, replica.uri, asked.outdir, asked.tmpdir, asked.indir, {}, action.resources, contained=True)
    out, tmp, inputs = (posixpath.join(directory, name) for name in ("out", "tmp", "in"))
    return Place(directory, replica.uri, out, tmp, inputs, {}, action.resources)
