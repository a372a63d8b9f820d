"""hyflow's connector for clusters that run Slurm, on the login node itself or by way of SSH."""

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
    """What a binding may say of its jobs beside their resources."""

    partition: str | None = field(
        default=None, metadata={"doc": "The partition, or several with commas between them.", "schema": {**WORD, "examples": ["gpu"]}}
    )
    account: str | None = field(default=None, metadata={"doc": "The account that is charged.", "schema": WORD})
    qos: str | None = field(default=None, metadata={"doc": "The quality of service.", "schema": WORD})
    constraint: str | None = field(
        default=None, metadata={"doc": "Features that the nodes must have.", "schema": {**WORD, "examples": ["skylake&ib"]}}
    )
    gres: str | None = field(
        default=None,
        metadata={
            "doc": "Generic resources, in place of gpu:N where a task asks for N GPUs.",
            "schema": {**WORD, "examples": ["gpu:a100:2"]},
        },
    )
    nodes: int | None = field(default=None, metadata={"doc": "How many nodes; else as Slurm finds it best.", "schema": {"minimum": 1}})
    extra: list[str] = field(
        default_factory=list,
        metadata={"doc": "More options of sbatch, word for word, after hyflow's own.", "schema": {"examples": [["--nice=100"]]}},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults(Options):
    """What every job of a site asks for."""

    time: str | None = field(
        default=None, metadata={"doc": "The time limit of tasks that have none of their own, as in 1h30m.", "schema": TIME}
    )
    memory: str | None = field(
        default=None, metadata={"doc": "The memory of jobs whose tasks ask for none, as in 4GiB.", "schema": SIZE}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BatchSettings):
    defaults: Defaults = field(
        default_factory=Defaults, metadata={"doc": "What every job asks for, unless its binding's `options` say otherwise."}
    )


@dataclass(frozen=True, slots=True)
class SlurmPlugin:
    name: str = "slurm"
    doc: str = "Runs jobs on a cluster with Slurm: on its login node itself, or with `via` on one that is elsewhere."
    settings: type[Settings] = Settings
    task_settings: type[Options] = Options
    locations: tuple[str, ...] = ("",)
    via: bool = True
    entering: float = 120.0  # a busy controller takes its time

    def connect(self, settings: Settings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector for one such cluster."""
        from hyflow.batch.site import BatchSite
        from hyflow.shell.processes import OwnShell
        from hyflow_slurm.slurm import Slurm

        options = dataclasses.asdict(settings.defaults)
        reach = context.via or OwnShell(settings.patience)
        return BatchSite(Slurm(options), reach, settings, context, options)


plugin = SlurmPlugin()
