from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import madeup
import pytest
from madeup import done, made
from rich.console import Console

from hyflow.journal import read_events
from hyflow.journal.tally import Phase, StepTally, Tally
from hyflow.model.events import (
    Demanded,
    Evaluated,
    Event,
    Failed,
    Finished,
    Resumed,
    Reused,
    Running,
    Started,
    Stopping,
    Submitted,
    Submitting,
)
from hyflow.model.jobs import Failure, FailureClass, JobId, Key
from hyflow.model.resources import Request, Resources, Usage
from hyflow.model.workflow import Link, Program, Source, Step, Workflow
from hyflow.report.drawing import Drawing
from hyflow.report.jsonlog import JsonLog
from hyflow.report.lines import Lines, Quiet
from hyflow.report.live import Live
from hyflow.report.observer import Observer
from hyflow.report.outline import over_before
from hyflow.report.sofar import SoFar, so_far
from hyflow.report.terminal import cell_width
from hyflow.report.watch import observer

REQUEST = Request(Resources(cores=2.0), Resources(cores=2.0))


def step(name: str, process: str = "tool", kind: str = "command", scatter: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> Step:
    links = tuple(Link(source, (Source(source, "out"),)) for source in sources)
    return Step(name, process, kind, links, (), scatter)  # type: ignore[arg-type]  # words, as tests write them


PROGRAM = Program(
    "file:///wf\x1b[31m.cwl",
    "#main",
    {
        "#main": Workflow(
            "#main", (), (), {"split": step("split"), "sub": step("sub", "#sub", "workflow"), "merge": step("merge", sources=("sub",))}
        ),
        "#sub": Workflow("#sub", (), (), {"map": step("map", scatter=("x",))}),
    },
    {},
)


def life(job: JobId, end: str = "done", site: str = "laptop") -> list[Event]:
    key = Key(str(job).strip("/").replace("/", "-"))
    begin: list[Event] = [
        Demanded(job, REQUEST, (site,)),
        Submitting(job, key, f"{site}/cpu", f"/work/{key}", 1.0),
        Submitted(job, key, "ticket", 2.0),
        Running(job, key, 3.0, "node\x1b[1m7"),
    ]
    if end == "done":
        return [*begin, Finished(job, key, {}, Usage(1.0), 4.0)]
    kind = FailureClass.CANCELLED if end == "cancelled" else FailureClass.TOOL
    failure = Failure(kind, "the command failed", 3, "one\r\n\x1b[31mtwo\x07\n")
    return [*begin, Failed(job, key, failure, 4.0)]


def told(watcher: Observer, events: Sequence[Event]) -> None:
    watcher.warn("before \x1b[31mall")
    watcher.begin(PROGRAM, "run-1")
    for event in events:
        if isinstance(event, Submitting):
            watcher.stage(event.job, "begin")
            watcher.stage(event.job, "end")
        watcher.event(event)
    watcher.end(tuple((event.job, event.failure) for event in events if isinstance(event, Failed)))


FAILED = """\
/sub/map[0] failed: the command failed
  class   tool, exit status 3
  where   laptop/cpu (on node7)
  | one
  | two\\x07
  all of its standard error: /work/sub-map[0]/stderr
  next: hyflow logs run-1 '/sub/map[0]'
"""


def test_quiet_tells_failures_alone() -> None:
    stream = io.StringIO()
    told(Quiet(stream), [Started({}), *life(JobId("/split")), *life(JobId("/sub/map", (0,)), "failed")])
    assert stream.getvalue() == FAILED


def test_lines_tell_the_run() -> None:
    stream = io.StringIO()
    maps = [event for index in range(3) for event in life(JobId("/sub/map", (index,)), "failed" if index == 0 else "done")]
    told(Lines(stream), [Started({}), *life(JobId("/split")), *maps, Stopping("interrupt", 9.0)])
    text = stream.getvalue()
    assert "\x1b" not in text
    lines = re.sub(r"[\d.]+ s\b", "0 s", text.replace(FAILED, "FAILED\n")).splitlines()
    assert lines == [
        "warning: before all",
        "run run-1: /wf.cwl",
        "/split begins",
        "/split ends: 1 done in 0 s",
        "/sub/map begins",
        "FAILED",
        "stopping (interrupt): nothing more is started",
        "/sub/map ends: 2 done, 1 failed in 0 s",
        "0 s: 3 done, 1 failed",
    ]


def test_a_scattered_step_ends_before_what_needs_it_begins() -> None:
    stream = io.StringIO()
    maps = [event for index in range(3) for event in life(JobId("/sub/map", (index,)))]
    skipped = Evaluated(JobId("/sub"), {}, skipped=True)
    told(Lines(stream), [Started({}), Evaluated(JobId("/sub"), {}), *maps, *life(JobId("/merge")), skipped])
    assert re.sub(r"[\d.]+ s\b", "0 s", stream.getvalue()).splitlines()[2:] == [
        "/sub/map begins",
        "/sub/map ends: 3 done in 0 s",
        "/merge begins",
        "/merge ends: 1 done in 0 s",
        "/sub ends: 1 skipped in 0 s",
        "0 s: 4 done, 1 skipped",
    ]


def test_what_is_over_when_a_step_begins() -> None:
    def flow(name: str, *steps: Step) -> Workflow:
        return Workflow(name, (), (), {step.name: step for step in steps})

    deep = flow("#deep", step("one"), step("two", sources=("one",)))
    root = flow("#main", step("a"), step("b", "#deep", "workflow", (), ("a",)), step("c", "#deep", "workflow", ("x",), ("b",)))
    program = Program("file:///wf.cwl", "#main", {"#main": root, "#deep": deep}, {})
    assert over_before(program) == {
        "/a": frozenset(),
        "/b/one": {"/a"},
        "/b/two": {"/a", "/b/one"},
        "/c/one": {"/b/one", "/b/two"},
        "/c/two": {"/b/one", "/b/two"},
    }


def test_ten_thousand_failures_are_told_thrice_and_counted() -> None:
    stream = io.StringIO()
    told(Quiet(stream), [event for index in range(10_000) for event in life(JobId("/sub/map", (index,)), "failed")])
    assert stream.getvalue().count(" failed: ") == 3
    assert stream.getvalue().endswith("/sub/map: 10,000 jobs failed, 3 of them are shown above; all of them: hyflow logs run-1 --failed\n")


def test_what_is_tried_again_is_a_note_and_no_failure() -> None:
    stream, quiet = io.StringIO(), io.StringIO()
    job = JobId("/sub/map\n", (0,))
    again = Failed(job, Key("sub-map-0"), Failure(FailureClass.MEMORY, "it ran\x1b[31m out of memory\nsee there", 137, "x"), 4.0, 4.0)
    events = [*life(JobId("/sub/map", (1,)))[:-1], *life(job)[:-1], *[again] * 5, *life(job)[1:]]
    told(Lines(stream), events)
    told(Quiet(quiet), events)
    note = "/sub/map\\n[0] failed (memory): it ran out of memory; tried again in 4.0 s"
    lines = stream.getvalue().splitlines()
    assert lines.count(note) == 3 and "/sub/map\\n: 5 times a job was tried again, 3 of them are shown above" in lines
    assert quiet.getvalue() == "" and "\x1b" not in stream.getvalue()


def test_a_run_that_is_taken_up_again_goes_on_from_its_figures() -> None:
    stream = io.StringIO()
    watcher = Lines(stream)
    steps = [StepTally("/split", {Phase.DONE: 1}), StepTally("/sub/map", {Phase.RUNNING: 1, Phase.DONE: 2}, first=time.time())]
    job = JobId("/sub/map", (2,))
    running = life(job, "failed")
    announced = tuple(event for event in running if isinstance(event, Submitting))
    watcher.begin(PROGRAM, "run-1", SoFar(Tally(steps, {job: Phase.RUNNING}), announced, 9, time.time()))
    watcher.event(Resumed("vm", 5.0))
    watcher.event(running[-1])
    watcher.event(Reused(JobId("/merge"), {}, "other", JobId("/merge"), 6.0))
    watcher.end(())
    lines = re.sub(r"[\d.]+ s\b", "0 s", stream.getvalue()).splitlines()
    assert lines[:2] == ["run run-1 goes on: /wf.cwl", "0 s: 1 running, 3 done"]
    assert "  where   laptop/cpu" in lines  # where the attempt was is known from before
    assert [line for line in lines if line.startswith("/merge") or " ends: " in line] == [
        "/sub/map ends: 2 done, 1 failed in 0 s", "/merge begins", "/merge ends: 1 reused in 0 s",
    ]  # fmt: skip
    assert lines[-1] == "0 s: 3 done, 1 reused, 1 failed"


def test_what_is_known_so_far_is_read_from_the_journal(tmp_path: Path) -> None:
    job, other = JobId("/align", (0,)), JobId("/align", (1,))
    run = made(tmp_path, None, [Started({}), *madeup.life(job, tmp_path), *madeup.life(other, tmp_path, done(other))], killed=True)
    known = so_far(run)
    assert [event.job for event in known.open] == [job]
    assert known.seq == len(list(read_events(run.journal)))
    assert (known.tally.total(Phase.RUNNING), known.tally.total(Phase.DONE)) == (1, 1)
    stream = io.StringIO()
    JsonLog(stream).begin(PROGRAM, run.id, known)
    assert json.loads(stream.getvalue())["resumed"] is True


def test_what_was_cancelled_is_no_news() -> None:
    stream = io.StringIO()
    told(Quiet(stream), life(JobId("/split"), "cancelled"))
    assert stream.getvalue() == ""


def test_the_json_log_is_one_object_a_line() -> None:
    stream = io.StringIO()
    told(JsonLog(stream), [Started({"x": "\udcff\n"}), *life(JobId("/sub/map", (0, 2)), "failed")])
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [record["event"] for record in records] == [
        "warning", "begin", "started", "demanded", "stage", "stage", "submitting", "submitted", "running", "failed", "end",
    ]  # fmt: skip
    assert records[2]["inputs"] == {"x": "\udcff\n"}
    assert (records[9]["job"], records[9]["failure"]["kind"], records[9]["at"]) == ("/sub/map[0,2]", "tool", 4.0)
    assert records[10]["failed"] == ["/sub/map[0,2]"]


class Terminal:
    """A pseudo-terminal, all of whose output is read."""

    def __enter__(self) -> Terminal:
        self._ours, theirs = pty.openpty()
        self.stream = os.fdopen(theirs, "w")
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self) -> None:
        try:
            while chunk := os.read(self._ours, 4096):
                self._chunks.append(chunk)
        except OSError:
            pass

    def __exit__(self, *exc: object) -> None:
        self.stream.close()
        self._reader.join(5)
        os.close(self._ours)

    @property
    def text(self) -> str:
        return b"".join(self._chunks).decode()


async def test_live_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    with Terminal() as terminal:
        watcher = observer(terminal.stream)
        assert isinstance(watcher, Live)
        watcher.begin(PROGRAM, "run-1")
        for event in [*life(JobId("/split")), *life(JobId("/sub/map", (0,)), "failed"), *life(JobId("/sub/map", (1,)))[:-1]]:
            watcher.event(event)
        watcher.event(Evaluated(JobId("/merge"), {}, skipped=True))
        await asyncio.sleep(0.6)
        watcher.warn("careful \x1b[2J")
        watcher.end(())
    text = terminal.text
    assert "\x1b[2J" not in text
    assert "careful" in text and "/sub/map[0] failed" in text and "laptop: 2 cores busy" in text
    assert "3 jobs ended · 1 skipped" in text
    assert "/split" in text and "waiting" in text and "running" in text


def test_the_observer_follows_stream_and_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with Terminal() as terminal:
        assert type(observer(terminal.stream)) is Lines
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        assert type(observer(terminal.stream, live=False)) is Lines
    assert type(observer(io.StringIO())) is Lines
    assert type(observer(io.StringIO(), quiet=True)) is Quiet
    assert type(observer(io.StringIO(), quiet=True, json_log=True)) is JsonLog


@pytest.mark.parametrize("kind", [Quiet, Lines, JsonLog])
def test_a_reader_that_is_gone_harms_no_run(kind: type[Quiet] | type[JsonLog]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    told(kind(stream), [Started({}), *life(JobId("/split"), "failed")])
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def test_how_far_a_run_is_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the time to say it comes just at the end."""
    monkeypatch.setattr("hyflow.report.lines._PERIOD", 0.0)
    stream = io.StringIO()
    told(Lines(stream), [Started({}), *life(JobId("/split"))])
    lines = stream.getvalue().splitlines()
    assert lines[-1].endswith(": 1 done") and lines.count(lines[-1]) == 1


def test_what_the_user_must_know_is_told_even_who_wants_quiet() -> None:
    for kind, words in ((Quiet, "warning: 1 job may go on"), (Lines, "warning: 1 job may go on"), (JsonLog, '"text":"1 job may go on"')):
        stream = io.StringIO()
        watcher: Observer = kind(stream)
        watcher.begin(PROGRAM, "run-1")
        watcher.event(Stopping("interrupt", 9.0))
        watcher.alarm("1 job may go on")
        assert words in stream.getvalue() and stream.getvalue().count("stopping") == 1


@pytest.mark.parametrize("columns", [1, 5, 20, 61, 62, 80, 300])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    steps = [StepTally("/a very long name of a step/and/more", {Phase.DONE: 12, Phase.RUNNING: 3, Phase.FAILED: 1}), StepTally("/b")]
    console = Console(width=columns, file=io.StringIO(), force_terminal=True)
    lines = console.render_lines(Drawing(steps, "12 s · 3 jobs ended · laptop: 2 cores busy"), console.options, pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert max(map(cell_width, texts)) <= columns
    if columns >= 20:
        assert any("13/16" in text for text in texts) if columns < 62 else any("running" in text for text in texts)
