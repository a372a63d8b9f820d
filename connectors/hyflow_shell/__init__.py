"""hyflow's connector for any machine that a shell command reaches: bundles, a filesystem of its own, nothing shared."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from hyflow.connector import Connector, SiteContext
from hyflow.model.quantities import SIZE


@dataclass(frozen=True, slots=True)
class Settings:
    command: list[str] = field(
        metadata={
            "doc": "The command that reaches the machine, as a list; one argument is added to it, a line for a POSIX shell.",
            "schema": {"minItems": 1, "examples": [["sh", "-c"]]},
        }
    )
    workdir: str = field(
        metadata={
            "doc": "The directory there that hyflow works in, as an absolute path; it is made if it is not there.",
            "schema": {"pattern": "^/", "title": "an absolute path", "examples": ["/scratch/ada/hyflow"]},
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
    patience: float = field(
        default=60.0,
        metadata={
            "doc": "Give up what is asked of the machine when no byte has moved for so many seconds.",
            "schema": {"exclusiveMinimum": 0},
        },
    )


@dataclass(frozen=True, slots=True)
class ShellPlugin:
    name: str = "shell"
    doc: str = "Runs jobs on a machine that a command reaches, through its shell; only what jobs need is copied there."
    settings: type[Settings] = Settings
    locations: tuple[str, ...] = ("",)

    def connect(self, settings: Settings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        """The connector for one such machine."""
        from hyflow_shell.site import ShellSite

        return ShellSite(settings, context)


plugin = ShellPlugin()
