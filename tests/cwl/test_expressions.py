"""Expressions: interpolation and references against cwltool's own evaluator, and what only hyflow says."""

from __future__ import annotations

from typing import Any

import pytest
from cwl_utils import expression as oracle
from cwl_utils.errors import JavascriptException, SubstitutionError, WorkflowException
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hyflow.cwl.expressions import Expressions
from hyflow.errors import WorkflowError

SCOPE: dict[str, Any] = {
    "inputs": {"a": {"b": [1, {"c": "deep"}]}, "s": "text", "n": None, "f": 1.5, "big": 2**60, "yes": True, "a b": [[1], []],
               "it's": "quote", 'say "x"': 2, "é": "ü", "length": 7, "file": {"class": "File", "basename": "x y", "location": "file:///x"}},
    "self": [1, "two", {"z": 1, "a": [True, None]}],
    "runtime": {"cores": 2, "outdir": "/out", "ram": 1024.0},
}


def ours(text: str, version: str = "v1.2", strip: bool = True) -> Any:
    return Expressions(False, version=version).compile(text, strip=strip).evaluate(SCOPE["inputs"], SCOPE["self"], SCOPE["runtime"])


def theirs(text: str, version: str, strip: bool = True) -> Any:
    if not oracle.needs_parsing(text):
        return text
    escapes = 1 if version in oracle.OLD_ESCAPE_CWL_VERSIONS else 2
    return oracle.interpolate(text, SCOPE, strip_whitespace=strip, escaping_behavior=escapes)  # type: ignore[arg-type]  # a plain dict will do


def same(text: str, version: str, strip: bool = True) -> None:
    """Both give the same value of the same type, or both refuse."""
    try:
        expected = theirs(text, version, strip)
    except (JavascriptException, SubstitutionError, WorkflowException, IndexError):
        with pytest.raises(WorkflowError):
            ours(text, version, strip)
        return
    value = ours(text, version, strip)
    assert (value, type(value)) == (expected, type(expected))


REFERENCES = st.sampled_from([
    "$(inputs.s)", "$(inputs.a.b[1].c)", "$(inputs.a.b.length)", "$(inputs['a b'][0][0])", '$(inputs["a b"].length)', "$(inputs.n)",
    "$(null)", "$(self[1])", "$(self[2])", "$(self.length)", "$(self)", "$(runtime.ram)", "$(runtime)", "$(inputs['it\\'s'])",
    '$(inputs["say \\"x\\""])', "$(inputs.é)", "$(inputs.length)", "$(inputs.s.length)", "$(inputs.missing)", "$(self[9])",
    "$(inputs.a.b.length.x)", "$(inputs['a b'][1][0])", "$(inputs.s[0])", "$(other.x)", "$(true)", "$(1)", "$()", "$(inputs.)",
    "$( inputs.s)", "$(inputs.s )", "$(inputs[0])", "$(inputs.yes)", "$(inputs.big)", "$(inputs.f)", "$(inputs.file.basename)",
    "$(null.x)", "${return 1}", "$(self['0'])", "$(inputs.a['b'][1][\"c\"])",
])
NOISE = st.text(alphabet="$(){}[]\\'\" \n\tab.é", max_size=8)
TEXTS = st.lists(REFERENCES | NOISE, max_size=5).map("".join)


@settings(max_examples=600, deadline=None)
@given(text=TEXTS, version=st.sampled_from(["v1.0", "v1.1", "v1.2", "v1.2.0-dev3", "v1.2.0-dev5"]), strip=st.booleans())
@example("\\$(inputs.s)", "v1.2", True)
@example("\\$(inputs.s)", "v1.0", True)
@example("\\\\$(inputs.s)", "v1.2", True)
@example("\\\\$(inputs.s)", "v1.1", True)
@example("\\\\\\$(inputs.s) \\x \\", "v1.2", True)
@example("$(inputs.s) \\$", "v1.2", True)
@example("$$(inputs.s)$", "v1.2", True)
@example("$(inputs['a)b'])", "v1.2", True)
@example("$(inputs['a\\')b'])", "v1.2", True)
@example(" $(self) ", "v1.2", True)
@example(" $(self) ", "v1.2", False)
@example("$(self[2])$(self[2])", "v1.2", True)
@example("$(inputs.s", "v1.2", True)
@example("${ '", "v1.2", True)
def test_interpolation_is_cwltools(text: str, version: str, strip: bool) -> None:
    same(text, version, strip)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="inputsa.b['\"]\\0129c ", max_size=20))
def test_references_are_cwltools(path: str) -> None:
    same(f"$(inputs{path})", "v1.2")


@settings(max_examples=150, deadline=None)
@given(st.text())
def test_text_without_expressions_stands_for_itself(text: str) -> None:
    if "$(" not in text and "${" not in text:
        compiled = Expressions(False).compile(text)
        assert compiled.constant
        assert compiled.evaluate({}, None, {}) == text


def test_hostile_values_pass_through() -> None:
    hostile = "a'b\"c\n$(inputs.y) ${x} \udc80 \\ é😀"
    compiled = Expressions(False).compile("$(inputs.x)-$(inputs.x)")
    assert compiled.evaluate({"x": hostile}, None, {}) == f"{hostile}-{hostile}"


def test_nested_values_are_evaluated_where_they_hold_expressions() -> None:
    compiled = Expressions(False).compile({"a": ["$(inputs.s)", 1, None], "b": {"c": "$(self[0])!"}})
    assert not compiled.constant
    assert compiled.evaluate(SCOPE["inputs"], SCOPE["self"], {}) == {"a": ["text", 1, None], "b": {"c": "1!"}}
    plain = {"a": [1, {"b": "x"}]}
    assert Expressions(False).compile(plain).constant
    assert Expressions(False).compile(plain).evaluate({}, None, {}) is plain


@pytest.mark.parametrize(("text", "javascript", "reads"), [
    ("plain", False, set()),
    ("$(inputs.x.y)", False, {"inputs.x"}),
    ("$(inputs)", False, {"inputs"}),
    ("$(self[0]) $(runtime.cores)", False, {"self", "runtime.cores"}),
    ("$(runtime)", False, {"runtime"}),
    ("$(null)", False, set()),
    ("$(runtime.ram)", True, {"runtime.ram"}),
    ("$(inputs.x + runtime.cores)", True, {"inputs", "self", "runtime.cores"}),
    ("$(inputs.x + 1)", True, {"inputs", "self"}),
    ("$(runtime['cores'] + 1)", True, {"*"}),
    ("${var r = runtime; return r.cores}", True, {"*"}),
    ("$(eval('run' + 'time').cores)", True, {"*"}),
    ("$(\\u0072untime.cores + 1)", True, {"*"}),
])
def test_what_an_expression_reads(text: str, javascript: bool, reads: set[str]) -> None:
    assert Expressions(javascript).compile(text).reads == reads


def test_lists_and_objects_read_what_their_items_read() -> None:
    assert Expressions(False).compile([{"a": "$(self)"}, "$(inputs.x)"]).reads == {"self", "inputs.x"}


def test_errors_name_the_expression_and_the_place() -> None:
    compiled = Expressions(False).compile("x $(inputs.a.q) y", where="wf.cwl:3")
    with pytest.raises(WorkflowError) as caught:
        compiled.evaluate({"a": {"b": 1}}, None, {})
    assert str(caught.value) == "wf.cwl:3: the expression $(inputs.a.q) failed: inputs.a has no property 'q'; there are 'b'"


@pytest.mark.parametrize(("text", "message"), [
    ("$(inputs.s.x)", "inputs.s is a string, it has no property 'x'"),
    ("$(self[7])", "self has 3 items, there is no item 7"),
    ("$(inputs['a b'][1][0])", "inputs['a b'][1] has 0 items, there is no item 0"),
    ("$(inputs[0])", "inputs is an object, it has no item 0"),
    ("$(inputs.n.x)", "inputs.n is null, it has no property 'x'"),
    ("${return 1}", "InlineJavascriptRequirement"),
    ("$(1 + 1)", "InlineJavascriptRequirement"),
])
def test_messages(text: str, message: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        ours(text)
    assert message in str(caught.value)


def test_an_expression_that_does_not_end_is_refused_at_once() -> None:
    with pytest.raises(WorkflowError, match=r"wf.cwl: the expression \$\(inputs.x does not end"):
        Expressions(True).compile("a $(inputs.x", where="wf.cwl")


def test_with_javascript_a_reference_that_leads_nowhere_is_a_script() -> None:
    expressions = Expressions(True)
    assert expressions.compile("$(inputs.s.length)").evaluate({"s": "four"}, None, {}) == 4
    with pytest.raises(WorkflowError, match="inputs has no property 'missing'"):
        expressions.compile("$(inputs.missing)").evaluate({}, None, {})
