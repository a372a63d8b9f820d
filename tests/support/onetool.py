"""One tool or workflow, written as text, taken through load, start, demand, bind and collect with facts given by the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hyflow.cwl.load import load
from hyflow.cwl.processes import Bound, Demand, Processes
from hyflow.model.facts import Absence, Ask, Fact, Facts, Found, Localize, Stat
from hyflow.model.jobs import Job, JobId, Key
from hyflow.model.places import Place
from hyflow.model.resources import Resources
from hyflow.model.tasks import Entry, EntryKind, Manifest, Outcome
from hyflow.model.values import Inputs

RESOURCES = Resources(1.0, 256 << 20, 1 << 30, 1 << 30)
HOME = {"HOME": "/job/out", "TMPDIR": "/job/tmp"}


@dataclass(slots=True)
class Disk:
    """What there is: sizes of files by address, None for directories; other answers as `facts`. `asked`: all that was asked for."""

    sizes: Mapping[str, int | None] = field(default_factory=dict)
    facts: Mapping[Fact, Any] = field(default_factory=dict)
    asked: list[Fact] = field(default_factory=list)

    def settle(self, call: Callable[[Facts], Any]) -> Any:
        """The answer of a pure function, however often it asks."""
        known: dict[Fact, Any] = {}
        while isinstance(answer := call(known), Ask):
            assert not answer.facts & known.keys(), "it asks again for what it was told"
            self.asked += sorted(answer.facts, key=str)
            known.update({fact: self._answer(fact) for fact in answer.facts})
        return answer

    def _answer(self, fact: Fact) -> Any:
        if fact in self.facts:
            return self.facts[fact]
        match fact:
            case Stat(uri):
                if uri not in self.sizes:
                    return None
                size = self.sizes[uri]
                return Found("d") if size is None else Found("f", size)
            case Absence(uri, kind):
                return f"there is no {'directory' if kind == 'd' else 'file'} at {uri}", None
            case Localize(uri):
                return source(uri)
        raise AssertionError(f"unexpected question: {fact}")


def source(uri: str) -> str:
    """Where what is at an address lies at the place of the attempt."""
    return "/data" + uri.partition("://")[2]


class Tool:
    """A document that stands in a file of its own; with one command, that is what `demand`, `bind` and `collect` are about."""

    def __init__(self, folder: Path, text: str, name: str = "tool.cwl") -> None:
        folder.joinpath(name).write_text(text)
        self.program = load(str(folder / name), cache=None)
        self.processes = Processes(self.program)
        self.disk = Disk()

    @property
    def process(self) -> str:
        return next(iter(self.program.workflows["/"].steps.values())).process

    def start(self, **inputs: Any) -> Inputs:
        started: Inputs = self.disk.settle(lambda facts: self.processes.start(inputs, facts))
        return started

    def demand(self, **inputs: Any) -> Demand:
        demand: Demand = self.disk.settle(lambda facts: self.processes.demand(self.process, inputs, facts))
        return demand

    def bind(self, **inputs: Any) -> Bound:
        """The job bound at a place whose directory is /job, with every source at `source(uri)`."""
        demand = self.demand(**inputs)
        place = Place("/job", "site://far/job", "/job/out", "/job/tmp", "/job/in", {uri: source(uri) for uri in demand.sources}, RESOURCES)
        job = Job(JobId(self.process), self.process, inputs)
        bound: Bound = self.disk.settle(lambda facts: self.processes.bind(job, Key("key"), self._localized(place, facts), demand, facts))
        return bound

    @staticmethod
    def _localized(place: Place, facts: Facts) -> Place:
        more = {fact.uri: path for fact, path in facts.items() if isinstance(fact, Localize)}
        return replace(place, sources={**place.sources, **more})

    def argv(self, **inputs: Any) -> tuple[str, ...]:
        return self.bind(**inputs).task.argv

    def collect(self, *entries: Entry, matches: tuple[tuple[str, ...], ...] = (), output_json: bytes | None = None, code: int = 0,
                **inputs: Any) -> Inputs:
        """The outputs of a job that left `entries`; `matches` as the globs of the task would find them, in order."""
        bound = self.bind(**inputs)
        manifest = Manifest({entry.path: entry for entry in entries}, matches, output_json)
        job = Job(JobId(self.process), self.process, inputs)
        outputs: Inputs = self.disk.settle(lambda facts: self.processes.collect(job, bound, manifest, Outcome(code=code), facts))
        return outputs

    def express(self, **inputs: Any) -> Inputs:
        outputs: Inputs = self.disk.settle(lambda facts: self.processes.express(self.process, inputs, facts))
        return outputs

    def evaluate(self, step: str, **inputs: Any) -> tuple[Inputs, bool]:
        answer: tuple[Inputs, bool] = self.disk.settle(lambda facts: self.processes.evaluate("/", step, inputs, facts))
        return answer


def file(uri: str, size: int | None = 1, **more: Any) -> dict[str, Any]:
    """A File token."""
    made: dict[str, Any] = {"class": "File", "location": uri, "basename": uri.rpartition("/")[2], **more}
    return made if size is None else {**made, "size": size}


def folder(uri: str, **more: Any) -> dict[str, Any]:
    """A Directory token."""
    return {"class": "Directory", "location": uri, "basename": uri.rpartition("/")[2], **more}


def left(path: str, size: int = 1, **more: Any) -> Entry:
    """A file in the output directory."""
    return Entry(path, EntryKind.FILE, size, **{"sha1": "a" * 40, **more})


def left_folder(path: str, **more: Any) -> Entry:
    """A directory in the output directory."""
    return Entry(path, EntryKind.DIRECTORY, **more)
