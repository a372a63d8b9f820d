"""hyflow's connector for clusters that run OpenPBS or PBS Professional, on the login node itself or by way of SSH."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from hyflow.batch.settings import BatchSettings
from hyflow.connector import Connector, SiteContext
from hyflow.model.quantities import SIZE, TIME

WORD = {"pattern": r"^[^\s-]\S*$(?!\n)", "title": "a name without white space that does not begin with -"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a job may ask for beside what its task does."""

    queue: str | None = field(
        default=None, metadata={"doc": "The queue; else the server's own choice.", "schema": {**WORD, "examples": ["gpu"]}}
    )
    account: str | None = field(default=None, metadata={"doc": "The account, or project, that is charged.", "schema": WORD})
    place: str | None = field(
        default=None,
        metadata={
            "doc": "How a job's parts are placed on nodes, as qsub's -l place= takes it.",
            "schema": {**WORD, "examples": ["scatter:excl"]},
        },
    )
    select: str | None = field(
        default=None,
        metadata={
            "doc": "The parts of a job, word for word as qsub's -l select= takes them, in place of what follows from its task.",
            "schema": {**WORD, "examples": ["1:ncpus=8:mem=16gb:cpu_type=rome"]},
        },
    )
    time: str | None = field(
        default=None, metadata={"doc": "The time limit of jobs whose tasks have none of their own, as in 1h30m.", "schema": TIME}
    )
    memory: str | None = field(
        default=None,
        metadata={"doc": "The memory of jobs whose tasks ask for none, as in 4GiB; for all that one runs at a time.", "schema": SIZE},
    )
    extra: list[str] = field(
        default_factory=list,
        metadata={"doc": "More options of qsub, word for word, after hyflow's own.", "schema": {"examples": [["-p", "-100"]]}},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BatchSettings):
    defaults: Options = field(
        default_factory=Options, metadata={"doc": "What every job asks for, unless its binding's `options` say otherwise."}
    )


@dataclass(frozen=True, slots=True)
class PbsPlugin:
    name: str = "pbs"
    doc: str = "Runs jobs on a cluster with OpenPBS or PBS Professional: on its login node itself, or with `via` on one that is elsewhere."
    settings: type[Settings] = Settings
    task_settings: type[Options] = Options
    locations: tuple[str, ...] = ("",)
    via: bool = True
    entering: float = 120.0  # a busy server takes its time

    def connect(self, settings: Settings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector for one such cluster."""
        from hyflow.batch.site import BatchSite
        from hyflow.shell.processes import OwnShell
        from hyflow_pbs.pbs import Pbs

        options = dataclasses.asdict(settings.defaults)
        reach = context.via or OwnShell(settings.patience)
        return BatchSite(Pbs(options), reach, settings, context, options)


plugin = PbsPlugin()
