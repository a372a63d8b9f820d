"""What bindings say of jobs in the words of a batch system (`options`), held against what the types of their sites know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hyflow.connector import Plugin
from hyflow.deployment.checking import problems
from hyflow.deployment.document import Node, locate
from hyflow.deployment.schema import task_schema
from hyflow.deployment.settings import Schema
from hyflow.errors import DeploymentError, HyflowError
from hyflow.nearest import suggestion


def option_problems(document: Node, plugins: Mapping[str, Plugin]) -> list[HyflowError]:
    """The options that the type of one of their binding's sites does not know, or that are of another kind there. Sites and bindings that
    cannot be understood are passed over."""
    found: dict[str, HyflowError] = {}
    for number, options in _options(document):
        for name, kind in _sites(document, number):
            if kind in plugins:
                for problem in _at(document, number, options, name, plugins[kind]):
                    found.setdefault(str(problem), problem)
    return list(found.values())


def _at(document: Node, number: int, options: Node, site: str, plugin: Plugin) -> Iterator[HyflowError]:
    """What is wrong with the options of the binding for this one of its sites."""
    known: Schema = task_schema(plugin)["properties"]
    for option in options.value:
        if option not in known:
            hint = suggestion(option, known) if known else f"sites of type {plugin.name} take none"
            what = f"the site {site} (type {plugin.name}) has no option {option!r:.80}"
            yield DeploymentError(what, where=locate(document, ["bind", number, "options", option]), hint=hint)
    here: Schema = {"properties": {"options": {"properties": known}}}
    yield from problems(document, {"properties": {"bind": {"prefixItems": [*[{}] * number, here]}}})


def _options(document: Node) -> Iterator[tuple[int, Node]]:
    """The options of each binding that has some, with its number."""
    bind = _below(document, "bind")
    for number, item in enumerate(bind.value if bind is not None and isinstance(bind.value, list) else []):
        if (options := _below(item, "options")) is not None and isinstance(options.value, dict):
            yield number, options


def _sites(document: Node, number: int) -> Iterator[tuple[str, str]]:
    """The sites of a binding that are there, with their types."""
    sites, named = _below(document, "sites"), _below(document.value["bind"].value[number], "site")
    for node in [] if named is None else named.value if isinstance(named.value, list) else [named]:
        site = _below(sites, str(node.value).partition("/")[0]) if sites is not None else None
        kind = _below(site, "type") if site is not None else None
        if kind is not None and isinstance(kind.value, str):
            yield str(node.value).partition("/")[0], kind.value


def _below(node: Node, name: str) -> Node | None:
    return node.value.get(name) if isinstance(node.value, dict) else None
