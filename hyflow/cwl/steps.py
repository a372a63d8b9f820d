"""What happens to values between steps: `valueFrom`, `loadContents`, `loadListing` and `when` of a step's inputs, and ExpressionTools.

(CWL v1.2, Workflow, section 4.1 "WorkflowStepInput", and section 3 of ExpressionTool.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyflow.cwl import types
from hyflow.cwl.expressions import Compiled
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.prepare import Preparation
from hyflow.cwl.shapes import Details
from hyflow.cwl.tokens import tokens
from hyflow.cwl.tool import Signature, Tool, any_script
from hyflow.errors import WorkflowError
from hyflow.model.values import Inputs, Value


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    value_from: Compiled | None
    details: Details


class StepInputs:
    """What one step does to its inputs before it fires, compiled once."""

    def __init__(self, document: Mapping[str, Any], ontology: Sequence[Sequence[str]]) -> None:
        self._signature = Signature({**document, "inputs": [], "names": {}}, ontology)
        self._inputs = tuple(self._input(item) for item in document["inputs"])
        self._when = None if document.get("when") is None else self._signature.compiled(document["when"], "when")
        self._keep = frozenset(document["keep"])
        target = document.get("target")
        self._target = None if target is None else Signature(target, ontology)
        self.scripted = document["javascript"] and any_script([*document["inputs"], document.get("when")])

    def _input(self, item: Mapping[str, Any]) -> _Input:
        value_from = item.get("valueFrom")
        details = Details(contents=bool(item.get("loadContents")), listing=item.get("loadListing"))
        name: str = item["name"]
        return _Input(name, None if value_from is None else self._signature.compiled(value_from, f"in.{name}.valueFrom"), details)

    def evaluate(self, inputs: Inputs, know: Knowledge) -> tuple[Inputs, bool]:
        """The inputs as the process gets them, and whether `when` skips the step. Raises WorkflowError, Lacking."""
        seen = self._seen(inputs, know)
        made = dict(inputs)
        for item in self._inputs:
            if item.value_from is not None:
                made[item.name] = self._computed(item, item.value_from, seen)
        if self._when is not None and not self._goes(self._when, {**seen, **made}):
            return {name: value for name, value in inputs.items() if name in self._keep}, True
        made = {name: value for name, value in made.items() if name in self._keep}
        if self._target is not None:
            made = tokens(Preparation(self._target, know).all(made))
        return made, False

    def _seen(self, inputs: Inputs, know: Knowledge) -> Inputs:
        """The inputs as the step's expressions see them."""
        preparation = Preparation(self._signature, know)
        details = {item.name: item.details for item in self._inputs}
        names = list(inputs)
        values = know.each(lambda name: preparation.loose(inputs[name], details.get(name, Details())), names)
        return dict(zip(names, values, strict=True))

    def _computed(self, item: _Input, value_from: Compiled, seen: Inputs) -> Value:
        try:
            return tokens(value_from.evaluate(seen, seen.get(item.name), {}))
        except WorkflowError as error:
            raise self._signature.within(f"valueFrom of the step's input {item.name}", error, f"in.{item.name}.valueFrom") from error

    def _goes(self, when: Compiled, inputs: Inputs) -> bool:
        value = when.evaluate(inputs, None, {})
        if not isinstance(value, bool):
            raise self._signature.error(f"`when` must be true or false, found {value!r:.200}", path="when")
        return value


def express(tool: Tool, inputs: Inputs, know: Knowledge, runtime: Mapping[str, Value]) -> Inputs:
    """The outputs of an ExpressionTool. Raises WorkflowError, Lacking."""
    prepared = Preparation(tool, know).all(inputs)
    value = tool.expression.evaluate(prepared, None, runtime)
    if not isinstance(value, dict):
        raise tool.error(f"the expression must give an object with the outputs, found {value!r:.200}", path="expression")
    made: Inputs = {}
    for port in tool.outputs:
        made[port.name] = tokens(value.get(port.name))
        if made[port.name] is None and isinstance(port.shape.type, types.AnyType):
            continue  # null is not of type Any, yet expressions that give it have always been let through
        wrong = types.problem(made[port.name], port.shape.type)
        if wrong is not None:
            raise tool.error(f"the output {port.name} does not fit: {wrong}", path=f"outputs.{port.name}")
    return made
