"""What has happened to attempts of batches, in one round trip; the scripts that look, find, end and write off, and what they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hyflow.batch.layout import text
from hyflow.connector import Done, Lost, Running
from hyflow.errors import SiteError
from hyflow.model.jobs import Key
from hyflow.shell.markers import by_key
from hyflow.shell.outcome import parse_outcome, seconds
from hyflow.shell.trips import Opens, script, trip

MOST = 500
"""Results that one look brings at most; what is left comes with the next one."""
LOOK = text("marks.sh") + script("results.sh")
FIND, CANCEL, LOST = (text(f"{name}.sh") for name in ("find", "cancel", "lost"))


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an attempt is: the batch and the index of the job in it."""

    batch: str
    index: int


@dataclass(slots=True)
class Seen:
    """What one look found, by key: attempts that ended, that run, whose runner died (and its last words), that wait (`queued`), that are
    about to say who runs them (`claimed`), that there are none of (`gone`); where some were claimed. `jobs`: of jobs, what their marks
    say ("p", "x", "b"; see job.sh). `beginnings`: the names of the marks that told who runs."""

    ended: dict[Key, Done | Lost] = field(default_factory=dict)
    running: dict[Key, Running] = field(default_factory=dict)
    died: dict[Key, str] = field(default_factory=dict)
    queued: set[Key] = field(default_factory=set)
    claimed: set[Key] = field(default_factory=set)
    gone: set[Key] = field(default_factory=set)
    seats: dict[Key, Seat] = field(default_factory=dict)
    jobs: dict[Seat, set[str]] = field(default_factory=dict)
    beginnings: dict[Key, str] = field(default_factory=dict)


async def look(site: Opens, base: str, own: str, known: Iterable[tuple[str, str]], batches: Collection[str], keys: Collection[Key]) -> Seen:
    """Look at the marks of these batches, and at the bundles of these keys. `known`: marks (batch, name) to take away. Raises SiteError."""
    asked = [*(f"rm {batch} {mark}" for batch, mark in known), *(f"in {batch}" for batch in batches), *(f"key {key}" for key in keys)]
    feed = "".join(f"{line}\n" for line in asked).encode()
    return parse(await trip(site, ("sh", "-c", LOOK, "sh", base, own, str(MOST)), feed, what="looking for the marks of jobs", long=True))


def parse(answer: bytes) -> Seen:
    """The answer of marks.sh. Raises SiteError when it is not whole."""
    lines, separator, rest = (b"\n" + answer).partition(b"\n\n")
    if not separator:
        raise SiteError("the answer about the marks of jobs is not whole", transient=True)
    results, seen = by_key(rest), Seen()
    for line in lines.decode(errors="replace").split("\n")[1:]:
        try:
            _read(line.split(" "), results, seen)
        except (ValueError, IndexError) as error:
            raise SiteError(f"the answer about the marks of jobs cannot be read: {line[:80]!r}", transient=True) from error
    return seen


def _read(words: list[str], results: Mapping[str, Mapping[str, bytes]], seen: Seen) -> None:
    kind, key = words[0], Key(words[1])
    match kind:
        case "E":
            seen.ended[key] = parse_outcome(results[key]) if key in results else Lost("its results cannot be read")
        case "R":
            seen.running[key] = Running(seconds(words[2]), " ".join(words[3:]))
            seen.beginnings[key] = f"r:{words[2]}:{key}:{' '.join(words[3:])}"
        case "D":
            seen.died[key] = " ".join(words[2:]).strip()
        case "M":
            seen.jobs.setdefault(Seat(words[1], int(words[3])), set()).add(words[2])
        case "W":
            seen.seats[key] = Seat(words[2], int(words[3]))
        case "Q" | "C" | "G":
            {"Q": seen.queued, "C": seen.claimed, "G": seen.gone}[kind].add(key)
        case _:
            raise ValueError(kind)


async def find(site: Opens, base: str, own: str, keys: Collection[Key]) -> tuple[dict[Key, Seat], dict[str, str]]:
    """Where the attempts were put, and by batch what submit.sh said of it ("": it was cut off). Raises SiteError."""
    answer = await trip(site, ("sh", "-c", FIND, "sh", base, own), lines(keys), what="looking for jobs")
    seats: dict[Key, Seat] = {}
    answers: dict[str, str] = {}
    batch, said = "", list[str]()
    for line in answer.decode(errors="replace").split("\n"):
        if batch and line == f"end {batch}":
            answers[batch], batch = "\n".join(said).strip("\n"), ""
        elif batch:
            said.append(line)
        elif line.startswith("batch "):
            batch, said = line.removeprefix("batch "), []
        elif line:
            key, name, index = line.split(" ")
            seats[Key(key)] = Seat(name, int(index))
    return seats, answers


@dataclass(frozen=True, slots=True)
class ToEnd:
    """What ending attempts comes to: those that run, the jobs that have nothing else to do, and those that have."""

    running: frozenset[Key]
    whole: frozenset[Seat]
    part: frozenset[Seat]


async def cancel(site: Opens, base: str, own: str, keys: Collection[Key]) -> ToEnd:
    """Say of these attempts that they are to end; those that have not begun never will. Raises SiteError."""
    answer = await trip(site, ("sh", "-c", CANCEL, "sh", base, own), lines(keys), what="ending jobs", long=True)
    told = [line.split(" ") for line in answer.decode(errors="replace").splitlines()]
    seats = {kind: frozenset(Seat(words[1], int(words[2])) for words in told if words[0] == kind) for kind in ("whole", "part")}
    return ToEnd(frozenset(Key(words[1]) for words in told if words[0] == "runs"), seats["whole"], seats["part"])


async def write_off(site: Opens, base: str, lost: Mapping[Key, Lost]) -> set[Key]:
    """Make sure that nothing begins any more of attempts that are lost; those of them that have ended by themselves after all.
    Raises SiteError."""
    feed = "".join(f"{key} {each.kind} {' '.join(each.evidence.split())}\n" for key, each in lost.items())
    answer = await trip(site, ("sh", "-c", LOST, "sh", base), feed.encode(errors="replace"), what="writing off jobs")
    return {Key(key) for key in answer.decode(errors="replace").split()}


def lines(keys: Collection[Key]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()
