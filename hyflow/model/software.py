"""The software that a tool asks for, by name: what an image holds, an environment module gives, or a machine has installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a SoftwareRequirement (CWL v1.2, CommandLineTool, section 5.6).

    `versions`: those that are known to be fine, none where the tool does not say; `specs`: addresses that say which software is meant.
    """

    name: str
    versions: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {' or '.join(self.versions)}" if self.versions else self.name
