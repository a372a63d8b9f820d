"""Taking the outputs of a job from an earlier run in which it was the same, and keeping those of this run for later ones.

Whether two jobs are the same is `hyflow.reuse`'s affair, what is kept `hyflow.results`'; here the facts are found out that both need, and
found out once more when the job has ended: what changed meanwhile is not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import stat
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hyflow.cwl.demand import Demand as Needs
from hyflow.cwl.processes import Processes
from hyflow.cwl.rehearsal import DIRECTORY
from hyflow.errors import SiteError
from hyflow.model.jobs import Job
from hyflow.model.places import HERE, Location, Place, replica_of
from hyflow.model.resources import Resources
from hyflow.model.tasks import EntryKind, Manifest, Task
from hyflow.model.values import Inputs, walk_data
from hyflow.results import Held, Result, Results, Writer
from hyflow.reuse import Bare, Contained, Identity, Nature, canonical, differences, identity, wanted
from hyflow.shell.executables import Command, Executables, Fingerprint, command_of
from hyflow.staging.digests import Digest, Digests
from hyflow.staging.trees import is_executable, tree_digest

_GATHERED = 2.0
"""Seconds for which ended jobs are gathered, to be looked at together before their results are kept."""

_ADDING = re.compile(r"-v|-B|--(volume|mount|bind|env-file|device|overlay|secret|ipc|pid|rootfs|home|scratch|workdir)")
"""Options of engines by which more of the machine is seen in containers."""


@dataclass(frozen=True, slots=True)
class Site:
    """What of a site bears on results. `nature`: which one it is and how its jobs are started, as plain data; `options`: what a deployment
    adds to its containers; `adds`: the first of these that brings something into them whose contents nobody knows."""

    nature: Any
    executables: Executables
    options: tuple[str, ...] = ()

    @property
    def adds(self) -> str:
        return next((option for option in self.options if _ADDING.match(option)), "")


@dataclass(frozen=True, slots=True)
class Sought:
    """A job that was looked for in vain: its identity, and what that rests on."""

    identity: Identity
    digests: Mapping[str, Digest]
    command: Command | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """Why no earlier result stands in for the job. `sought`: what its own result may be kept under, None where it is not kept."""

    why: str
    sought: Sought | None = None


class _Apart(Exception):
    """The job has no identity, in words."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A job that has succeeded, on its way to being kept."""

    job: Job
    location: Location
    sought: Sought
    place: Place
    manifest: Manifest
    outputs: Inputs


@dataclass(slots=True)
class Reusing:
    """One run's taking and keeping. `label`: the workflow's address; `seen`: the file systems that the run can read; `anew`: the steps that
    are to run, whatever there is."""

    run: str
    label: str
    processes: Processes
    sites: Mapping[str, Site]
    digests: Digests
    results: Results
    writer: Writer
    seen: Collection[str]
    owned: Collection[str] = ()
    """The addresses of directories whose contents come and go with runs; each ends with a slash."""
    anew: Collection[str] = ()
    stored: set[str] = field(default_factory=set)
    """The directories of the attempts whose results this driver has kept."""
    _taken: set[str] = field(default_factory=set)
    """Those whose results it has taken."""
    _natures: dict[str, Nature] = field(default_factory=dict)
    _bares: dict[tuple[str, tuple[str, ...], Fingerprint, bytes], Bare] = field(default_factory=dict)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: list[_Ended] = field(default_factory=list)
    _keeping: asyncio.Task[None] | None = None

    async def find(
        self, job: Job, needs: Needs, location: Location, resources: Resources, task: Task, image: str | None, before: tuple[str, ...]
    ) -> Result | Missed:
        """An earlier result that stands in for the job, or why there is none. `task`: its command, as it would be outside of a container;
        `image`: the digest of its container's image, where it has one; `before`: the words that load its modules. Raises SiteError."""
        try:
            sought = await self._sought(job, needs, location, resources, task, image, before)
        except _Apart as apart:
            return Missed(str(apart))
        if job.id.step in self.anew:
            return Missed("it was asked for that its step be run again", sought)
        found = self.results.lookup(sought.identity.key, self._label(job), job.id.tag, self.run)
        if found is None:
            return Missed(self._nearest(job, sought), sought)
        # Taken first: what is looked at then stays.
        wrong = await self.wrong(found) if self.results.take(self.run, found) else "it is being removed"
        if wrong:
            return Missed(f"what {found.job} of run {found.run} gave was the same, but {wrong}", sought)
        self._taken.add(found.dir)
        return found

    def keep(
        self, job: Job, location: Location, sought: Sought, place: Place, manifest: Manifest, outputs: Inputs, group: asyncio.TaskGroup
    ) -> None:
        """Keep these outputs for later runs, if nothing that they rest on has changed; `group` owns the task that finds out."""
        if not place.sources.keys() <= sought.digests.keys():
            return  # an expression has named a file that nobody had foreseen
        self._ended.append(_Ended(job, location, sought, place, manifest, outputs))
        if self._keeping is None or self._keeping.done():
            self._keeping = group.create_task(self._keep_all(), name="keeping results")

    async def close(self) -> None:
        """Keep what is still to be kept, at once."""
        self._closing.set()
        while self._keeping is not None and not self._keeping.done():
            await asyncio.wait([self._keeping])

    # -- looking --------------------------------------------------------------------------------------------------

    async def _sought(
        self, job: Job, needs: Needs, location: Location, resources: Resources, task: Task, image: str | None, before: tuple[str, ...]
    ) -> Sought:
        if not needs.reuse:
            raise _Apart("its tool forbids it (WorkReuse)")
        if why := self.processes.forbids_reuse(job.process, contained=image is not None, argv=task.argv):
            raise _Apart(why)
        site, nature = self.sites[location.site], self._nature(job.process)
        command, fingerprint = None, ""
        if image is not None:
            if site.adds:
                raise _Apart(f"{location.site} adds to its containers what may hold anything ({site.adds})")
            within: Contained | Bare = Contained(image, site.options)
        else:
            command = command_of(task.argv, (task.dir, DIRECTORY, *self._given(task)), task.environment, before)
            told = await site.executables.of(command)
            if told.why:
                raise _Apart(told.why)
            within, fingerprint = self._bare(location.site, before, told, task.options), told.sha256
        addresses = wanted(nature, needs.inputs)
        digests = await self.digests.of(addresses)
        if lacking := [uri for uri in addresses if uri not in digests]:
            raise _Apart(f"what {lacking[0]} holds cannot be told")
        sums = {uri: f"{digest.sha256} executable" if digest.executable else digest.sha256 for uri, digest in digests.items()}
        amounts = self.processes.amounts(resources) if self.processes.identity(job.process).sizes else None
        return Sought(identity(nature, needs.inputs, sums, within, amounts), digests, command, fingerprint)

    def _bare(self, site: str, before: tuple[str, ...], told: Fingerprint, options: Mapping[str, Any]) -> Bare:
        made = Bare(self.sites[site].nature, list(before), told.path, told.sha256, options)
        return self._bares.setdefault((site, before, told, canonical(dict(options))), made)

    def _nature(self, process: str) -> Nature:
        found = self._natures.get(process)
        if found is None:
            essence = self.processes.identity(process)
            found = self._natures[process] = Nature(essence.document, essence.defaults, essence.looks)
        return found

    @staticmethod
    def _given(task: Task) -> Sequence[str]:
        """What the command is given of its inputs, wherever that lies."""
        return [stage.source for stage in task.stage if stage.source]

    def _nearest(self, job: Job, sought: Sought) -> str:
        near = self.results.nearest(self._label(job), job.id.tag, sought.identity.parts, self.run)
        if near is None:
            return "no earlier result of its step is kept"
        what = differences(sought.identity, Identity(near.parts))
        return f"of what is kept {near.job} of run {near.run} is nearest, and what differs is {', '.join(what) or 'its form'}"

    def _label(self, job: Job) -> str:
        return f"{self.label} {job.id.step}"

    async def wrong(self, found: Result) -> str:
        """Why the files of a result are not what they were, or cannot be told to be; "" if they are. Raises SiteError."""
        for uri in found.data:
            replica = replica_of(uri)
            if replica is None or replica.filesystem not in self.seen:
                return f"its files are at {replica.filesystem if replica else uri}, which this run does not see"
        now = await self.digests.of(found.data)
        changed = [uri for uri, held in found.data.items() if not _matches(held, now.get(uri))]
        return f"{changed[0]} is no longer what it was" if changed else ""

    # -- keeping --------------------------------------------------------------------------------------------------

    def _stays(self, outputs: Inputs, place: Place) -> bool:
        """Whether its files are there for as long as the result: its own, those of its user, and what results hold that are kept, too."""
        passed = [uri for uri in _addresses(outputs) if not uri.startswith(f"{place.uri}/")]
        others = [replica for uri in passed if uri.startswith(tuple(self.owned)) and (replica := replica_of(uri)) is not None]
        lasting = {*self.stored, *self._taken} if others else ()
        return all(any(f"/{replica.path}".startswith(f"{each}/out/") for each in lasting) for replica in others)

    async def _keep_all(self) -> None:
        while self._ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _GATHERED)
            began = time.monotonic()
            batch, self._ended = self._ended, []
            for ended in batch:
                try:
                    if (result := await self._result(ended, began)) is not None:
                        self.writer.store(result)
                        self.stored.add(result.dir)
                except (SiteError, OSError):  # it is not known, and so not kept
                    continue

    async def _result(self, ended: _Ended, since: float) -> Result | None:
        """What is to be kept; None where something has changed under the job, or cannot be told. `since`: it had ended by then."""
        sought, site = ended.sought, self.sites[ended.location.site]
        if not self._stays(ended.outputs, ended.place) or not await self.digests.unchanged(sought.digests):
            return None
        if sought.command is not None and (await site.executables.of(sought.command, since)).sha256 != sought.fingerprint:
            return None
        data = await self._held(ended)
        if data is None:
            return None
        return Result(sought.identity.key, sought.identity.parts, self._label(ended.job), self.run, ended.job.id, ended.location.site,
                      ended.place.dir, ended.outputs, data, time.time())

    async def _held(self, ended: _Ended) -> dict[str, Held] | None:
        """What the outputs hold, as the machine told it that made them; what it did not tell is looked at."""
        uris = _addresses(ended.outputs)
        told = _told(ended.manifest, f"{ended.place.uri}/out")
        more = await self.digests.of([uri for uri in uris if uri not in told])
        held = {uri: Held(found.sha256, found.size, _mode(uri) if uri in told else found.executable)
                for uri in uris if (found := told.get(uri) or more.get(uri)) is not None}
        return held if len(held) == len(uris) else None


def _addresses(outputs: Inputs) -> list[str]:
    return list(dict.fromkeys(str(item["location"]) for item in walk_data(outputs) if "location" in item))


def _matches(held: Held, digest: Digest | None) -> bool:
    """Whether that is what it held."""
    same = digest is not None and (digest.sha256, digest.size) == (held.sha256, held.size)
    return same and digest is not None and held.executable in (None, digest.executable)


def _mode(uri: str) -> bool | None:
    """Whether the file may be executed, where it is on this machine. That of a directory says nothing."""
    replica = replica_of(uri)
    if replica is None or replica.filesystem != HERE:
        return None
    status = os.stat(f"/{replica.path}")
    return is_executable(status.st_mode) if stat.S_ISREG(status.st_mode) else None


def _told(manifest: Manifest, base: str) -> dict[str, Digest]:
    """The digests that the manifest tells, by address; `base` is that of the output directory."""
    found: dict[str, Digest] = {}
    for path, entry in manifest.entries.items():
        if entry.real is not None:
            continue
        uri = f"{base}/{quote(os.fsencode(path))}"
        if entry.kind is EntryKind.FILE and entry.sha256 is not None:
            found[uri] = Digest(entry.sha256, entry.size)
        elif entry.kind is EntryKind.DIRECTORY and (tree := _tree(manifest, path)) is not None:
            found[uri] = tree
    return found


def _tree(manifest: Manifest, top: str) -> Digest | None:
    """The digest of a directory all of whose files were summed; None where some were not, or where links are among them."""
    below = {path: entry for path, entry in manifest.entries.items() if path.startswith(f"{top}/")}
    if any(entry.real is not None or (entry.kind is EntryKind.FILE and entry.sha256 is None) for entry in below.values()):
        return None
    if not below or any(entry.kind not in (EntryKind.FILE, EntryKind.DIRECTORY) for entry in below.values()):
        return None
    entries = [(path[len(top) + 1:], entry.kind.value, entry.size, entry.sha256 or "") for path, entry in below.items()]
    return Digest(tree_digest(entries), sum(entry.size for entry in below.values()))
