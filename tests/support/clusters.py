"""The lab's clusters: connecting with them. "cluster" has accounting, "cloud" is as bare as Slurm can be."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from lab import LAB, deployment, setting

from hyflow.connector import Connector, SiteContext
from hyflow_slurm import Defaults, Settings
from hyflow_slurm import plugin as slurm
from hyflow_ssh import WaySettings
from hyflow_ssh import plugin as ssh

TARGETS = {"cluster": "slurm", "cloud": "slurm-bare"}


@contextlib.asynccontextmanager
async def connected(
    context: SiteContext, site: str = "cluster", options: Defaults | None = None, lab: Path = LAB, way: Mapping[str, Any] | None = None,
    **given: Any,
) -> AsyncIterator[Connector]:
    """The connector for the site's Slurm, by way of SSH. `way`: the settings of that, where it is not the lab's own."""
    text = deployment(TARGETS[site], lab).read_text(encoding="utf-8")
    (told,) = yaml.safe_load(text)["sites"].values()
    settings = Settings(**{"workdir": told["workdir"], "poll": 0.5, "settle": 5.0, "defaults": options or Defaults(), **given})
    reach = ssh.reach(WaySettings(**(way or {"host": site, "config": setting("SSH_CONFIG", lab)})), context)
    async with reach, slurm.connect(settings, dataclasses.replace(context, via=reach)) as connector:
        yield connector
