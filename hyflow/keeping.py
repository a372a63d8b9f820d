"""Results that are kept for later runs: what a run takes and keeps them with, and what goes when there are too many."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import posixpath
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from hyflow.connector import Connector
from hyflow.cwl.processes import Processes
from hyflow.deployment import Deployment
from hyflow.deployment import Site as Named
from hyflow.engine import replay
from hyflow.engine.reusing import Reusing, Site
from hyflow.errors import HyflowError
from hyflow.journal import RunDir, read_events, read_milestones
from hyflow.model.events import Rerun, Reused
from hyflow.model.places import HERE, Location, Replica
from hyflow.model.workflow import Program
from hyflow.report.observer import Observer
from hyflow.report.standing import RunState, standing
from hyflow.results import Result, Results, Writer
from hyflow.shell.executables import Executables
from hyflow.shell.trips import trip
from hyflow.staging import here
from hyflow.staging.digests import Digests
from hyflow.staging.move import Mover
from hyflow.staging.remembered import Remembered

_AMOUNTS = frozenset({"cores", "memory", "gpus", "max_jobs", "poll", "patience", "workdir", "filesystem"})
"""Settings of a site that say how much of it is used, and where, and not what it is."""
_REMOVE = """
while read -r dir; do
    rm -rf "$dir/out" 2>/dev/null || { chmod -R u+rwx "$dir/out"; rm -rf "$dir/out"; }
done
exit 0
"""


def index(home: Path) -> Path:
    """Where it is written down what is kept."""
    return home / "cache" / "results.sqlite"


@contextlib.asynccontextmanager
async def keeping(
    run: RunDir, program: Program, processes: Processes, deployment: Deployment, connectors: Mapping[str, Connector],
    places: Mapping[str, Location], mover: Mover, observer: Observer,
) -> AsyncIterator[Reusing]:
    """What the run takes earlier results with, and keeps its own."""
    home = run.path.parent.parent
    loop = asyncio.get_running_loop()
    fleeting = {place.site for place in places.values() if place.fleeting}
    filesystems = {name: connectors[place.site] for place in places.values() for name in place.mounts if name != HERE}

    def warn_from_there(text: str) -> None:
        loop.call_soon_threadsafe(observer.warn, text)

    sites = {name: _site(deployment.sites[name], connector, name in fleeting) for name, connector in connectors.items()}
    with contextlib.ExitStack() as stack:
        results = Results(index(home), observer.warn)
        stack.callback(results.close)
        writer = stack.enter_context(Writer(index(home), warn_from_there))
        remembered = Remembered(home / "cache" / "digests.sqlite")
        stack.callback(remembered.close)
        digests = Digests(mover.catalog, filesystems, remembered)
        owned = [Replica(HERE, str(home).lstrip("/")), *(found for place in places.values() if (found := place.replica(place.workdir)))]
        reusing = Reusing(
            run.id, program.source, processes, sites, digests, results, writer, {HERE, *filesystems}, [f"{each.uri}/" for each in owned],
            _anew(run),
        )  # fmt: skip
        try:
            yield reusing
        finally:
            await reusing.close()


def _anew(run: RunDir) -> frozenset[str]:
    """The steps that it was asked for to run again."""
    reruns = [record.event for record in read_milestones(run.journal, Rerun)]
    return frozenset(step for rerun in reruns if isinstance(rerun, Rerun) for step in rerun.steps)


def _site(named: Named, connector: Connector, fleeting: bool) -> Site:
    """What of a site counts: its name and kind, how it is reached, and for this machine which one it is."""
    how = _how(named.settings)
    if named.via is not None:
        how["via"] = {"type": named.via.plugin.name, **_how(named.via.settings)}
    nature = {"site": named.name, "type": named.plugin.name, "how": how, "host": socket.gethostname() if fleeting else ""}
    return Site(nature, Executables(connector), tuple(named.container.options))


def _how(settings: Any) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(settings).items() if name not in _AMOUNTS}


def over(home: Path, run: str) -> bool:
    """Whether nobody will go on with the run: it is done, or was cleaned, or is no longer there."""
    found = RunDir(home / "runs" / run)
    if not found.path.exists():
        return True
    try:
        stands = standing(found)
    except HyflowError:
        return False
    return stands.owner is None and (stands.state is RunState.DONE or stands.cleaned)


async def stale(reusing: Reusing, run: RunDir) -> list[tuple[Reused, str]]:
    """What of that which the run has taken, and still counts, has changed since, with what is wrong. Raises SiteError, JournalError."""
    reruns = [(record.seq, record.event) for record in read_milestones(run.journal, Rerun) if isinstance(record.event, Rerun)]
    events = ((record.seq, record.event) for record in read_events(run.journal, kinds=(Reused,)))
    taken = {event.job: event for event in replay.standing(events, reruns) if isinstance(event, Reused)}
    known = {source: {result.job: result for result in reusing.results.of(source)} for source in {event.run for event in taken.values()}}
    found = [(event, result) for event in taken.values() if (result := known[event.run].get(event.source)) is not None]
    told = await asyncio.gather(*(reusing.wrong(result) for _, result in found))
    return [(event, wrong) for (event, _), wrong in zip(found, told, strict=True) if wrong]


async def prune(results: Results, home: Path, sites: Mapping[str, Connector], limit: int) -> int:
    """Remove what is kept beyond so many bytes, the longest unused first, on this machine and at the sites that are given by name; how many
    bytes went. What lies at other sites stays until somebody is there. Raises SiteError."""
    gone: list[Result] = []
    leaving = results.oldest_unused(limit, lambda run: over(home, run))
    for result in [result for result in leaving if _is_here(result)]:
        await asyncio.to_thread(here.remove, posixpath.join(result.dir, "out"))
        gone.append(result)
    for name, connector in sites.items():
        there = [result for result in leaving if result.site == name and not _is_here(result)]
        if there:
            feed = "".join(f"{result.dir}\n" for result in there).encode("utf-8", "surrogateescape")
            await trip(connector, ("sh", "-c", _REMOVE), feed, what="removing results that are kept no longer", long=True)
            gone += there
    results.forget([result.id for result in gone])
    return sum(result.size for result in gone)


def _is_here(result: Result) -> bool:
    """Whether its files are on this machine, or it has none."""
    return all(uri.startswith("file:") for uri in result.data)
