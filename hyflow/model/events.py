"""Events: facts that the engine learned. Each is in the journal before `State` acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hyflow.model.jobs import Failure, JobId, Key
from hyflow.model.resources import NOTHING, Request, Resources, Usage
from hyflow.model.values import Inputs, Value


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins with these (complete, checked) inputs. The first event of every journal."""

    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A step's `when` and `valueFrom` gave these inputs; `skipped`: `when` said no."""

    job: JobId
    inputs: Inputs
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Demanded:
    """The job's requirements are known. `locations`: where its binding allows it to run, best first, as str(Location)."""

    job: JobId
    request: Request
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Submitting:
    """Intent, durable before the site hears of it: this attempt will be submitted there, with `dir` as its directory (absolute), and
    run in a container of the image with this digest ("sha256:..."; None: in no container), or with these environment modules.
    `resources`: what it is granted; `anew`: why no earlier result stands in for it, in words ("": none was looked for)."""

    job: JobId
    key: Key
    location: str
    dir: str
    at: float
    image: str | None = None
    modules: tuple[str, ...] = ()
    resources: Resources = NOTHING
    anew: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The site took the attempt; `ticket` as the connector wrote it, `name` what the site's own commands call it, for people ("": nothing
    that anybody would know)."""

    job: JobId
    key: Key
    ticket: str
    at: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """The command has started on `host`."""

    job: JobId
    key: Key
    at: float
    host: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is done and these are its outputs. `key` None: an expression, evaluated here."""

    job: JobId
    key: Key | None
    outputs: Inputs
    usage: Usage
    at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt (key None: the job before any attempt) failed. `again`: the job is tried again, at the earliest in so many seconds;
    None: it has failed for good, or was cancelled."""

    job: JobId
    key: Key | None
    failure: Failure
    at: float
    again: float | None = None


@dataclass(frozen=True, slots=True)
class Reused:
    """The job need not run: an earlier one that was the same in every respect, the job `source` of `run`, gave these outputs."""

    job: JobId
    outputs: Inputs
    run: str
    source: JobId
    at: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The run's output object, with its files where the user wants them."""

    outputs: Value
    at: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """Start nothing more: somebody asked to. `reason`: interrupt or terminate (what cannot go on without hyflow is ended, the rest is let
    go), hangup (everything is let go), cancel or clean (everything is ended; what the run worked with is removed). `ended`: the run had
    come to its end before, at that time, and stands as it stood."""

    reason: str
    at: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Rerun:
    """What is known of some jobs counts no more, and they are to run again: all of these steps, and with `failed` those that failed."""

    steps: tuple[str, ...]
    failed: bool
    at: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """A driver takes up the run, on `host`, after an earlier one has died or was stopped."""

    host: str
    at: float


@dataclass(frozen=True, slots=True)
class Cause:
    """Why so many `jobs` that were sent to `site` have not begun, in the words of whoever keeps them waiting. `queued`: the site has taken
    them; else it has not yet. `named`: which ones they are, where these are few; else none is named."""

    site: str
    reason: str
    jobs: int
    queued: bool
    named: tuple[JobId, ...] = ()


@dataclass(frozen=True, slots=True)
class Awaiting:
    """Why jobs that were sent to sites have not begun: all that was known of that then, so that an earlier such event counts no more. It is
    written seldom, and not whenever a number changes."""

    causes: tuple[Cause, ...]
    at: float


Event: TypeAlias = (
    Started | Evaluated | Demanded | Submitting | Submitted | Running | Finished | Failed | Reused | Delivered | Stopping | Rerun | Resumed
    | Awaiting
)
EVENTS: tuple[type, ...] = (
    Started, Evaluated, Demanded, Submitting, Submitted, Running, Finished, Failed, Reused, Delivered, Stopping, Rerun, Resumed, Awaiting,
)  # fmt: skip
