"""The inputs of a whole run: complete, checked, found (CWL v1.2, CommandLineTool, "Generic execution process")."""

from __future__ import annotations

import difflib

from hyflow.cwl.inputs import expand_formats
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.objects import described
from hyflow.cwl.prepare import Preparation
from hyflow.cwl.shapes import Port
from hyflow.cwl.tokens import tokens
from hyflow.cwl.tool import Signature
from hyflow.errors import InputError, WorkflowError
from hyflow.model.facts import Found, Stat
from hyflow.model.values import Inputs, Value, is_data, walk_data


def start(signature: Signature, inputs: Inputs, know: Knowledge) -> Inputs:
    """The inputs as tokens. Raises InputError, Lacking."""
    try:
        given = {port.name: _addressed(_given(port, inputs)) for port in signature.inputs if port.name in inputs or port.has_default}
        given = expand_formats(given, signature.document["namespaces"])
        _check_there(given, know)
        load = signature.document["class"] == "Workflow"
        return {name: tokens(value) for name, value in Preparation(signature, know, search=True, load=load).all(given).items()}
    except InputError:
        raise
    except WorkflowError as error:
        raise InputError(error.what, hint=error.hint) from error


def _given(port: Port, inputs: Inputs) -> Value:
    value = inputs.get(port.name)
    return port.default if value is None and port.has_default else value


def unknown(signature: Signature, inputs: Inputs) -> tuple[str, ...]:
    """A warning for each input that the process does not have, with the nearest name that it has."""
    names = [port.name for port in signature.inputs]
    return tuple(f"there is no input called {name}, it is passed over" + _suggestion(name, names) for name in inputs if name not in names)


def _suggestion(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _addressed(value: Value) -> Value:
    """`value` with an address in every File and Directory that is no literal."""
    if isinstance(value, dict):
        if not is_data(value):
            return {name: _addressed(item) for name, item in value.items()}
        made = described(value)
        for part in ("secondaryFiles", "listing"):
            if part in made:
                made[part] = [_addressed(item) for item in made[part]]
        if made["class"] == "Directory" and "location" in made:
            made["location"] = made["location"].rstrip("/") or made["location"]
        return made
    if isinstance(value, list):
        return [_addressed(item) for item in value]
    return value


def _check_there(inputs: Inputs, know: Knowledge) -> None:
    """Raise InputError naming every file and directory that is not where the inputs say."""
    data = [item for item in walk_data(inputs) if "location" in item]
    founds: list[Found | None] = know.each(lambda item: know.ask(Stat(item["location"])), data)
    problems = []
    for item, found in zip(data, founds, strict=True):
        if found is None:
            problems.append(f"there is no {item['class'].lower()} at {item['location']}")
        elif (found.kind == "d") != (item["class"] == "Directory"):
            problems.append(f"{item['location']} is a {'directory' if found.kind == 'd' else 'file'}, not a {item['class'].lower()}")
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
