"""What a deployment file says, read and checked: frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hyflow.connector import Plugin
from hyflow.deployment.binding import Binding, Override, Target, binding_for, step_problems
from hyflow.errors import DeploymentError, HyflowError

Runtime: TypeAlias = Literal["none", "auto"]


@dataclass(frozen=True, slots=True)
class Site:
    """A named site. `settings` is an instance of `plugin.settings`; `container` is the runtime for commands that ask for one."""

    name: str
    plugin: Plugin
    settings: Any
    container: Runtime = "auto"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Sites in the file's order, and which steps run where.

    `source` is the file that it was read from, None where there was none. `text` is the document as it was understood,
    with profile and settings of the command line applied, as JSON.
    """

    sites: Mapping[str, Site]
    bind: tuple[Binding, ...]
    source: str | None
    text: str

    def binding(self, step: str) -> Binding:
        """The binding that holds for a step path. Raises DeploymentError where none does."""
        return binding_for(self.bind, self.sites, step)

    def targets(self, step: str) -> tuple[Target, ...]:
        """Where the step may run, the preferred place first. Raises DeploymentError where no binding covers it."""
        return self.binding(step).targets

    def override(self, step: str) -> Override:
        """What the step's binding asks in place of what the tool asks."""
        return self.binding(step).resources

    def check_steps(self, steps: Iterable[str]) -> None:
        """Raise DeploymentError with all that is wrong with the bindings for a workflow of these steps."""
        if problems := check_steps(self, steps):
            raise DeploymentError(problems)


def check_steps(deployment: Deployment, steps: Iterable[str]) -> list[HyflowError]:
    """What is wrong with the deployment's bindings for a workflow of these (command) steps: each problem with its place."""
    return step_problems(deployment.bind, deployment.sites, steps)
