"""What changes a deployment file from outside: a profile laid over it, values set on the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hyflow.deployment.document import Node, parse
from hyflow.errors import DeploymentError, HyflowError, UsageError, Where
from hyflow.nearest import suggestion

_MADE = ("container", "modules", "resources")


def overlay(base: Node, over: Node) -> Node:
    """`over` laid on `base`: mappings are merged key by key, everything else is replaced.

    A site whose type changes is replaced as a whole, since the settings of the other type mean nothing to it.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or _changes_type(base.value, over.value):
        return over
    parts = dict(base.value)
    for name, node in over.value.items():
        parts[name] = overlay(parts[name], node) if name in parts else node
    return Node(parts, base.where, {**base.keys, **over.keys})


def _changes_type(base: dict[str, Node], over: dict[str, Node]) -> bool:
    return "type" in base and "type" in over and bool(base["type"].value != over["type"].value)


def with_profile(document: Node, profile: str | None) -> Node:
    """The document without its profiles, with the one that is named laid over it. Raises UsageError when there is none."""
    parts = dict(document.value)
    profiles = parts.pop("profiles", None)
    bare = Node(parts, document.where, document.keys)
    if profile is None:
        return bare
    known = profiles.value if profiles is not None and isinstance(profiles.value, dict) else {}
    if profile not in known:
        hint = suggestion(profile, known, called="its profiles") if known else "it has no profiles"
        raise UsageError(f"there is no profile {profile!r}", where=Where(document.where.file), hint=hint)
    return overlay(bare, known[profile])


def with_sets(document: Node, sets: Iterable[str]) -> Node:
    """The document with every `PATH=VALUE` applied, as in sites.hpc.workdir=/scratch. Raises UsageError with all that are wrong."""
    problems: list[HyflowError] = []
    for text in sets:
        try:
            document = _set(document, text)
        except DeploymentError as error:
            problems += [error]
    if problems:
        raise UsageError(problems)
    return document


def _set(document: Node, text: str) -> Node:
    where = Where(f"--set {text}")
    path, equals, value = text.partition("=")
    if not equals or not all(path.split(".")):
        raise DeploymentError("this is not PATH=VALUE", where=where, hint="as in --set sites.hpc.workdir=/scratch/me")
    steps = _steps(document, path)
    made = (*_MADE, *steps) if steps[0] == "retry" else _MADE
    return _put(document, steps, parse(value, str(where), at=where), where, made)


def _steps(document: Node, path: str) -> list[str]:
    """The path's parts; the name of a site may itself hold dots, so that the longest key that is there is taken."""
    words, steps, node = path.split("."), [], document
    while words:
        count = len(words)
        if isinstance(node.value, dict):
            count = next((n for n in range(len(words), 0, -1) if ".".join(words[:n]) in node.value), 1)
            node = node.value.get(".".join(words[:count]), Node(None, node.where))
        else:
            count = 1
            node = _item(node, words[0]) or Node(None, node.where)
        steps.append(".".join(words[:count]))
        words = words[count:]
    return steps


def _item(node: Node, word: str) -> Node | None:
    if not isinstance(node.value, list) or not word.isdecimal() or int(word) >= len(node.value):
        return None
    item: Node = node.value[int(word)]
    return item


def _put(node: Node, steps: list[str], value: Node, where: Where, made: Collection[str]) -> Node:
    """`made`: the names of mappings that are made when they are not there; any other name that is not there was meant otherwise."""
    if not steps:
        return value
    name, *rest = steps
    if isinstance(node.value, list):
        if _item(node, name) is None:
            raise DeploymentError(f"there is no item {name} in this list of {len(node.value)}", where=where, hint="items count from 0")
        items = list(node.value)
        items[int(name)] = _put(items[int(name)], rest, value, where, made)
        return Node(items, node.where)
    if not isinstance(node.value, dict):
        raise DeploymentError(f"{name} cannot be set inside of a plain value", where=where)
    if rest and name not in node.value:
        if name not in made:
            hint = suggestion(name, node.value, called="there are")
            raise DeploymentError(f"there is no {name} to set something in", where=where, hint=hint)
        return _put(node, [name], _put(Node({}, where), rest, value, where, made), where, made)
    parts = {**node.value, name: _put(node.value.get(name, Node(None, where)), rest, value, where, made)}
    return Node(parts, node.where, {**node.keys, name: where if not rest else node.keys[name]})
