"""Command lines of generated tools are those that cwltool makes of them.

Left out is where cwltool does not follow the letter: positions that are null (refused), an itemSeparator that is empty (passed over), an
empty list from `valueFrom` (its prefix stays); and lists of lists that are to be joined, of which the standard says nothing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from cwltool.context import RuntimeContext
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from onetool import Tool

from hyflow.cwl import documents

words = st.text(st.sampled_from("ab -'\"$*\\é"), min_size=1, max_size=5)
numbers = st.one_of(st.integers(-9, 9), st.integers(-(1 << 31), (1 << 31) - 1))
EXPRESSIONS = ("$(self)", "x$(self)y", "$(inputs.flag)", "$(null)", "$([1, 'b'])", "$(true)", "$(1.5)", "fixed", "$(runtime.cores)", "")


def binding(draw: Any, shell: bool, type_: Any = None) -> dict[str, Any]:
    """An inputBinding of something of the type; one that separates nothing has a prefix, one that joins has words to join."""
    made: dict[str, Any] = {}
    if draw(st.booleans()):
        made["position"] = draw(st.one_of(st.integers(-3, 3), st.just("$(1 + 1)")))
    if draw(st.booleans()):
        made["prefix"] = draw(words)
        if draw(st.booleans()):
            made["separate"] = draw(st.booleans())
    if type_ in (None, "string", "int") and draw(st.integers(0, 3)) == 0:
        made["itemSeparator"] = draw(st.sampled_from([",", " "]))
    if draw(st.integers(0, 4)) == 0:
        made["valueFrom"] = draw(st.sampled_from(EXPRESSIONS if type_ is None else EXPRESSIONS[1:]))
    if shell and draw(st.booleans()):
        made["shellQuote"] = draw(st.booleans())
    return made


def items_of(type_: Any) -> Any:
    """What a binding of the type would join: the items of an array, also of one that need not be there."""
    if isinstance(type_, list):
        return items_of(type_[-1])
    return type_["items"] if isinstance(type_, dict) and type_["type"] == "array" else None


@st.composite
def kinds(draw: Any, shell: bool, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """A type, with bindings of its own now and then, and its values."""
    simple = ("string", "int", "boolean")
    kind = draw(st.sampled_from((*simple, "array", "record", "enum", "optional") if depth else simple))
    bound = draw(st.booleans())
    own = {"inputBinding": binding(draw, shell)} if bound else {}
    match kind:
        case "array":
            type_, values = draw(kinds(shell, depth - 1))
            own = {"inputBinding": binding(draw, shell, type_)} if bound else {}
            return {"type": "array", "items": type_, **own}, st.lists(values, max_size=3)
        case "record":
            parts = {name: draw(kinds(shell, depth - 1)) for name in draw(st.permutations(("p", "q", "r")))}
            fields = {name: {"type": type_, **({"inputBinding": binding(draw, shell, items_of(type_))} if draw(st.booleans()) else {})}
                      for name, (type_, _) in parts.items()}
            return {"type": "record", "fields": fields, **own}, st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})
        case "enum":
            return {"type": "enum", "symbols": ["one", "two"], **own}, st.sampled_from(["one", "two"])
        case "optional":
            type_, values = draw(kinds(shell, depth - 1))
            return ["null", type_], st.one_of(st.none(), values)
        case _:
            return kind, {"string": words, "int": numbers, "boolean": st.booleans()}[kind]


@st.composite
def tools(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A tool and a job for it."""
    shell = draw(st.booleans())
    inputs, job = {"flag": {"type": "boolean"}}, {"flag": draw(st.booleans())}
    for name in draw(st.permutations(("a", "b", "c", "B", "a1"))):
        type_, values = draw(kinds(shell))
        inputs[name] = {"type": type_, **({"inputBinding": binding(draw, shell, items_of(type_))} if draw(st.integers(0, 4)) else {})}
        job[name] = draw(values)
    arguments = [draw(st.one_of(words, st.just({**binding(draw, shell), "valueFrom": draw(st.sampled_from(EXPRESSIONS))})))
                 for _ in range(draw(st.integers(0, 3)))]
    for part in arguments:
        if isinstance(part, dict):
            part.setdefault("valueFrom", "x")
    requirements: dict[str, Any] = {"InlineJavascriptRequirement": {}, **({"ShellCommandRequirement": {}} if shell else {})}
    return {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["c", "-v"], "requirements": requirements,
            "inputs": inputs, "arguments": arguments, "outputs": {}}, job


def cwltool_says(path: Path, job: dict[str, Any]) -> tuple[str, ...]:
    """The command line that cwltool makes."""
    process, _ = documents.open_process(f"file://{path}", [])
    context = RuntimeContext({"use_container": False, "basedir": str(path.parent), "tmpdir_prefix": f"{path.parent}/"})
    (made,) = process.job(dict(job), None, context)
    return tuple(made.command_line)


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(tools())
def test_command_lines_are_those_of_cwltool(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    document, job = pair
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        tool = Tool(folder, json.dumps(document))
        assert tool.argv(**job) == cwltool_says(folder / "tool.cwl", job), (document, job)
