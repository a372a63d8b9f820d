"""Reads a deployment file: YAML, a profile, values from the command line, the schema, the plug-ins; to a `Deployment` or all problems."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyflow.connector import Plugin
from hyflow.deployment import plugins as installed
from hyflow.deployment.binding import NO_OVERRIDE, Binding, Override, Target, location_problems
from hyflow.deployment.checking import place, problems
from hyflow.deployment.document import MOST_BYTES, Node, locate, parse
from hyflow.deployment.kinds import unreadable
from hyflow.deployment.options import option_problems
from hyflow.deployment.overlay import with_profile, with_sets
from hyflow.deployment.schema import deployment_schema, ways
from hyflow.deployment.settings import instance
from hyflow.deployment.values import Deployment, Site, Via
from hyflow.errors import DeploymentError, HyflowError, Where
from hyflow.misread import undecodable
from hyflow.model.containers import ContainerSettings
from hyflow.model.quantities import parse_size, parse_time
from hyflow.model.retries import RETRIES, Retries, Retry
from hyflow.nearest import nearest, suggestion


def read(
    path: str | Path, profile: str | None = None, sets: Sequence[str] = (), plugins: Mapping[str, Plugin] | None = None
) -> Deployment:
    """The deployment in a file, with a profile and `PATH=VALUE` settings applied.

    `plugins`: the site types there are, by name; those that are installed when it is left out. Raises DeploymentError with every problem.
    """
    return _understood(load(path), str(path), profile, sets, plugins)


def reread(text: str) -> Deployment:
    """The deployment whose `text` this is, as it was when a run began. Raises DeploymentError: its plug-ins may be gone."""
    source = "the run's deployment"
    return _understood(parse(text, source), source, None, (), None)


def load(path: str | Path) -> Node:
    """The file's document, not yet checked but that it is a mapping. Raises DeploymentError."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(str(path), error) from error
    if len(data) <= MOST_BYTES and (wrong := undecodable(data)) is not None:
        raise DeploymentError(wrong.what, where=Where(str(path), wrong.line, wrong.column), hint=wrong.hint)
    document = parse(data.decode("utf-8-sig", "replace"), str(path))
    if not isinstance(document.value, dict):
        raise DeploymentError("a deployment file is a mapping: version, sites, bind", where=document.where, hint="hyflow init writes one")
    return document


def profiles(document: Node) -> list[str]:
    """The names of the document's profiles."""
    node = document.value.get("profiles")
    return list(node.value) if node is not None and isinstance(node.value, dict) else []


def _understood(
    written: Node, source: str, profile: str | None, sets: Sequence[str], plugins: Mapping[str, Plugin] | None
) -> Deployment:
    """The profiles' own structure is checked with the rest; what lies in those that are not chosen waits until they are."""
    document = with_sets(with_profile(written, profile), sets)
    if plugins is None:
        plugins, types = _installed(document), installed.names()
    else:
        types = list(plugins)
    schema = deployment_schema(plugins, types)
    wrong = [*problems(document, schema), *_profile_problems(written, schema), *_strangers(document)]
    if (guessed := _with_nearest_types(document, types)) is not document:  # the settings of a type with a slip in it are looked at, too
        plugins = {**plugins, **_installed(guessed)}
        wrong += problems(guessed, deployment_schema(plugins, types))
    astray = option_problems(guessed, plugins)
    wrong = [*(one for one in wrong if one.where not in {other.where for other in astray}), *astray]  # these say more
    if found := {str(problem): problem for problem in wrong}:
        raise DeploymentError(sorted(found.values(), key=place))
    sites = _sites(document, plugins)
    values = document.plain()
    bind = tuple(_binding(item, locate(document, ["bind", number])) for number, item in enumerate(values.get("bind", [])))
    known = {name: _known_locations(site) for name, site in sites.items()}
    declared = {name: locations for name, locations in known.items() if locations is not None}
    if nowhere := location_problems(bind, declared):
        raise DeploymentError(nowhere)
    return Deployment(sites, bind, source, json.dumps(values), _retries(values.get("retry", {})))


def _known_locations(site: Site) -> Collection[str] | None:
    known = getattr(site.plugin, "locations", None)
    locations: Collection[str] | None = known(site.settings) if callable(known) else known
    return locations


def _profile_problems(written: Node, schema: dict[str, Any]) -> list[HyflowError]:
    if "profiles" not in written.value:
        return []
    alone = Node({"profiles": written.value["profiles"]}, written.where, {"profiles": written.keys["profiles"]})
    return problems(alone, {"type": "object", "properties": {"profiles": schema["properties"]["profiles"]}})


def _installed(document: Node) -> dict[str, Plugin]:
    """The plug-ins that the document needs; all, where a `via` names no way: whoever reads of that wants to know which there are."""
    vias = [via for site in _sites_of(document) if (via := _below(site, "via")) is not None]
    named = _types(vias)
    found = installed.load([*_types(_sites_of(document)), *named])
    return found if len(named) == len(vias) and set(named) <= set(ways(found)) else installed.load(installed.names())


def _sites_of(document: Node) -> list[Node]:
    sites = _below(document, "sites")
    return list(sites.value.values()) if sites is not None and isinstance(sites.value, dict) else []


def _types(nodes: Sequence[Node]) -> list[str]:
    """The types that these parts name, as far as they can be understood."""
    kinds = [_below(node, "type") for node in nodes]
    return [kind.value for kind in kinds if kind is not None and isinstance(kind.value, str)]


def _with_nearest_types(document: Node, types: Sequence[str]) -> Node:
    """The document with every unknown type of a site replaced by the nearest known one; itself, where there is nothing to replace."""
    sites = _below(document, "sites")
    if sites is None or not isinstance(sites.value, dict):
        return document
    changed = {}
    for name, site in sites.value.items():
        kind = _below(site, "type")
        if kind is not None and kind.value not in types and (near := nearest(str(kind.value), types)) is not None:
            changed[name] = Node({**site.value, "type": Node(near, kind.where)}, site.where, site.keys)
    if not changed:
        return document
    return Node({**document.value, "sites": Node({**sites.value, **changed}, sites.where, sites.keys)}, document.where, document.keys)


def _below(node: Node, name: str) -> Node | None:
    return node.value.get(name) if isinstance(node.value, dict) else None


def _strangers(document: Node) -> Iterator[HyflowError]:
    """The sites that bindings name and that are not there."""
    sites, bind = _below(document, "sites"), _below(document, "bind")
    if sites is None or bind is None or not isinstance(sites.value, dict) or not isinstance(bind.value, list):
        return
    for item in bind.value:
        named = _below(item, "site")
        if named is None:
            continue
        for node in named.value if isinstance(named.value, list) else [named]:
            if isinstance(node.value, str) and (name := _target(node.value).site) not in sites.value:
                yield DeploymentError(f"there is no site {name!r}", where=node.where, hint=suggestion(name, sites.value, called="sites"))


def _sites(document: Node, plugins: Mapping[str, Plugin]) -> dict[str, Site]:
    sites: dict[str, Site] = {}
    wrong: list[HyflowError] = []
    for name, values in document.value["sites"].plain().items():
        plugin, modules = plugins[values.pop("type")], values.pop("modules", {})
        container, via = instance(ContainerSettings, values.pop("container", {})), values.pop("via", None)
        try:
            way = None if via is None else _way(via, plugins)
            sites[name] = Site(name, plugin, instance(plugin.settings, values), container, modules, way)
        except (HyflowError, ValueError) as error:
            wrong.append(DeploymentError(f"{name}: {error}", where=locate(document, ["sites", name])))
    if wrong:
        raise DeploymentError(wrong)
    return sites


def _way(values: dict[str, Any], plugins: Mapping[str, Plugin]) -> Via:
    plugin = ways(plugins)[values.pop("type")]
    return Via(plugin, instance(plugin.reach_settings, values))


def _binding(values: dict[str, Any], where: Where) -> Binding:
    named = values["site"]
    targets = tuple(_target(text) for text in ([named] if isinstance(named, str) else named))
    resources = _overrides(values["resources"]) if "resources" in values else NO_OVERRIDE
    return Binding(values["step"], targets, resources, where, values.get("options", {}))


def _retries(values: Mapping[str, Any]) -> Retries:
    """What the file does not say stays as it is where there is no file."""
    return {kind: _retry(rule, values[kind]) if kind in values else rule for kind, rule in RETRIES.items()}


def _retry(rule: Retry, values: Mapping[str, Any]) -> Retry:
    wait = float(parse_time(values["wait"])) if "wait" in values else rule.wait
    return Retry(int(values.get("tries", rule.tries)), float(values.get("scale", rule.scale)), wait)


def _target(text: str) -> Target:
    site, _, location = text.partition("/")
    return Target(site, location or None)


def _overrides(values: dict[str, Any]) -> Override:
    return Override(
        float(values["cores"]) if "cores" in values else None,
        parse_size(values["memory"]) if "memory" in values else None,
        values.get("gpus"),
        parse_time(values["time"]) if "time" in values else None,
    )
