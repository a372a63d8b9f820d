"""Strategies: types with bindings, values that fit them, expressions. What a generated tool says of its command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

ODD_WORDS = ("", "-", "--", "-x", "true", "null", "~", "0x1f", "1e3", "$(inputs.flag)", "${return 1}", "$HOME", "*", "a\nb", "\t", "é",
             "日本", "🜚",
             "'", '"', "\\", "\\n", "a b", "%20", "#", "a=b", ";", "&&", "{}", "[1]", "\\$(inputs.flag)")
ODD_FLOATS = (0.0, -0.0, 1.0, -1.5, 0.1, 1e-7, 1e-5, 1.5e-10, 1e15, 1e16, 1e21, 1e22, 123456789012345680000.0, 2.5e-300,
              1.7976931348623157e308, 3.0e10, 100000.5, 1e5, 2.5e3, 0.30000000000000004)
ODD_LONGS = (0, -1, 1 << 31, -(1 << 31) - 1, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63))
PLAIN_WORDS = st.text(st.sampled_from("ab -'\"$*\\é"), min_size=1, max_size=5)

words = st.one_of(st.sampled_from(ODD_WORDS), PLAIN_WORDS)
ints = st.one_of(st.integers(-9, 9), st.integers(-(1 << 31), (1 << 31) - 1))
VALUES = {
    "string": words, "int": ints, "boolean": st.booleans(), "long": st.one_of(st.sampled_from(ODD_LONGS), ints),
    "float": st.one_of(st.sampled_from(ODD_FLOATS), ints), "double": st.sampled_from(ODD_FLOATS),
}

REFERENCES = ("$(self)", "x$(self)y", "$(inputs.flag)", "$(runtime.cores)", "$(inputs.text)", " $(inputs.text) ", "a $(inputs.text)\n",
              "$(inputs['text'])", "$(null)", "fixed", "", "\\$(inputs.flag)", "\\\\$(inputs.flag)", "a\\b", "$(inputs.flag)$(inputs.flag)",
              "$(inputs.many)", "$(inputs.many[0])", "$(inputs.many.length)", "$(runtime.ram)", "$(inputs.number)", "x$(inputs.number)",
              "$(inputs.none)", "-$(inputs.none)-", "$(inputs.many)-", "$5", "$", "$$(inputs.flag)")
SCRIPTS = ("$([1, 'b'])", "$(true)", "$(1.5)", "$(inputs.flag ? 'y' : 'n')", "${return inputs.text + '\\n';}", "$(inputs.text.length)",
           "$(self === null)", "$({a: 1})", "$(['', null, 2])", "$(-0)", "$(0.1 + 0.2)", "${return null;}",
           "${var a = {b: ')'}; return a.b;}", "x$([1, 'é'])y", "$(inputs.many.map(function(x) { return x + '!'; }))",
           "$('\\'')", "$(\"}\")", "$(9007199254740993)", "$(inputs.nothing)")
FIXED: dict[str, Any] = {
    "flag": "boolean", "text": "string", "many": "string[]", "number": "double", "none": "string?",
}
"""Inputs that every generated tool has, for its expressions."""


def expressions(script: bool) -> st.SearchStrategy[str]:
    """Values for `valueFrom` and the like; those that need JavaScript where there is some."""
    return st.sampled_from(REFERENCES + SCRIPTS if script else REFERENCES)


@st.composite
def fixed_job(draw: Any) -> dict[str, Any]:
    """Values for FIXED."""
    return {"flag": draw(st.booleans()), "text": draw(words), "many": draw(st.lists(words, min_size=1, max_size=2)),
            "number": draw(st.sampled_from(ODD_FLOATS)), "none": None}


def rarely(draw: Any, one_in: int = 4) -> bool:
    """Whether something that most tools do not do is done."""
    return bool(draw(st.integers(1, one_in)) == one_in)


@st.composite
def bindings(draw: Any, shell: bool, script: bool, type_: Any = None) -> dict[str, Any]:
    """An inputBinding of something of the type; one that separates nothing has a prefix, one that joins has words to join."""
    made: dict[str, Any] = {}
    if draw(st.booleans()):
        made["position"] = draw(st.one_of(st.integers(-3, 3), st.just("$(1 + 1)") if script else st.just(2)))
    if draw(st.booleans()):
        made["prefix"] = draw(PLAIN_WORDS)
        if draw(st.booleans()):
            made["separate"] = draw(st.booleans())
    if type_ in (None, "string", "int", "double") and rarely(draw):
        made["itemSeparator"] = draw(st.sampled_from([",", " ", "é"]))
    if rarely(draw, 5):
        made["valueFrom"] = draw(expressions(script))
    if shell and draw(st.booleans()):
        made["shellQuote"] = draw(st.booleans())
    return made


def items_of(type_: Any) -> Any:
    """What a binding of the type would join: the items of an array, also of one that need not be there."""
    if isinstance(type_, list):
        return items_of(type_[-1])
    return type_["items"] if isinstance(type_, dict) and type_["type"] == "array" else None


@st.composite
def kinds(draw: Any, shell: bool, script: bool, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """A type, with bindings of its own now and then, and its values."""
    simple: Sequence[str] = tuple(VALUES)
    kind = draw(st.sampled_from((*simple, "array", "record", "enum", "optional", "union") if depth else simple))
    bound = draw(st.booleans())
    own = {"inputBinding": draw(bindings(shell, script, "record"))} if bound else {}
    match kind:
        case "array":
            type_, values = draw(kinds(shell, script, depth - 1))
            own = {"inputBinding": draw(bindings(shell, script, type_))} if bound else {}
            return {"type": "array", "items": type_, **own}, st.lists(values, max_size=3)
        case "record":
            parts = {name: draw(kinds(shell, script, depth - 1)) for name in draw(st.permutations(("p", "q", "r")))}
            fields = {name: {"type": type_,
                             **({"inputBinding": draw(bindings(shell, script, items_of(type_)))} if draw(st.booleans()) else {})}
                      for name, (type_, _) in parts.items()}
            return {"type": "record", "fields": fields, **own}, st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})
        case "enum":
            return {"type": "enum", "symbols": ["one", "two"], **own}, st.sampled_from(["one", "two"])
        case "optional":
            type_, values = draw(kinds(shell, script, depth - 1))
            return ["null", type_], st.one_of(st.none(), values)
        case "union":
            first, second = draw(st.permutations(("string", "int", "boolean", "double")))[:2]
            return [first, second], st.one_of(VALUES[first], VALUES[second])
        case _:
            return kind, VALUES[kind]


@st.composite
def parameters(draw: Any, shell: bool, script: bool, few: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs without files and a job for them, FIXED among them."""
    inputs: dict[str, Any] = {name: {"type": type_} for name, type_ in FIXED.items()}
    job = draw(fixed_job())
    for name in draw(st.permutations(("a", "b", "c", "B", "a1")))[:draw(st.integers(0, 1 if few else 5))]:
        type_, values = draw(kinds(shell, script))
        inputs[name] = {"type": type_, **({"inputBinding": draw(bindings(shell, script, items_of(type_)))} if draw(st.integers(0,
                                                                                                                               4)) else {})}
        if rarely(draw, 6):
            inputs[name]["default"] = draw(values)
            if draw(st.booleans()):
                continue
        job[name] = draw(values)
    return inputs, job


@st.composite
def arguments(draw: Any, shell: bool, script: bool) -> list[Any]:
    """The `arguments` of a tool."""
    parts = [draw(st.one_of(PLAIN_WORDS, expressions(script), st.fixed_dictionaries({"valueFrom": expressions(script)})))
             for _ in range(draw(st.integers(0, 3)))]
    return [{**draw(bindings(shell, script)), **part} if isinstance(part, dict) else part for part in parts]
