"""What every site with a batch system may be told in a deployment file. A plug-in's own settings extend these."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyflow.errors import SiteError
from hyflow.model.quantities import TIME, parse_time
from hyflow.shell.settings import WORKDIR, Patience

RATE = {"pattern": r"^[1-9][0-9]{0,5}/(s|m|h)$(?!\n)", "title": "so many a second, minute or hour, as in 2/s or 30/m", "examples": ["2/s"]}
"""The schema of a rate."""
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """When short tasks share one job."""

    below: str = field(
        default="2m",
        metadata={"doc": "Tasks that take less than this, by their time limit or as those before them did, share jobs; 0s: none does.",
                  "schema": TIME},
    )  # fmt: skip
    target: str = field(default="30m", metadata={"doc": "About how long such a job may take.", "schema": TIME})
    cores: int | None = field(
        default=None,
        metadata={"doc": "The most cores that such a job asks for, to run so many tasks at a time; by default those of a node, up to 8.",
                  "schema": {"minimum": 1, "examples": [16]}},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """How the queue is used."""

    max_jobs: int = field(
        default=1000,
        metadata={"doc": "Have at most this many jobs in the queue at once; each element of an array is one.", "schema": {"minimum": 1}},
    )
    rate: str = field(default="1/s", metadata={"doc": "Submit no more often than this.", "schema": RATE})
    array_max: int = field(
        default=1000, metadata={"doc": "The most elements of one job array; the queue's own limit holds besides.", "schema": {"minimum": 1}}
    )
    pack: Pack = field(default_factory=Pack, metadata={"doc": "When short tasks share one job."})


@dataclass(frozen=True, kw_only=True)
class BatchSettings(Patience):
    """Without slots, so that others may have it beside another base."""

    workdir: str = field(
        default="~/.local/share/hyflow",
        metadata={
            "doc": "The directory there that hyflow works in, an absolute path or one below the home there; login and compute nodes must "
            "both see it. It is made.",
            "schema": WORKDIR,
        },
    )
    filesystem: str | None = field(
        default=None,
        metadata={
            "doc": "The name of the cluster's file system, if not the site's; sites that name the same one share it. `local` where hyflow "
            "runs on the cluster's login node and its compute nodes see all that this does: then nothing is copied.",
            "schema": {"examples": ["scratch"]},
        },
    )
    prologue: str = field(
        default="",
        metadata={"doc": "Lines for a POSIX shell that every job runs first; what they export, commands get.",
                  "schema": {"examples": ["module load apptainer"]}},
    )  # fmt: skip
    submit: Submit = field(default_factory=Submit, metadata={"doc": "How the queue is used."})
    poll: float = field(
        default=2.0,
        metadata={"doc": "Look for the marks of ended jobs at least every so many seconds. The queue is asked less than twice a minute.",
                  "schema": {"exclusiveMinimum": 0}},
    )  # fmt: skip
    settle: float = field(
        default=120.0,
        metadata={"doc": "Wait so many seconds for the marks of a job that has left the queue, as network file systems may be late.",
                  "schema": {"minimum": 0}},
    )  # fmt: skip


def per_second(rate: str) -> float:
    """How many a second: "30/m" is 0.5. The text is one that RATE allows."""
    count, _, unit = rate.partition("/")
    return int(count) / _SECONDS[unit]


def check(settings: BatchSettings, site: str) -> None:
    """Raises SiteError where the settings cannot be obeyed, which happens where no schema has checked them."""
    try:
        per_second(settings.submit.rate)
        parse_time(settings.submit.pack.below)
        parse_time(settings.submit.pack.target)
    except (ValueError, KeyError) as error:
        raise SiteError(f"site {site}: `submit` cannot be obeyed: {error}", transient=False) from error
