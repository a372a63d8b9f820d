"""What a batch system adds to what they all share: its words. Nothing is run here; `hyflow.batch.site` runs what these functions give.

A batch goes to the queue as one array job; its name is the batch's own, so that it can be found again when an answer was lost. All that
is asked of the system is a text for a POSIX shell at the login node, and all that comes back is that text's output.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from hyflow.connector import Argv, Finding
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import Resources


@dataclass(frozen=True, slots=True)
class Shape:
    """What one task of a batch asks for: whole cores, bytes of memory (None: what the queue gives), GPUs, seconds (None: what the queue
    gives), processes of an MPI program (None: it is none; cores, memory and GPUs are those of all of them together). `options`: what site
    and binding say beside, in the words of the batch system, by name."""

    cores: int
    memory: int | None
    gpus: int
    time: float | None
    processes: int | None = None
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One array job: `name` (letters, digits and hyphens), the number of its elements, what each asks for (its tasks together), the script
    that it runs (which sees to its own output, so that the queue need keep none), the directory that it starts in, and the nodes to stay
    away from."""

    name: str
    elements: int
    shape: Shape
    script: str
    workdir: str
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The queue has the batch, under this id."""

    id: str


@dataclass(frozen=True, slots=True)
class Full:
    """The queue takes no more just now: a limit has been reached, in the system's words."""

    words: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The queue will never take such a batch."""

    words: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It cannot be told whether the queue has it."""

    words: str


Answer: TypeAlias = Accepted | Full | Rejected | Unclear


@dataclass(frozen=True, slots=True)
class Waiting:
    """In the queue; `reason` in the system's words, the same for all that wait for the same. `hopeless`: it will never run as things are,
    nobody's hand apart."""

    reason: str = ""
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class Active:
    """On `node`, or about to be."""

    node: str = ""


@dataclass(frozen=True, slots=True)
class Over:
    """It has ended. `kind` and `evidence`: what the system says was wrong, None where it says of nothing that speaks against the marks.
    `ambush`: the node is to blame, and may be so again."""

    kind: FailureClass | None = None
    evidence: str = ""
    node: str = ""
    ambush: bool = False


State: TypeAlias = Waiting | Active | Over


@dataclass(frozen=True, slots=True)
class Entry:
    """What the queue says of some elements of the batch `name`, submitted as `id`: those with these indices; None: of all that it says
    nothing else about."""

    name: str
    id: str
    indices: Collection[int] | None
    state: State


@dataclass(frozen=True, slots=True)
class Limits:
    """What a site allows, as far as it says so: elements of one array, elements in the queue at once, the longest time in seconds of each
    partition or queue ("" is the one that jobs go to by default), the largest node, all cores; how many jobs of the user's it has now."""

    array: int | None = None
    jobs: int | None = None
    longest: Mapping[str, float] = field(default_factory=dict)
    largest: Resources | None = None
    cores: int | None = None
    mine: int | None = None


class BatchSystem(Protocol):
    """One batch system, as one site has it. Every text is for a POSIX shell; it must not change anything where it only asks."""

    name: str
    """As people call it."""
    queue_option: str
    """The option that chooses among the queues, or partitions, that `Limits.longest` names."""

    def limits(self) -> str:
        """Asks what the site allows."""

    def understood(self, answer: str) -> Limits:
        """What it allows, of that answer. Raises SiteError, with what is to be done, where the system is not there at all."""

    def submission(self, order: Order) -> Argv:
        """The command that puts the batch into the queue."""

    def accepted(self, code: int, output: str, said: str) -> Answer:
        """What that command answered: exit status, standard output, standard error."""

    def preamble(self) -> str:
        """The first lines of a batch's script: they set `index` (of the element, from 0), `node` (its name) and `job` (what the queue calls
        this element); and `looks`, where `nudge` cannot tell the script alone: seconds after which it looks by itself what is to end."""

    def question(self, names: Sequence[str], gone: Collection[tuple[str, int]]) -> str:
        """Asks about our batches of these names. `gone`: elements that have most likely left the queue, by the batch's id and index; what
        became of them is asked as well. Exit status 0 when the system gave an answer, and only then."""

    def entries(self, answer: str) -> Sequence[Entry]:
        """What it says. Raises ValueError where that cannot be read: then nothing is known."""

    def element(self, id: str, index: int) -> str:
        """What people call that element of the batch."""

    def cancel(self, elements: Mapping[str, Collection[int]], names: Sequence[str]) -> str:
        """Ends elements, by id and index, and all of our jobs with these names, in whatever state. What has ended
        already is passed over."""

    def nudge(self, elements: Mapping[str, Collection[int]]) -> str:
        """Sends SIGUSR1 to the scripts of running elements, by id and index."""

    def launch(self, argv: Argv, processes: int) -> Argv:
        """The command that starts this one as so many processes of one MPI program, within a job."""

    def errand(self, argv: Argv) -> Argv | None:
        """The command that runs this one as a job of its own, attached; None where the system has nothing of the kind."""

    def examine(self) -> str:
        """Asks for what `hyflow check --connect` tells, beside a job that is tried."""

    def findings(self, answer: str) -> Sequence[Finding]:
        """What that says."""
