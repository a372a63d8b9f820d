"""Values as JSON and back, with names that JSON proper cannot say."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow import plain
from hyflow.model.events import EVENTS, Failed, Finished, Submitting
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import Usage
from hyflow.model.tasks import Glob, Stage, StageKind, Task
from hyflow.model.workflow import Link, Program, Source, Step, Workflow

NAMES = st.binary(max_size=20).map(lambda name: name.decode("utf-8", "surrogateescape"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), NAMES)
def test_an_event_comes_back_whatever_its_values_are(outputs: dict[str, Any], step: str) -> None:
    event = Finished(JobId("/" + step, (1, 2)), Key("key"), outputs, Usage(1.5), 2.0)
    assert plain.loads(plain.dumps(event), Finished) == event


def test_values_inside_values_keep_their_types() -> None:
    step = Step("s", "p", "command", (Link("x", (Source(None, "a"),), pick="first_non_null"),), ("out",), scatter=("x",))
    program = Program("file:///a.cwl", "main", {"main": Workflow("main", ("a",), (), {"s": step})}, {"p": {"class": "x"}}, ("careful",))
    assert plain.loads(plain.dumps(program), Program) == program
    task = Task(Key("k"), "/s", "/d", ("a\udcff",), {"A": "b"}, stage=(Stage(StageKind.LINK, "in/a", "/b"),), collect=(Glob("*"),))
    assert plain.loads(plain.dumps(task), Task) == task
    failed = Failed(JobId("/s"), None, Failure(FailureClass.TOOL, "no", code=1), 1.0)
    assert plain.loads(plain.dumps(failed), Failed) == failed


def test_every_event_can_be_written() -> None:
    assert {kind.__name__ for kind in EVENTS} >= {"Started", "Finished", "Failed", "Submitting"}
    intent = Submitting(JobId("/s"), Key("k"), "box", "/work/\udcff", 1.0)
    assert plain.loads(plain.dumps(intent), Submitting) == intent


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        plain.loads(b'{"job": 1}', Finished)
    with pytest.raises(TypeError):
        plain.dumps({"name": "\udcff", "value": object()})


@pytest.mark.parametrize("text", ["\u202e\u009b\x7f\x1b[2J\n", "\U0001f600 gr\u00fc\u00df", "\udcff", "plain"])
def test_a_line_holds_nothing_that_a_terminal_would_obey(text: str) -> None:
    line = plain.line({"text": text, "at": 1.5})
    assert line.isascii() and line.isprintable()
    assert json.loads(line) == {"text": text, "at": 1.5}
