"""What a deployment file says, read and checked: frozen values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from hyflow.connector import Plugin, Way
from hyflow.deployment.binding import Binding, Override, Target, location_problems, options_for, override_for, step_problems, targets_for
from hyflow.errors import DeploymentError
from hyflow.model.containers import ContainerSettings, Runtime
from hyflow.model.retries import RETRIES, Retries


@dataclass(frozen=True, slots=True)
class Via:
    """The way to the machine on which a site's command lines run. `settings` is an instance of `plugin.reach_settings`."""

    plugin: Way
    settings: Any


@dataclass(frozen=True, slots=True)
class Site:
    """A named site. `settings` is an instance of `plugin.settings`; `container`: how commands that ask for a container get one.

    `modules`: the environment modules to load for software that tools ask for, by the software's name. `via`: None where the site is
    reached from this machine.
    """

    name: str
    plugin: Plugin
    settings: Any
    container: ContainerSettings = field(default_factory=ContainerSettings)
    modules: Mapping[str, str] = field(default_factory=dict)
    via: Via | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """Sites in the file's order, which steps run where, and what is done about jobs that fail.

    `source` is the file that it was read from, None where there was none. `text` is the document as it was understood,
    with profile and settings of the command line applied, as JSON.
    """

    sites: Mapping[str, Site]
    bind: tuple[Binding, ...]
    source: str | None
    text: str
    retries: Retries = field(default_factory=lambda: RETRIES)

    def with_runtime(self, runtime: Runtime) -> Deployment:
        """The deployment in which all sites run containers with this engine (or none). The command, the network and the options of
        another engine do not hold then."""
        document = json.loads(self.text)
        sites = dict(self.sites)
        for name, site in sites.items():
            settings = site.container
            if runtime != settings.runtime:
                settings = replace(settings, runtime=runtime, command=None, network=None, options=[])
                document["sites"][name]["container"] = asdict(settings)
                sites[name] = replace(site, container=settings)
        return replace(self, sites=sites, text=json.dumps(document))

    def targets(self, step: str) -> tuple[Target, ...]:
        """Where the step may run, the preferred place first. Empty for a step that nothing binds: `check_steps` allows that only
        of one that holds others."""
        return targets_for(self.bind, self.sites, step)

    def override(self, step: str) -> Override:
        """What the bindings ask in place of what the tool asks."""
        return override_for(self.bind, step)

    def options(self, step: str, site: str) -> dict[str, Any]:
        """What the bindings say of the step's jobs at the site; options for sites of other types are left out."""
        asked = options_for(self.bind, step)
        known = getattr(self.sites[site].plugin, "task_settings", None)
        names = {each.name for each in fields(known)} if known is not None else ()
        return {name: value for name, value in asked.items() if name in names}

    def check_steps(self, paths: Sequence[str], placeless: Collection[str] = ()) -> None:
        """Raise DeploymentError with all that is wrong with the bindings for a workflow of these steps. `placeless` are those of them
        that run no command, and need no site."""
        if problems := step_problems(self.bind, self.sites, paths, self.source, placeless):
            raise DeploymentError(problems)

    def check_locations(self, locations: Mapping[str, Collection[str]]) -> None:
        """Raise DeploymentError with every binding to a location that its site does not have, of the sites whose locations are given."""
        if problems := location_problems(self.bind, locations):
            raise DeploymentError(problems)
