"""The deployment file as JSON Schema, with the settings of the given plug-ins."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hyflow.connector import Plugin, Way
from hyflow.deployment.settings import Schema, object_schema
from hyflow.model.containers import ContainerSettings
from hyflow.model.jobs import FailureClass
from hyflow.model.quantities import SIZE, TIME
from hyflow.model.retries import GROWING, RETRIES

SITE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"
_TARGET = "^[^/]+(/.+)?$(?!\\n)"

_CONTAINER: Schema = {"description": "How commands that ask for a container get one at this site.", **object_schema(ContainerSettings)}

_MODULES: Schema = {
    "type": "object",
    "description": "The environment modules to load for software that tools ask for, by its name, as in {samtools: samtools/1.19}.",
    "additionalProperties": {
        "type": "string", "pattern": r"^[^-\s]\S*$(?!\n)", "title": "the name of a module",
        "description": "As module load takes it: samtools/1.19.",
    },
}

COMMON: Mapping[str, Schema] = {"container": _CONTAINER, "modules": _MODULES}
"""What every site may say, whatever its type."""

_RESOURCES: Schema = {
    "type": "object",
    "description": "Asked in place of what the tool asks.",
    "properties": {
        "cores": {"type": "number", "exclusiveMinimum": 0, "description": "Cores; may be a fraction."},
        "memory": {"type": "string", **SIZE, "description": "Memory, as in 16GiB."},
        "gpus": {"type": "integer", "minimum": 0, "description": "Whole GPUs."},
        "time": {"type": "string", **TIME, "description": "The command is ended when it takes longer, as in 1h30m."},
    },
    "additionalProperties": False,
    "minProperties": 1,
}

_BINDING: Mapping[str, Schema] = {
    "step": {
        "type": "string",
        "pattern": r"^(/|(/[^/]+)+)$(?!\n)",
        "title": "the path of a step, as in / or /train/fit",
        "description": "The path of a step, with all below it; * stands for any characters but /. The most specific binding holds.",
    },
    "site": {
        "type": ["string", "array"],
        "pattern": _TARGET,
        "title": "a site, or SITE/LOCATION, or a list of them",
        "items": {"type": "string", "pattern": _TARGET, "title": "a site, or SITE/LOCATION"},
        "minItems": 1,
        "uniqueItems": True,
        "description": "A site, or a list of sites of which hyflow may choose; SITE/LOCATION names one location of a site.",
    },
    "resources": _RESOURCES,
}


def _retry(kind: FailureClass) -> Schema:
    """Trying again is the point where nothing is tried again by default, so that `tries` must then be said."""
    usual = RETRIES[kind]
    parts: Schema = {
        "tries": {"type": "integer", "minimum": 1, "maximum": 100, "description": "Attempts in all, the first one included."},
        "wait": {
            "type": "string", **TIME, "maxLength": 20, "examples": ["10s"], "default": f"{usual.wait:g}s",
            "description": "How long to wait before the first repetition, as in 10s; doubled each time, up to 5m.",
        },
    }  # fmt: skip
    if kind in GROWING:
        what = f"What the {'memory' if kind is FailureClass.MEMORY else 'time limit'} is multiplied by each time."
        parts["scale"] = {"type": "number", "minimum": 1, "maximum": 100, "default": usual.scale, "description": what}
    schema: Schema = {"type": "object", "properties": parts, "additionalProperties": False, "minProperties": 1}
    if usual.tries > 1:
        parts["tries"]["default"] = usual.tries
    else:
        schema["required"] = ["tries"]
    return schema | {"description": f"What is done about failures of class {kind}, as in {{tries: 3}}."}


_RETRY: Schema = {
    "type": "object",
    "description": "How often a job that failed is tried again, by the class of its failure, as in {memory: {tries: 3, scale: 2}}.",
    "properties": {str(kind): _retry(kind) for kind in FailureClass if kind is not FailureClass.CANCELLED},
    "additionalProperties": False,
}


def deployment_schema(plugins: Mapping[str, Plugin], types: Collection[str] = ()) -> Schema:
    """The whole file's schema. `types`: every site type that may be named, where those are more than the plug-ins that are given."""
    bind = "Which steps run where: a list, as in [{step: /, site: here}]."
    parts: Schema = {
        "sites": {
            "type": "object",
            "description": "The machines, clusters and namespaces that may run steps, by name, as in {here: {type: local}}.",
            "propertyNames": {"pattern": f"^{SITE_NAME}$(?!\\n)", "title": "a name of letters, digits and ._-"},
            "additionalProperties": _site(plugins, sorted({*plugins, *types})),
            "minProperties": 1,
        },
        "bind": {"type": "array", "description": bind, "items": _binding(plugins)},
        "retry": _RETRY,
    }
    partial = {name: {"type": kind["type"]} for name, kind in parts.items()}
    profile = {"type": "object", "properties": partial, "additionalProperties": False}
    profiles = {"type": "object", "description": "Named changes, laid over the rest with --profile.", "additionalProperties": profile}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hyflow deployment file",
        "type": "object",
        "properties": {"version": {"const": 1, "description": "The version of this format: 1."}, **parts, "profiles": profiles},
        "required": ["version", "sites"],
        "additionalProperties": False,
    }


def _binding(plugins: Mapping[str, Plugin]) -> Schema:
    parts = {**_BINDING, "options": _options(plugins)}
    return {"type": "object", "properties": parts, "required": ["step", "site"], "additionalProperties": False}


def _options(plugins: Mapping[str, Plugin]) -> Schema:
    """What a binding may say of its jobs at sites of any of these types. One option may be of another kind at each."""
    kinds: dict[str, list[Schema]] = {}
    for plugin in plugins.values():
        for name, schema in task_schema(plugin)["properties"].items():
            if schema not in (known := kinds.setdefault(name, [])):
                known.append(schema)
    return {
        "type": "object",
        "description": "What is asked of the site's batch system in its own words, as in {partition: gpu}; the site's type says which.",
        "properties": {name: known[0] if len(known) == 1 else {"anyOf": known} for name, known in sorted(kinds.items())},
        "additionalProperties": False,
        "minProperties": 1,
    }


def task_schema(plugin: Plugin) -> Schema:
    """What a binding may say of its jobs at a site of this type, in `options`."""
    settings = getattr(plugin, "task_settings", None)
    return {"type": "object", "properties": {}, "additionalProperties": False} if settings is None else object_schema(settings)


def ways(plugins: Mapping[str, Plugin]) -> dict[str, Way]:
    """Those of the plug-ins that a `via:` may name."""
    return {name: plugin for name, plugin in plugins.items() if isinstance(plugin, Way)}


def _site(plugins: Mapping[str, Plugin], types: list[str]) -> Schema:
    via = via_schema(plugins)
    return _typed(
        "A site: its type, and the settings that this type has, as in {type: local, cores: 4}.",
        "The kind of site; it says which settings there are.",
        types,
        {name: _typed_site(name, plugin, via) for name, plugin in sorted(plugins.items())},
    )


def _typed_site(name: str, plugin: Plugin, via: Schema) -> Schema:
    schema = object_schema(plugin.settings)
    taken = via if getattr(plugin, "via", False) else _no_via(f"sites of type {name} take no `via`", schema)
    parts = {"type": {"const": name}, **schema["properties"], **COMMON, "via": taken}
    return {"description": plugin.doc, **schema, "properties": parts}


def via_schema(plugins: Mapping[str, Plugin]) -> Schema:
    """What a site may say whose type can be reached through another machine."""
    there = ways(plugins)
    return _typed(
        "The way to the machine on which the site's command lines run, if it is another than this one, as in {type: ssh, host: HOST}.",
        "The kind of way; it says which settings there are.",
        sorted(there),
        {name: _typed_way(name, plugin) for name, plugin in sorted(there.items())},
    )


def _typed_way(name: str, plugin: Way) -> Schema:
    schema = object_schema(plugin.reach_settings)
    parts = {"type": {"const": name}, **schema["properties"], "via": _no_via("a `via` has none of its own", schema)}
    return {**schema, "properties": parts}


def _no_via(what: str, schema: Schema) -> Schema:
    """A `via` where there can be none, with a word on what to do instead."""
    instead = "say what lies on the way with `jump`" if "jump" in schema["properties"] else "leave it out, or name another type"
    return {"not": {}, "title": what, "description": instead}


def _typed(doc: str, kind: str, types: list[str], each: Mapping[str, Schema]) -> Schema:
    """A mapping whose `type` says which of these schemas holds for it."""
    return {
        "type": "object",
        "description": doc,
        "properties": {"type": {"enum": types, "description": kind}},
        "required": ["type"],
        "allOf": [
            {"if": {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}, "then": schema}
            for name, schema in each.items()
        ],
    }
