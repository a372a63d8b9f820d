"""`hyflow check`: what a deployment file says, every mistake in it, and with --connect whether its sites answer."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hyflow.cli.guard import finished
from hyflow.errors import DeploymentError, HyflowError, SiteError

if TYPE_CHECKING:
    from hyflow.connector import Connector
    from hyflow.deployment import Binding, Deployment, Site
    from hyflow.model.places import Location

HELP = "check a deployment file, and with --connect its sites"
PATIENCE = 60
"""Seconds that a site may take to answer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow check`."""
    parser.add_argument("deploy", metavar="DEPLOY", help="the deployment file")
    parser.add_argument("--profile", metavar="NAME", help="with this profile (default: without any, then each for itself)")
    parser.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], help="change a value, as in sites.hpc.workdir=/scratch")
    parser.add_argument("--connect", action="store_true", help="connect to every site and show what it offers")


def main(args: argparse.Namespace) -> int:
    """Prints what was understood. Status 1 when a site does not answer."""
    from hyflow.cli.files import check_optional
    from hyflow.deployment import read
    from hyflow.report.terminal import clean

    check_optional(args.deploy, "deployment", "hyflow check")
    deployment = read(args.deploy, args.profile, args.set)
    if args.profile is None:
        _check_profiles(args.deploy, args.set)
    print(clean(_text(deployment)))
    if not args.connect:
        return 0
    from hyflow.interruption import interruptible

    return finished(interruptible(lambda _: _connect(deployment)))


def _check_profiles(file: str, sets: list[str]) -> None:
    from hyflow.deployment import read
    from hyflow.deployment.reading import load, profiles

    problems: list[HyflowError] = []
    for name in profiles(load(file)):
        try:
            read(file, name, sets)
        except DeploymentError as error:
            problems += [_with_profile(one, name) for one in error.problems or [error]]
    if problems:
        raise DeploymentError(problems)


def _with_profile(problem: HyflowError, name: str) -> HyflowError:
    return DeploymentError(f"{problem.what} (with profile {name})", where=problem.where, hint=problem.hint)


def _text(deployment: Deployment) -> str:
    sites = [_site(site) for site in deployment.sites.values()]
    bindings = [_binding(one) for one in deployment.bind] or [f"  /  ->  {', '.join(deployment.sites)}"]
    return "\n".join(["sites", *sites, "bindings", *bindings])


def _site(site: Site) -> str:
    """The site with the settings that are in force, written as the file would have them."""
    from hyflow import plain

    parts = [f"type: {site.plugin.name}", *_given(plain.loads(plain.dumps(site.settings)))]
    parts.append(f"container: {{{', '.join(_given(plain.loads(plain.dumps(site.container))))}}}")
    if site.modules:
        parts.append(f"modules: {{{', '.join(_given(site.modules))}}}")
    return f"  {site.name}  " + ", ".join(parts)


def _given(settings: Mapping[str, object]) -> list[str]:
    return [f"{name}: {_value(value)}" for name, value in settings.items() if value is not None and value != []]


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _binding(binding: Binding) -> str:
    from hyflow.model.quantities import size_text

    asked = binding.resources
    parts = {
        "cores": None if asked.cores is None else f"{asked.cores:g}",
        "memory": None if asked.memory is None else size_text(asked.memory),
        "gpus": asked.gpus,
        "time": None if asked.time is None else f"{asked.time}s",
    }
    text = ", ".join(f"{name}: {value}" for name, value in parts.items() if value is not None)
    return f"  {binding.step}  ->  {' or '.join(map(str, binding.targets))}" + (f"  ({text})" if text else "")


async def _connect(deployment: Deployment) -> int:
    """Ask the sites, all at once, and tell of each in the file's order."""
    import asyncio

    from hyflow.report.terminal import clean

    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(_ask(site), name=f"check {site.name}") for site in deployment.sites.values()]
    print("connections")
    there: dict[str, list[str]] = {}
    for site, answer in zip(deployment.sites.values(), answers, strict=True):
        match answer.result():
            case HyflowError() as error:
                print(f"  {site.name}  FAILED: {clean(str(error))}", file=sys.stderr)
            case (locations, engine):
                there[site.name] = [place.name for place in locations]
                print(clean("\n".join([*map(_location, locations), f"  {' ' * len(site.name)}  {engine}"])))
    deployment.check_locations(there)
    return int(any(isinstance(answer.result(), HyflowError) for answer in answers))


async def _ask(site: Site) -> tuple[list[Location], str] | HyflowError:
    """The site's locations, and what it says of its container engine."""
    import asyncio

    from hyflow.connector import SiteContext

    with tempfile.TemporaryDirectory(prefix="hyflow-check-") as state:
        context = SiteContext(site.name, "check", Path(state))
        try:
            async with asyncio.timeout(PATIENCE), site.plugin.connect(site.settings, context) as connector:
                return [_lasting(place, state) for place in await connector.locations()], await _engine(site, connector)
        except TimeoutError:
            return SiteError(f"no answer in {PATIENCE} seconds", transient=True)
        except HyflowError as error:
            return error


async def _engine(site: Site, connector: Connector) -> str:
    """In words. Raises SiteError when an engine that is named does not work."""
    from hyflow.engine.contained import find

    if site.container.runtime == "none":
        return "containers: none, commands run with what is installed"
    try:
        facts = (await find(site.name, connector, site.container)).facts
    except SiteError as error:
        if site.container.runtime != "auto":
            raise
        return error.what
    return f"containers: {facts.kind} {facts.version}" + (", rootless" if facts.rootless and facts.kind != "apptainer" else "")


def _lasting(place: Location, state: str) -> Location:
    """The location, without the directory that this check alone used."""
    return replace(place, workdir="the directory of each run") if place.workdir.startswith(state) else place


def _location(place: Location) -> str:
    from hyflow.model.quantities import size_text

    room = place.capacity or place.largest
    size = f"{room.cores:g} cores, {size_text(room.memory)} of memory" if room else "capacity unknown"
    return f"  {place}  {size}; works in {place.workdir} on file system {place.filesystem}"
