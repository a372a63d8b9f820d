"""Strategies: small workflows with their jobs. Tools in them echo what they were given; expressions make the rest."""

from __future__ import annotations

from typing import Any

from bindings import rarely, words
from hypothesis import strategies as st
from sides import Case

ECHO = {
    "class": "CommandLineTool", "baseCommand": ["PROBE"],
    "inputs": {"x": {"type": ["null", "string", "int", "boolean", {"type": "array", "items": ["null", "string", "int"]}],
                     "inputBinding": {"prefix": "-x"}},
               "y": {"type": "string?", "inputBinding": {"prefix": "-y"}},
               "f": {"type": ["null", "File", {"type": "array", "items": "File"}], "inputBinding": {"prefix": "-f"}}},
    "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out"}},
                "text": {"type": "string", "outputBinding": {"glob": "out", "loadContents": True, "outputEval": "$(self[0].contents)"}}},
}
MAKE = {
    "class": "ExpressionTool", "requirements": {"InlineJavascriptRequirement": {}}, "inputs": {"x": "Any?", "y": "Any?"},
    "outputs": {"v": "Any?", "text": "string"},
    "expression": "${return {v: [inputs.x, inputs.y], text: JSON.stringify([inputs.x, inputs.y])};}",
}
REQUIREMENTS = {"ScatterFeatureRequirement": {}, "StepInputExpressionRequirement": {}, "InlineJavascriptRequirement": {},
                "MultipleInputFeatureRequirement": {}, "SubworkflowFeatureRequirement": {}}
VALUES_FROM = ("$(self)", "$(inputs.x)", "x$(self)", "fixed", "$(inputs.y)", "${return self === null ? 'none' : 'some';}",
               "$([self, 'q'])", "$(null)", "$(inputs.extra)")
WHEN = ("$(inputs.go)", "$(!inputs.go)", "$(inputs.x != null)", "$(true)", "$(false)", "$(inputs.y == 'a')")
METHODS = ("dotproduct", "nested_crossproduct", "flat_crossproduct")


@st.composite
def flows(draw: Any) -> Case:
    """A workflow of a few steps; each may scatter, be skipped, gather several sources, or be a workflow itself."""
    inputs: dict[str, Any] = {"s": "string", "many": "string[]", "more": {"type": "string[]", "default": ["d1", "d2"]}, "go": "boolean",
                              "none": "string?",
                              "data": "File", "table": {"type": {"type": "array", "items": {"type": "array", "items": "string"}}}}
    sources = {"s": "one", "many": "list", "more": "list", "none": "none", "table": "table"}
    steps: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 3))):
        name = f"step{number}"
        steps[name], made = draw(_step(sources))
        for port, kind in made.items():
            sources[f"{name}/{port}"] = kind
            outputs[f"{name}_{port}"] = {"type": "Any?", "outputSource": f"{name}/{port}"}
    if draw(st.booleans()):
        outputs["gathered"] = draw(_gathered([source for source in sources if "/" in source]))
    job = {"s": draw(words), "many": draw(st.lists(words, max_size=3)), "go": draw(st.booleans()),
           "none": draw(st.sampled_from((None, "n"))),
           "data": {"class": "File", "path": "in/data.txt"}, "table": draw(st.lists(st.lists(st.sampled_from("abc"), max_size=2),
                                                                                    max_size=3))}
    if draw(st.booleans()):
        job["more"] = draw(st.lists(words, max_size=2))
    process = {"cwlVersion": "v1.2", "class": "Workflow", "requirements": REQUIREMENTS, "inputs": inputs, "outputs": outputs,
               "steps": steps}
    return Case(process, job, {"in/data.txt": "DATA", "in/data.txt.s": "S"}, {"echo": "out"})


@st.composite
def _gathered(draw: Any, sources: list[str]) -> dict[str, Any]:
    """An output of several sources, or of one with what pickValue makes of it."""
    chosen = draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3))
    made: dict[str, Any] = {"type": "Any?", "outputSource": chosen}
    if draw(st.booleans()):
        made["linkMerge"] = draw(st.sampled_from(("merge_nested", "merge_flattened")))
    if draw(st.booleans()):
        made["pickValue"] = draw(st.sampled_from(("first_non_null", "the_only_non_null", "all_non_null")))
    return made


@st.composite
def _step(draw: Any, sources: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """A step, and what its outputs are ("one" value or a "list")."""
    lists = [source for source, kind in sources.items() if kind == "list"]
    singles = [source for source, kind in sources.items() if kind in ("one", "none")]
    scatter = draw(st.sampled_from(((), (), ("x",), ("x", "y"))))
    taken: dict[str, Any] = {}
    for port in ("x", "y"):
        if port in scatter:
            taken[port] = draw(st.one_of(st.sampled_from(lists), _merged(singles, lists)))
        elif rarely(draw, 3) and port == "y":
            continue
        else:
            taken[port] = draw(st.one_of(st.sampled_from(singles), _computed(singles), _first(singles)))
    taken["go"] = "go"
    if rarely(draw):
        taken["extra"] = {"source": draw(st.sampled_from(lists + singles))}
    run, ports = draw(st.sampled_from(((MAKE, ("text", "v")), (MAKE, ("text",)), (ECHO, ("text",)), (_nested(MAKE), ("text",)),
                                       (_nested(ECHO), ("text",)))))
    step: dict[str, Any] = {"run": run, "in": taken, "out": list(ports)}
    if scatter:
        step["scatter"] = list(scatter) if len(scatter) > 1 or draw(st.booleans()) else scatter[0]
        if len(scatter) > 1:
            step["scatterMethod"] = draw(st.sampled_from(METHODS))
    if rarely(draw, 3):
        step["when"] = draw(st.sampled_from(WHEN))
    kind = "other" if "when" in step or step.get("scatterMethod") == "nested_crossproduct" else "list" if scatter else "one"
    return step, {port: kind if port == "text" else "other" for port in ports}


@st.composite
def _merged(draw: Any, singles: list[str], lists: list[str]) -> dict[str, Any]:
    """A list out of several sources, at times with what valueFrom makes of each item."""
    if draw(st.booleans()):
        made = {"source": draw(st.lists(st.sampled_from(lists), min_size=1, max_size=2)), "linkMerge": "merge_flattened"}
    else:
        made = {"source": draw(st.lists(st.sampled_from(singles), min_size=2, max_size=3)),
                **draw(st.sampled_from(({}, {"pickValue": "all_non_null"})))}
    return {**made, **({"valueFrom": draw(st.sampled_from(VALUES_FROM[:6]))} if rarely(draw) else {})}


@st.composite
def _computed(draw: Any, singles: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"valueFrom": draw(st.sampled_from(VALUES_FROM))}
    if draw(st.booleans()):
        made["source"] = draw(st.sampled_from(singles))
    if draw(st.booleans()):
        made["default"] = draw(st.sampled_from(("dflt", "", "$(inputs.x)")))
    return made


@st.composite
def _first(draw: Any, singles: list[str]) -> dict[str, Any]:
    return {"source": draw(st.lists(st.sampled_from(singles), min_size=1, max_size=3)),
            "pickValue": draw(st.sampled_from(("first_non_null", "the_only_non_null"))),
            **draw(st.sampled_from(({}, {"default": "dflt"})))}


def _nested(tool: dict[str, Any]) -> dict[str, Any]:
    """The tool inside a workflow of its own."""
    return {
        "class": "Workflow", "inputs": {"x": "Any?", "y": "string?"}, "outputs": {"text": {"type": "string", "outputSource": "inner/text"}},
        "steps": {"inner": {"run": tool, "in": {"x": "x", "y": "y"}, "out": ["text"]}},
    }


