"""The inputs of a whole run: complete, checked, found (CWL v1.2, CommandLineTool, "Generic execution process").

Every mistake in them is told at once, each as a `Mistake` that says where in the input object it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyflow.cwl import types
from hyflow.cwl.addresses import shown
from hyflow.cwl.advice import advice
from hyflow.cwl.inputs import expand_formats
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.marks import Path
from hyflow.cwl.mistakes import Mistake
from hyflow.cwl.objects import described
from hyflow.cwl.prepare import Preparation
from hyflow.cwl.shapes import Port
from hyflow.cwl.tokens import tokens
from hyflow.cwl.tool import Signature
from hyflow.errors import InputError, WorkflowError
from hyflow.model.facts import Absence, Found, Stat
from hyflow.model.places import redacted
from hyflow.model.values import Inputs, Value, is_data

_LISTED = "name its files: {class: Directory, basename: NAME, listing: [{class: File, location: ...}]}"
_MOST = 50
"""How many mistakes of one kind are told."""


def start(signature: Signature, inputs: Inputs, know: Knowledge) -> Inputs:
    """The inputs as tokens. Raises InputError, Lacking."""
    given = {port.name: _given(port, inputs) for port in signature.inputs if port.name in inputs or port.has_default}
    mistakes = list(_misfits(signature, given))
    placed = expand_formats(_placed(given, mistakes), signature.document["namespaces"])
    mistakes += _absent(placed, know)
    wrong = {mistake.path[0] for mistake in mistakes}
    good = {name: value for name, value in placed.items() if name not in wrong}
    load = signature.document["class"] == "Workflow"
    preparation = Preparation(signature, know, search=True, load=load)
    if not mistakes:
        try:
            return {name: tokens(value) for name, value in preparation.all(good).items()}
        except WorkflowError as error:
            whole = error
    mistakes += _unfit(signature, preparation, good, sure=not mistakes)
    raise InputError(mistakes) if len(mistakes) > 1 else mistakes[0] if mistakes else InputError(whole.what, hint=whole.hint)


def _given(port: Port, inputs: Inputs) -> Value:
    value = inputs.get(port.name)
    return port.default if value is None and port.has_default else value


def _misfits(signature: Signature, given: Inputs) -> Iterator[Mistake]:
    """What is missing, or not of its type."""
    for port in signature.inputs:
        value, type_ = given.get(port.name), port.shape.type
        if types.fits(value, type_) or (value is None and port.has_default):
            continue
        if value is None and port.name not in given:
            yield Mistake(f"the input {port.name} is missing (expected {types.describe(type_)})", (port.name,), missing=type_)
            continue
        for count, misfit in enumerate(types.misfits(value, type_, (port.name,))):
            if count == _MOST:
                yield Mistake("there are more items that do not fit", (port.name,))
                break
            path = misfit.path[:-1] if misfit.absent else misfit.path
            yield Mistake(misfit.what, path, hint=advice(misfit))


def _placed(given: Inputs, mistakes: list[Mistake]) -> Inputs:
    """The inputs with an address in every File and Directory that is no literal."""
    made: Inputs = {}
    for name, value in given.items():
        try:
            made[name] = _addressed(value)
        except WorkflowError as error:
            mistakes.append(Mistake(error.what, (name,), hint=error.hint))
    return made


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


def _absent(inputs: Inputs, know: Knowledge) -> Iterator[Mistake]:
    """A mistake for every file and directory that is not where the inputs say, or is the other of the two."""
    data = []
    for path, item in _walk(inputs, ()):
        if item["class"] == "Directory" and str(item.get("location", "")).startswith(("http:", "https:")):
            what = f"a Directory cannot be fetched from the web: {redacted(item['location'])}"
            yield Mistake(what, path, hint=_LISTED, named=True)
        elif "location" in item:
            data.append((path, item))
    founds: list[Found | None] = know.each(lambda item: know.ask(Stat(item[1]["location"])), data)
    wrong = [(path, item, found) for (path, item), found in zip(data, founds, strict=True)
             if found is None or (found.kind == "d") != (item["class"] == "Directory")]
    asked = [_why(item) for _, item, found in wrong[:_MOST] if found is None]
    reasons = dict(zip(asked, know.each(know.ask, asked), strict=True))
    for path, item, found in wrong[:_MOST]:
        what, hint = reasons[_why(item)] if found is None else _other(item)
        yield Mistake(what, path, hint=hint, named=True)
    if len(wrong) > _MOST:
        yield Mistake(f"{len(wrong) - _MOST:,} more files or directories are not there", wrong[_MOST][0])


def _why(item: dict[str, Any]) -> Absence:
    return Absence(item["location"], "d" if item["class"] == "Directory" else "f")


def _other(item: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with a directory that is given as a file, or the other way round."""
    name = shown(item["location"])
    if item["class"] == "Directory":
        return f"{name} is a file, not a Directory", f"the directory that it lies in is {shown(item['location'].rpartition('/')[0] or '/')}"
    return f"{name} is a directory, not a File", "name one of its files; an input of type Directory takes a directory"


def _walk(value: Value, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every File and Directory object inside `value` with its path, outermost first."""
    if isinstance(value, dict):
        data = is_data(value)
        if data:
            yield path, value
        for name, item in value.items():
            if not data or name in ("secondaryFiles", "listing"):
                yield from _walk(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def _unfit(signature: Signature, preparation: Preparation, good: Inputs, *, sure: bool) -> Iterator[Mistake]:
    """What is wrong with the files of each input: formats, secondary files. Where expressions would see inputs that are wrong in another
    way (not `sure`), they are left for the next time."""
    if not sure and signature.scripted:
        return
    for name, error in preparation.mistakes(good):
        uri = getattr(error, "location", None)
        path = next((path for path, item in _walk(good[name], (name,)) if item.get("location") == uri), (name,)) if uri else (name,)
        yield Mistake(error.what, path, hint=error.hint, named=uri is not None)
