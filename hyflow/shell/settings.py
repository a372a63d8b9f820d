"""What every shell-like site may be told in a deployment file. A plug-in's own settings extend these."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyflow.errors import SiteError
from hyflow.model.quantities import SIZE, parse_size

WORKDIR = {"pattern": "^(/|~/)", "title": "an absolute path, or one that begins with ~/", "examples": ["/scratch/ada/hyflow"]}
"""The schema of a path at a site."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Settings of what speaks with a machine. Without slots, so that others may have it beside another base."""

    patience: float = field(
        default=60.0,
        metadata={
            "doc": "Give up what is asked of the machine when no byte has moved for so many seconds.",
            "schema": {"exclusiveMinimum": 0},
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellSettings(Patience):
    workdir: str = field(
        metadata={
            "doc": "The directory there that hyflow works in, an absolute path or one below the home there, as ~/hyflow; it is made.",
            "schema": WORKDIR,
        }
    )
    filesystem: str | None = field(
        default=None,
        metadata={
            "doc": "The name of the machine's file system, if not the site's; sites that name the same one share it.",
            "schema": {"examples": ["scratch"]},
        },
    )
    cores: float | None = field(
        default=None,
        metadata={
            "doc": "Use at most this many cores at once; all of the machine's otherwise.",
            "schema": {"exclusiveMinimum": 0, "examples": [4]},
        },
    )
    memory: str | None = field(
        default=None, metadata={"doc": "Use at most this much memory at once, as in 16GiB; all otherwise.", "schema": SIZE}
    )
    max_jobs: int | None = field(
        default=None, metadata={"doc": "Run at most this many jobs at once.", "schema": {"minimum": 1, "examples": [100]}}
    )
    poll: float = field(
        default=1.0,
        metadata={
            "doc": "Look at running jobs at least every so many seconds; sooner while they are young.",
            "schema": {"exclusiveMinimum": 0},
        },
    )


def check(settings: ShellSettings, site: str) -> None:
    """Raises SiteError where the settings cannot be obeyed."""
    if not settings.workdir.startswith(("/", "~/")):
        what = f"site {site}: `workdir` must be an absolute path, or begin with ~/, unlike {settings.workdir!r}"
        raise SiteError(what, transient=False)
    if settings.max_jobs is not None and settings.max_jobs < 1:
        raise SiteError(f"site {site}: `max_jobs` must be at least 1", transient=False)
    try:
        parse_size("0B" if settings.memory is None else settings.memory)
    except ValueError as error:
        raise SiteError(f"site {site}: `memory` is {error}", transient=False) from error
