"""JavaScript expressions in an in-process engine (quickjs-ng): a fresh context each time, limited in time and memory.

An expression sees `inputs`, `self` and `runtime` as copies, passed as JSON and answered as JSON; nothing else of the machine. Every
evaluation runs on a thread of ours with a stack of known size (elsewhere it may be smaller than the engine believes) and
without the interpreter's lock; the caller waits no longer than the time limit, whatever the engine does.
"""

from __future__ import annotations

import json
import os
import queue
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hyflow.errors import WorkflowError
from hyflow.model.values import Value

_STACK = 64 << 20
_SCRIPT_STACK = 48 << 20
_DEEPEST = 500
"""How many lists and objects of a result may lie inside each other."""

_STRICT = '"use strict";'

_PRELUDE = """
var inputs, self, runtime;
(function () {
    var parse = JSON.parse, stringify = JSON.stringify, finite = Number.isFinite;
    function quiet() {}
    globalThis.console = {log: quiet, info: quiet, warn: quiet, error: quiet, debug: quiet};
    function plain(key, value) {
        var at = key === "" ? "" : ", at " + key;
        if (typeof value === "number" && !finite(value)) throw "the result is " + value + at + ": JSON has no such number";
        if (typeof value === "function") throw "the result is a function" + at + ": JSON has none";
        return value;
    }
    return function (scope, work) {
        scope = parse(scope);
        inputs = scope.inputs; self = scope.self; runtime = scope.runtime;
        var result = work();
        if (result === undefined) throw "the result is undefined: is a name wrong, or a return missing?";
        try { return stringify(result, plain); } catch (error) { throw String(error); }  // a line of this script would mislead
    };
})()
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may use: `seconds` of wall-clock time and bytes of `memory`."""

    seconds: float = 30.0
    memory: int = 256 << 20


@dataclass(frozen=True, slots=True)
class Script:
    """An expression (`body` false: its value; true: the body of a function that returns it) and the library put before it."""

    code: str
    body: bool
    library: str = ""

    def evaluate(self, scope: Mapping[str, Value], limits: Limits) -> Value:
        """Its value with `inputs`, `self` and `runtime` of `scope`.

        Whole numbers come back as ints. Raises WorkflowError for whatever the script throws, for a limit that it
        passes, and for a result that JSON cannot say (undefined, NaN, a function, a cycle).
        """
        answer = _on_thread(_Order(self, _scope_text(scope), limits))
        if isinstance(answer, WorkflowError):
            raise answer
        try:
            value = json.loads(answer, parse_int=_whole)
        except RecursionError as error:
            raise WorkflowError("the result is nested too deeply") from error
        if answer.count("[") + answer.count("{") > _DEEPEST and _depth(value) > _DEEPEST:
            raise WorkflowError("the result is nested too deeply")
        return value


@dataclass(frozen=True, slots=True)
class _Order:
    script: Script
    scope: str
    limits: Limits

    def where(self, line: str) -> str:
        """What to add to a message for the line that a script failed in; nothing where there is only one."""
        if self.script.library:  # whose lines are counted in the same way
            return f" (line {line})"
        return f" (line {line} of the expression)" if "\n" in self.script.code else ""

    def carry_out(self, fresh: _Fresh) -> str:
        context, limits = fresh.context, self.limits
        context.set_memory_limit(limits.memory)
        # The engine counts the processor time of the whole process, so that other threads would use it up.
        context.set_time_limit(limits.seconds * min(os.cpu_count() or 1, 8))
        if self.script.library:
            _load(context, self.script.library)
        code = self.script.code if self.script.body else f"return ({self.script.code}\n)"
        work = context.eval(f"{_STRICT}(function(){{{code}\n}})")
        answer = fresh.finish(self.scope, work)
        if not isinstance(answer, str):
            raise WorkflowError("the result is not a value that JSON can say")
        return answer


class _Fresh:
    """A context that nothing has run in. It lives and dies on one thread."""

    def __init__(self) -> None:
        import quickjs  # type: ignore[import-untyped]  # it has no types

        self.context = quickjs.Context()
        self.context.set_max_stack_size(_SCRIPT_STACK)
        self.finish = self.context.eval(_PRELUDE)


def _load(context: Any, library: str) -> None:
    try:
        context.eval(f"{_STRICT}{library}\n;0")
    except Exception as error:
        raise WorkflowError(f"in expressionLib: {_message(error)}") from error


class _Worker:
    """A daemon thread that carries out one order at a time; a None ends it."""

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[str | WorkflowError] = queue.SimpleQueue()
        with _threads:
            before = threading.stack_size(_STACK)
            try:
                threading.Thread(target=self._work, name="hyflow-javascript", daemon=True).start()
            finally:
                threading.stack_size(before)

    def _work(self) -> None:
        fresh: _Fresh | None = None
        while (order := self.orders.get()) is not None:
            try:
                answer: str | WorkflowError = order.carry_out(fresh or _Fresh())
            except BaseException as error:  # whatever it is, it belongs to the thread that waits
                answer = _translated(error, order)
            self.answers.put(answer)
            fresh = None
            with suppress(Exception):
                fresh = _Fresh()  # for the next order, while whoever asked goes on


_threads = threading.Lock()
_idle: list[_Worker] = []
_last = threading.local()


def _on_thread(order: _Order) -> str | WorkflowError:
    """Carry out the order on a thread that is idle, or a new one; a thread that does not answer in time is given up."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.orders.put(order)
    answered = False
    try:
        answer = worker.answers.get(timeout=order.limits.seconds)
        answered = True
    except queue.Empty:
        return _translated(TimeoutError(), order)
    finally:
        if answered:
            _idle.append(worker)
        else:
            worker.orders.put(None)
    return answer


def _scope_text(scope: Mapping[str, Value]) -> str:
    """`scope` as JSON in ASCII. The text of the inputs is kept until this thread evaluates with others: values never change."""
    known = getattr(_last, "inputs", None)
    if known is None or known[0] is not scope["inputs"]:
        known = _last.inputs = (scope["inputs"], _json(scope["inputs"]))
    return f'{{"inputs":{known[1]},"self":{_json(scope["self"])},"runtime":{_json(scope["runtime"])}}}'


def _whole(digits: str) -> int:
    """The whole number that a script's number is: JavaScript writes the shortest digits that tell it from other doubles."""
    return int(digits) if len(digits) < 16 else int(float(digits))


def _json(value: Value) -> str:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"a value cannot be given to JavaScript: {error}") from error


def _translated(error: BaseException, order: _Order) -> WorkflowError:
    """The error in words alone: frames that it refers to would keep the context alive beyond its thread."""
    limits, message = order.limits, _message(error, order.where)
    if isinstance(error, TimeoutError) or message.startswith("InternalError: interrupted"):
        return WorkflowError(f"JavaScript took longer than {limits.seconds:g} s and was stopped", hint="Does a loop in it never end?")
    if isinstance(error, MemoryError) or "InternalError: out of memory" in message:
        what = f"JavaScript needed more than {limits.memory >> 20} MiB of memory and was stopped"
        return WorkflowError(what, hint="Does it collect without end, or read what is large? A command has no such limit.")
    if isinstance(error, WorkflowError):
        return WorkflowError(f"JavaScript failed: {error.what}")
    return WorkflowError(f"JavaScript failed: {message}")


def _message(error: BaseException, where: Callable[[str], str] = " (line {})".format) -> str:
    """What went wrong in one line, with the line of the script as `where` puts it."""
    text = str(error)
    place = re.search(r"^    at .*?<input>:(\d+)", text, re.MULTILINE)
    what = re.split(r"\n(?:    at |undefined$|$)", text)[0].strip() or type(error).__name__
    return what + (where(place[1]) if place else "")


def _depth(value: Value) -> int:
    """How many lists and objects lie inside each other; how deep Python itself could go is different in each version."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
