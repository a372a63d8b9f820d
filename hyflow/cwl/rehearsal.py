"""What the command of a job would be, before anything is brought anywhere: bound at a place that does not exist.

Of its words only those that name the attempt's own directories or its inputs are not what they will be; all of these lie below DIRECTORY.
"""

from __future__ import annotations

from typing import Any

from hyflow.cwl.bind import Binder
from hyflow.cwl.demand import Demand
from hyflow.cwl.knowledge import answer
from hyflow.model.facts import Ask, Fact, Facts, Localize
from hyflow.model.jobs import Job, Key
from hyflow.model.places import Place
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task

DIRECTORY = "/dev/null/hyflow"
"""Nothing can be there."""


class _Anywhere(dict[Fact, Any]):
    """Facts, and for all data a place where it would be."""

    def __missing__(self, fact: Fact) -> Any:
        if isinstance(fact, Localize):
            return f"{DIRECTORY}/data/{fact.uri.rpartition('/')[2] or 'data'}"
        raise KeyError(fact)


def rehearse(binder: Binder, job: Job, demand: Demand, resources: Resources, facts: Facts) -> Task | Ask:
    """The task outside of a container. Raises WorkflowError."""
    outdir, tmpdir, indir = (f"{DIRECTORY}/{name}" for name in ("out", "tmp", "in"))
    place = Place(DIRECTORY, f"site://nowhere{DIRECTORY}", outdir, tmpdir, indir, {}, resources)
    bound = answer(lambda know: binder.bind(job, Key("rehearsal"), str(job.id), place, demand, know), _Anywhere(facts))
    return bound if isinstance(bound, Ask) else bound.task
