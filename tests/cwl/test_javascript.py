"""JavaScript: values there and back, isolation, and limits that hold."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyflow.cwl.expressions import Expressions
from hyflow.cwl.javascript import Limits, Script
from hyflow.errors import WorkflowError

QUICK = Limits(seconds=0.4, memory=32 << 20)


def run(text: str, inputs: Any = None, *, library: tuple[str, ...] = (), limits: Limits | None = None, self_: Any = None) -> Any:
    expressions = Expressions(True, library, limits=limits)
    return expressions.compile(text).evaluate(inputs or {}, self_, {"cores": 2})


@pytest.mark.parametrize(("text", "value"), [
    ("$(1 + 1)", 2), ("$(1.0)", 1), ("$(0.5)", 0.5), ("$(-0)", 0), ("$(1e20)", 10**20),
    ("$(2147483648 * 2)", 2**32), ("$(Math.pow(2, 60))", 2**60),
    ("${return 'a' + 1;}", "a1"),
    ("$(null)", None), ("$([1, undefined])", [1, None]),
    ("$({a: undefined, b: [true]})", {"b": [True]}), ("$(inputs.x.map(function (i) { return i * 2; }))", [2, 4]),
    ("$(runtime.cores * 2)", 4),
    ("a $(1 + 1) b ${return [1, {x: 'y'}];}", 'a 2 b [1, {"x": "y"}]'), ("$('a\\u0000b')", "a\0b"),
    ("$(inputs.x // a comment\n)", [1, 2]),
    ("${console.log('x'); console.error('y'); return 3;}", 3), ("$(new Date(0))", "1970-01-01T00:00:00.000Z"),
    ("$(typeof require + typeof process + typeof std + typeof os)", "undefined" * 4),
    ("$(self === null)", True), ("$((function () { return this; })() === undefined)", True),
])
def test_values(text: str, value: Any) -> None:
    result = run(text, {"x": [1, 2]})
    assert (result, type(result)) == (value, type(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_values_come_back_as_they_went(value: Any) -> None:
    assert run("${return inputs.x;}", {"x": value}) == _through_utf16(value)


def _through_utf16(value: Any) -> Any:
    """The value as JavaScript's strings have it, where two halves of a surrogate pair are one character; its numbers are doubles."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, list):
        return [_through_utf16(item) for item in value]
    if isinstance(value, dict):
        return {_through_utf16(name): _through_utf16(item) for name, item in value.items()}
    return value


def test_names_that_are_not_utf8_survive() -> None:
    name = b"caf\xe9 \xff.txt".decode("utf-8", "surrogateescape")
    assert run("$(inputs.f.basename + '!')", {"f": {"basename": name}}) == name + "!"
    assert run("pre-$(self.b + 'x')", self_={"b": name}) == f"pre-{name}x"


def test_a_key_may_have_any_name() -> None:
    assert run("$(Object.keys(inputs.x).length + inputs.x['__proto__'])", {"x": {"__proto__": 1, "constructor": 2}}) == 3


@pytest.mark.parametrize(("text", "message"), [
    ("${return NaN}", "the result is NaN"),
    ("$([1 / 0])", "the result is Infinity, at 0"),
    ("${}", "the result is undefined"), ("$(undefined)", "the result is undefined"), ("$(inputs.nothing)", "no property 'nothing'"),
    ("${return function () {};}", "the result is a function"),
    ("${var a = {}; a.a = a; return a;}", "circular"),
    ("${return 10n;}", "BigInt"),
    ("${return Symbol();}", "JSON"),
    ("${\nvar a;\nreturn a.x;\n}", "property 'x' of undefined (line 3 of the expression)"),
    ("${ one two }", "SyntaxError"),
    ("${throw new Error('my message');}", "Error: my message"),
    ("${throw 'text';}", "text"),
    ("${undeclared = 1;}", "undeclared"),
    ("${function f() { return 1 + f(); } return f();}", "call stack"),
    ("${var a = []; for (var i = 0; i < 5000; i++) a = [a]; return a;}", "nested too deeply"),
])
def test_errors(text: str, message: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        run(text)
    assert message in str(caught.value)
    assert " ".join(text.split())[:20] in str(caught.value)


@pytest.mark.parametrize("text", [
    "${while (true);}", "${for (;;) { try { while (true); } catch (e) {} }}", "${return /(a+)+$/.test(new Array(60).join('a') + 'b');}",
    "${while (true) new Date();}", "${Array.prototype.reverse.call({length: 1 << 27});}",
])
def test_the_time_limit_stops(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(WorkflowError, match=r"took longer than 0\.4 s"):
        run(text, limits=QUICK)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("text", [
    "${var a = []; while (true) a.push(new Array(5000).join('x') + a.length);}", "${return new ArrayBuffer(1e9);}",
    "${var a = [1]; while (true) a = a.concat(a);}", "${return new Array(1e8).fill(1);}",
])
def test_the_memory_limit_stops(text: str) -> None:
    with pytest.raises(WorkflowError, match="needed more than 32 MiB"):
        run(text, limits=Limits(seconds=20, memory=32 << 20))


def test_a_value_that_json_cannot_say_is_not_passed() -> None:
    with pytest.raises(WorkflowError, match="cannot be given to JavaScript"):
        run("$(inputs.x + 1)", {"x": math.nan})


def test_a_library_comes_first_and_sees_what_scripts_see() -> None:
    library = ("function twice(x) { return x * 2; }", "var where = typeof inputs; function cores() { return twice(runtime.cores); }")
    assert run("$(twice(4) + cores() + where)", library=library) == "12undefined"
    with pytest.raises(WorkflowError, match=r"in expressionLib: .*ReferenceError.*\(line 2\)"):
        run("$(1 + 1)", library=("var a = 1;", "missing();"))


def test_a_library_that_ends_in_a_comment_or_a_strange_string() -> None:
    assert run("$(a + 1)", library=("var a = 1; // the end",)) == 2
    assert run("$(1 + 1)", library=("'\\udc80'",)) == 2


def test_evaluations_know_nothing_of_each_other() -> None:
    expressions = Expressions(True)
    assert expressions.compile("${globalThis.x = 1; Array.prototype.y = 2; inputs.z = 3; return inputs.z;}").evaluate({}, None, {}) == 3
    assert expressions.compile("${return [typeof x, typeof [].y, typeof inputs.z];}").evaluate({}, None, {}) == ["undefined"] * 3


def test_each_evaluation_sees_its_own_inputs() -> None:
    compiled = Expressions(True).compile("$(inputs.x + 1)")
    first, second = {"x": 1}, {"x": 2}
    assert [compiled.evaluate(each, None, {}) for each in (first, second, first, {"x": 5})] == [2, 3, 2, 6]


def test_threads_evaluate_at_once_and_python_goes_on() -> None:
    compiled = Expressions(True).compile("${var n = 0; for (var i = 0; i < 3e5; i++) n += inputs.x; return n;}")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda x: compiled.evaluate({"x": x}, None, {}), range(8))) == [300_000 * x for x in range(8)]


def test_python_is_not_held_up() -> None:
    compiled = Expressions(True, limits=QUICK).compile("${while (true);}")

    def evaluate() -> None:
        with pytest.raises(WorkflowError):
            compiled.evaluate({}, None, {})

    thread = threading.Thread(target=evaluate)
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.005)
        turns += 1
    thread.join()
    assert turns > 10


def test_a_small_stack_is_no_danger() -> None:
    results: list[Any] = []
    before = threading.stack_size(256 << 10)
    try:
        script = "${function f(n) { return n ? 1 + f(n - 1) : 0; } return f(10000);}"
        thread = threading.Thread(target=lambda: results.append(run(script)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert results == [10_000]


def test_a_worker_that_was_given_up_is_not_used_again() -> None:
    with pytest.raises(WorkflowError, match="took longer"):
        run("${Array.prototype.reverse.call({length: 1 << 26});}", limits=Limits(seconds=0.05))
    assert [run("$(inputs.x + 1)", {"x": each}) for each in range(3)] == [1, 2, 3]


def test_a_script_on_its_own() -> None:
    assert Script("inputs + self", body=False).evaluate({"inputs": 1, "self": 2, "runtime": {}}, Limits()) == 3
