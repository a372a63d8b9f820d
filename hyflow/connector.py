"""The connector protocol: all that hyflow asks of a site. Connectors never see CWL; they get tasks and give back outcomes.

A plug-in is an entry point of the group `hyflow.connectors` that names a `Plugin`: light, so that deployment files can be
checked without the plug-in's heavy dependencies. `hyflow.testing.ConnectorSuite` is what every connector must pass.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NewType, Protocol, TypeAlias, TypeVar, runtime_checkable

from hyflow.model.jobs import FailureClass, Key
from hyflow.model.places import Location
from hyflow.model.tasks import Manifest, Outcome, Task

Argv: TypeAlias = Sequence[str]
Ticket = NewType("Ticket", str)
"""What a connector returns for a submitted attempt: opaque to hyflow, plain text, valid after a restart."""

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Queued:
    """Accepted, not started. `reason`: why not, in a few words of the site's that are the same for all that wait for the same; "" where it
    does not say."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """The command runs on `host` since `at` (seconds since the epoch)."""

    at: float
    host: str


@dataclass(frozen=True, slots=True)
class Done:
    """The attempt has ended and left this; the whole answer, no further round trip is needed."""

    outcome: Outcome
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt will never answer, and there is positive evidence of that. `lasting`: others would fare no better until somebody acts."""

    evidence: str
    kind: FailureClass = FailureClass.INFRASTRUCTURE
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The site does not answer just now; nothing is known about the attempt."""

    reason: str


Status: TypeAlias = Queued | Running | Done | Lost | Unknown


@dataclass(frozen=True, slots=True)
class Refused:
    """The site will not take the task."""

    reason: str
    transient: bool = False


class Pipe(Protocol):
    """A command that runs attached. Leaving its context ends it."""

    async def write(self, data: bytes) -> None:
        """Send to standard input; waits while the other side is slow. BrokenPipeError when the command has ended; also when it has only
        closed its standard input, where the way there tells that."""

    async def close_input(self) -> None:
        """End standard input; output may still be read."""

    async def read(self, limit: int = 1 << 16) -> bytes:
        """Up to `limit` bytes of standard output; b"" at its end."""

    async def wait(self) -> tuple[int, bytes]:
        """The exit status and the last 64 KiB of standard error. Reads and drops what remains of standard output."""


class Reach(Protocol):
    """A way to run lines for a POSIX shell on a machine. Entered with `async with`; entering makes sure that the machine can be reached."""

    async def __aenter__(self) -> Reach: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def open(self, line: str) -> AbstractAsyncContextManager[Pipe]:
        """Run the line, attached; leaving ends it. Raises SiteError, and so does whatever is asked of the pipe."""


class Connector(Protocol):
    """One site. Entered with `async with`: entering connects, leaving lets go (remote tasks go on, local ones end).

    Every method may raise `SiteError`. No method keeps a lock while it waits.
    """

    async def __aenter__(self) -> Connector: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def locations(self) -> Sequence[Location]:
        """Where tasks can run here; at least one, the same for as long as the connection stands."""

    def open(self, argv: Argv) -> AbstractAsyncContextManager[Pipe]:
        """Run a command of hyflow's own, attached, where the site's files are seen. For staging and questions, not for tasks."""

    def submit(self, at: Location, tasks: Sequence[Task]) -> AsyncIterator[tuple[Key, Ticket | Refused]]:
        """Start tasks; each answer as soon as it is known. Submitting a key again starts nothing and gives a ticket for the first."""

    async def find(self, keys: Collection[Key]) -> Mapping[Key, Ticket]:
        """After a crash: those of the keys that were submitted here, with their tickets."""

    def watch(self, tickets: Collection[Ticket]) -> AsyncIterator[tuple[Ticket, Status]]:
        """What becomes of the attempts, every change once; ends when each is Done or Lost. Several watches may go on at once."""

    async def cancel(self, tickets: Collection[Ticket]) -> None:
        """End the attempts with all their processes; returns when it is done. Those that have ended already are passed over."""

    def power(self, kind: type[P]) -> P | None:
        """Something that this site can do beyond the rest (a protocol of this module), or None."""


class Forget(Protocol):
    """Power: give back what an ended attempt keeps at the site."""

    async def forget(self, tickets: Collection[Ticket]) -> None:
        """Remove all that hyflow keeps of these ended attempts but their directories `out` and the files stdout and stderr."""


class Stay(Protocol):
    """Power: attempts at this site end when its connector is left, unless they are told to go on. Without it they always go on."""

    def stay(self) -> None:
        """Leaving lets go from now on: what runs goes on, and a connector that is entered later with the same context finds it."""


class Launches(Protocol):
    """Power: this site itself starts the processes of an MPI program (`Task.processes`). Elsewhere such tasks come with the words of a
    launcher before their command, and are like any other."""


class Logs(Protocol):
    """Power: read what attempts write at this site, while they do. `path` is absolute, `offset` counts bytes. What is no plain file at that
    path is none. Raises SiteError; what came before it is right, and may be gone on from."""

    async def size(self, path: str) -> int | None:
        """How many bytes the file has now; None: there is none."""

    def read(self, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        """What is in the file from there on, in pieces; nothing when there is none."""

    def follow(self, key: Key, path: str, offset: int) -> AsyncGenerator[bytes, None]:
        """The same, and what is added, as it is, until the attempt has ended; the file need not be there yet. Holds one command open."""


class Names(Protocol):
    """Power: the site's own commands have names for attempts."""

    def name(self, ticket: Ticket) -> str:
        """What they call the attempt, in words for people, as in "job 117_3"; "" where that is not known."""


class Withdraws(Protocol):
    """Power: tasks may wait long before `submit` answers for them, and until then be taken back."""

    def withdraw(self, keys: Collection[Key]) -> None:
        """Those of them for which there has been no answer get Refused as theirs; nothing is known of the others."""


class Backlog(Protocol):
    """Power: tasks may wait long before `submit` answers for them, and the site knows why."""

    def held(self) -> str:
        """Why those wait, in a few words; "" where they are on their way. Cheap: it is asked twice a second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a site: `words` about what `name` says, one line, not made safe for a terminal. `level`: "warning" for what may
    hinder a run, "problem" for what will."""

    name: str
    words: str
    level: Literal["ok", "warning", "problem"] = "ok"


class Examine(Protocol):
    """Power: look at what matters before a long run."""

    async def examine(self) -> Sequence[Finding]:
        """What there is to say, the way there first; takes some seconds, and leaves nothing behind."""


class Errands(Protocol):
    """Power: commands of hyflow's own that are too much for the machine on which `open` runs them."""

    def errand(self, argv: Argv) -> Argv:
        """The command, for `open`, that runs this one as a job of the site's batch system and stays with it: standard input, output, error
        and exit status are its own; the batch system may say something besides on standard error. Ending it ends the job, and so does,
        soon, losing the way to it. What jobs are prepared with, this one is. It may wait for its turn without a bound."""


@dataclass(frozen=True, slots=True)
class SiteContext:
    """What a plug-in is told about the run: the site's name, the run's id, and a directory of this machine
    (0700, there, kept for the run's life) for what the connector must remember. `via`: the way to the machine on which the site's
    command lines are to run, if that is another than this one; it has been entered, and is left after the connector."""

    site: str
    run: str
    state: Path
    via: Reach | None = None


class Plugin(Protocol):
    """The light descriptor behind an entry point.

    `name` is what `type:` says in a deployment file. `settings` is a frozen dataclass; every field has a default or is required,
    `metadata={"doc": ...}`, and a type of str, int, float, bool, list[str], dict[str, str], Literal or another such dataclass,
    possibly `| None`. The metadata may also have `"schema"`: what else must hold for the value, in words of JSON Schema, such as
    `{"minimum": 1}` or `hyflow.model.quantities.SIZE`. The deployment file's schema derives from it.

    A plug-in that knows the names of its sites' locations before it connects may have them in an attribute `locations` ("" for a site
    that is one place), or in a method of that name that takes the settings: a binding to another one is then a mistake that `hyflow check`
    finds. One whose sites are always the machine that
    hyflow runs on may say so with an attribute `here` that is true: cleaning up after a run then asks such a site without further ado.
    One whose sites may ask somebody for a password says in an attribute `entering` how many seconds entering may take, instead of 60.
    One whose sites can be reached through a `Way` says so with an attribute `via` that is true, and obeys `SiteContext.via`.
    One whose jobs can be told more than what every site is told has in an attribute `task_settings` a dataclass of the same kind, each of
    whose fields has a default: bindings may then set these fields in their `options`, and `Task.options` has those that they set.
    """

    name: str
    doc: str
    settings: type[Any]

    def connect(self, settings: Any, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """A connector for one site; heavy imports belong here."""


@runtime_checkable
class Way(Plugin, Protocol):
    """A plug-in that sites of other types may name in their `via:`. `reach_settings` is to such a way what `settings` is to a site; a way
    that can itself lead through other hosts has a setting `jump`."""

    reach_settings: type[Any]

    def reach(self, settings: Any, context: SiteContext) -> Reach:
        """The way that these `reach_settings` describe, not yet entered; heavy imports belong here."""
