"""hyflow's connector for this machine: spawns commands directly, through a small supervisor process a run.

This module is the light descriptor that the entry point names; the rest is imported by `connect`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyflow.model.quantities import SIZE

if TYPE_CHECKING:
    from hyflow.connector import Connector, SiteContext


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How this machine is used."""

    workdir: str | None = field(default=None, metadata={
        "doc": "The directory below which attempts have theirs, made when it is not there; by default below the run's own directory.",
        "schema": {"examples": ["/scratch/ada/hyflow"]}})
    cores: float | None = field(default=None, metadata={
        "doc": "Cores that may be in use at once; by default as many as this process may use.",
        "schema": {"exclusiveMinimum": 0, "examples": [4]}})
    memory: str | None = field(default=None, metadata={
        "doc": "Memory that may be in use at once, as in 8GiB; by default as much as this machine, or this process's control group, has.",
        "schema": SIZE})
    gpus: int | None = field(default=None, metadata={
        "doc": "GPUs that may be in use at once; by default as many as are found. Each job sees its own (CUDA_VISIBLE_DEVICES).",
        "schema": {"minimum": 0, "examples": [2]}})


@dataclass(frozen=True, slots=True)
class LocalPlugin:
    """The descriptor of connectors of type `local`."""

    name: str = "local"
    doc: str = "This machine: commands are started directly, and files are used where they are."
    settings: type[LocalSettings] = LocalSettings
    locations: tuple[str, ...] = ("",)
    here: bool = True

    def connect(self, settings: LocalSettings, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        from hyflow_local.connector import LocalConnector
        return LocalConnector(settings, context)


plugin = LocalPlugin()
