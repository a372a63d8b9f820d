"""Whether sites answer, and what they tell of themselves: for people, and as plain values."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hyflow.connector import Connector, Examine, Finding
from hyflow.deployment import Site
from hyflow.engine.contained import find, seen_in_job
from hyflow.entering import connected
from hyflow.errors import HyflowError, SiteError
from hyflow.model.places import Location
from hyflow.model.quantities import size_text
from hyflow.report.terminal import clean, one_line

PATIENCE = 60
"""Seconds that a site may take to answer."""
LOOKING = 150
"""Seconds that looking at it may take then: jobs of a batch system wait for their turn."""
_UNSEEN = "containers: apptainer, in jobs alone; none has begun in time to tell whether they find it"
_MARKS = {"ok": "", "warning": "warning: ", "problem": "PROBLEM: "}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one site said: its locations, what became of its container engine, and what there is to know beside. `error`: why it did not."""

    site: str
    locations: Sequence[Location] = ()
    engine: str = ""
    findings: Sequence[Finding] = ()
    error: HyflowError | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is in the way of a run."""
        return self.error is None and all(finding.level != "problem" for finding in self.findings)


async def ask(sites: Sequence[Site]) -> list[Answer]:
    """Ask the sites, all at once; their answers in the same order."""
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(_answer(site), name=f"check {site.name}") for site in sites]
    return [answer.result() for answer in answers]


async def _answer(site: Site) -> Answer:
    with tempfile.TemporaryDirectory(prefix="hyflow-check-") as state:
        try:
            async with asyncio.timeout(PATIENCE) as bound, connected(site, "check", Path(state)) as connector:
                bound.reschedule(asyncio.get_running_loop().time() + LOOKING)
                places = [_lasting(place, state) for place in await connector.locations()]
                engine = await _engine(site, connector)
                examined = connector.power(Examine)
                return Answer(site.name, places, engine, await examined.examine() if examined else ())
        except TimeoutError:
            return Answer(site.name, error=SiteError("no answer in time", transient=True))
        except HyflowError as error:
            return Answer(site.name, error=error)


async def _engine(site: Site, connector: Connector) -> str:
    """In words. Raises SiteError when an engine that is named does not work."""
    if site.container.runtime == "none":
        return "containers: none, commands run with what is installed"
    try:
        facts = (await find(site.name, connector, site.container)).facts
        if facts.absent:
            seen = await seen_in_job(site.name, connector, site.container)
            return f"containers: apptainer {seen.version}, in jobs alone" if seen else _UNSEEN
    except SiteError as error:
        if site.container.runtime != "auto":
            raise
        return error.what
    return f"containers: {facts.kind} {facts.version}" + (", rootless" if facts.rootless and facts.kind != "apptainer" else "")


def _lasting(place: Location, state: str) -> Location:
    """The location, without the directory that this check alone used."""
    return replace(place, workdir="the directory of each run") if place.workdir.startswith(state) else place


def tell(answers: Sequence[Answer], *, quiet: bool) -> None:
    """Print what they said, aligned; what is wrong goes to standard error. `quiet`: nothing but that."""
    if not quiet:
        print("connections")
    for answer in answers:
        if answer.error is not None:
            print(f"  {answer.site}  FAILED: {clean(str(answer.error))}", file=sys.stderr)
        elif not quiet:
            print("\n".join(_lines(answer)), flush=True)


def _lines(answer: Answer) -> list[str]:
    margin, width = " " * (len(answer.site) + 4), max((len(finding.name) for finding in answer.findings), default=0)
    findings = [f"{margin}{one_line(one.name):<{width}}  {_MARKS[one.level]}{one_line(one.words)}" for one in answer.findings]
    return [*(clean(_location(place)) for place in answer.locations), clean(margin + answer.engine), *findings]


def _location(place: Location) -> str:
    room = place.capacity or place.largest
    size = f"{room.cores:g} cores, {size_text(room.memory)} of memory" if room else "capacity unknown"
    return f"  {place}  {size}; works in {place.workdir} on file system {place.filesystem}"


def as_json(answer: Answer) -> dict[str, Any]:
    """`error`: null for a site that answered; sizes in bytes, null where they are not known."""
    return {
        "site": answer.site,
        "error": None if answer.error is None else str(answer.error),
        "locations": [_location_json(place) for place in answer.locations],
        "containers": answer.engine.removeprefix("containers: ") or None,
        "findings": [asdict(finding) for finding in answer.findings],
    }


def _location_json(place: Location) -> dict[str, Any]:
    room = place.capacity or place.largest
    return {
        "name": str(place),
        "cores": room.cores if room else None,
        "memory": room.memory if room else None,
        "workdir": place.workdir,
        "filesystem": place.filesystem,
    }
