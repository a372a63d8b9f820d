"""`hyflow logs --follow` and `hyflow status --watch`, each in a process of its own beside the run that it looks at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from commandline import Ended, Shell, until
from madeup import ONE, SPLIT, done, failed, kept, life, made, meta, tried
from screens import Screen, finish, read_until

from hyflow.journal import Journal, RunDir, list_runs, new_run
from hyflow.model.events import Event, Started, Stopping
from hyflow.model.jobs import FailureClass

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {gate: string}
baseCommand: [sh, -c, 'echo begun; echo hot >&2; while [ ! -e "$0" ]; do sleep 0.05; done; printf "\\033[31mended"']
arguments: [$(inputs.gate)]
outputs: {}
"""


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path, tmp_path_factory.mktemp("home"))


@contextlib.contextmanager
def running(shell: Shell) -> Iterator[Path]:
    """A real run of one job, which ends when the file that this gives is made."""
    gate = shell.top / "gate"
    shell.write("tool.cwl", TOOL)
    with shell.start("hyflow", "run", "--name", "real", "tool.cwl", "--", "--gate", str(gate)) as process:
        try:
            until(lambda: b"hot" in b"".join(path.read_bytes() for path in shell.home.glob("runs/*/sites/*/work/*/*/stderr")))
            yield gate
        finally:
            gate.touch()
            assert finish(process).status == 0


def test_a_real_job_is_followed_to_its_end(shell: Shell) -> None:
    with running(shell) as gate:
        follower = shell.start("hyflow", "logs", "real", "/tool", "-f")
        lines = read_until(follower, "begun")
        gate.touch()
        ended = finish(follower)
    text = re.sub(r"(--- \w+): .*", r"\1", "".join(lines) + ended.stdout)
    assert text == "--- stderr\nhot\n--- stdout\nbegun\n\x1b[31mended"
    assert re.fullmatch(r"/tool: done, attempt 1 at local \(on .*\)\n", ended.stderr) and ended.status == 0


def test_a_real_run_is_followed_and_watched_to_its_end(shell: Shell) -> None:
    with running(shell) as gate:
        follower = shell.start("hyflow", "logs", "--follow")
        stories = shell.start("hyflow", "logs", "--follow", "--json")
        watcher = shell.start("hyflow", "status", "real", "--watch")
        states = shell.start("hyflow", "status", "--watch", "--json")
        words = ((follower, "runs on"), (stories, '"running"'), (watcher, "running"), (states, '"running":1'))
        told, events, seen, stats = (read_until(one, word) for one, word in words)
        gate.touch()
        ended = [finish(one) for one in (follower, stories, watcher, states)]
    assert [one.status for one in ended] == [0, 0, 0, 0]
    lines = ("".join(told) + ended[0].stdout).splitlines()
    assert lines[0].endswith("  the run begins") and lines[-1].endswith("the outputs are delivered; the run is done")
    run = list_runs(shell.home)[0].id
    assert ended[0].stderr == f"run {run}: done\n"
    kinds = [json.loads(line)["event"] for line in ("".join(events) + ended[1].stdout).splitlines()]
    assert (kinds[0], kinds[-1]) == ("started", "delivered")
    lines = ("".join(seen) + ended[2].stdout).splitlines()
    assert re.fullmatch(r"[\d.]+ s: 1 running", lines[0]) and f"{run}: done" in lines
    changes = [json.loads(line) for line in ("".join(stats) + ended[3].stdout).splitlines()]
    assert (changes[0]["running"], changes[-1]["state"], changes[-1]["steps"][0]["done"]) == (1, "done", 1)


@pytest.mark.parametrize("words", [["logs", "-f"], ["logs", "/tool", "-f"], ["status", "--watch"], ["status", "--watch", "--json"]])
def test_ctrl_c_ends_looking_and_not_the_run(shell: Shell, words: list[str]) -> None:
    with running(shell):
        looker = shell.start("hyflow", *words)
        read_until(looker, "running" if "status" in words else "begun" if "/tool" in words else "begins")
        looker.send_signal(signal.SIGINT)
        ended = finish(looker)
        assert (ended.status, ended.stderr) == (130, "hyflow: interrupted\n")
        assert json.loads(shell("hyflow", "status", "--json").stdout)["state"] == "running"


IN, OUT, HIDE, SHOW = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"


def test_watching_on_a_terminal(shell: Shell) -> None:
    with running(shell) as gate:
        screen = Screen(shell, "status", "--watch")
        until(lambda: "RUNNING" in screen.text and "Ctrl-C leaves this view" in screen.text)
        screen.size(40, 12)
        until(lambda: "0/1" in screen.text)  # there is no room for the table any more
        gate.touch()
        assert screen.ended() == 0
    drawn, _, after = screen.text.rpartition(OUT)
    assert drawn.count(IN) == 1 and drawn.count(HIDE) == 1 and "Traceback" not in screen.text
    assert SHOW in screen.text and ": done\r\n" in after and "/tool" in after


def test_ctrl_c_gives_the_terminal_back(shell: Shell) -> None:
    with running(shell):
        screen = Screen(shell, "status", "--watch")
        until(lambda: "RUNNING" in screen.text)
        screen.process.send_signal(signal.SIGINT)
        assert screen.ended() == 130
    assert screen.text.count(OUT) == 1 and SHOW in screen.text and screen.text.endswith("hyflow: interrupted\r\n")


def test_what_a_job_writes_is_harmless_on_a_terminal(shell: Shell) -> None:
    with running(shell) as gate:
        screen = Screen(shell, "logs", "/tool", "-f")
        until(lambda: "begun" in screen.text)
        gate.touch()
        assert screen.ended() == 0
    assert "ended" in screen.text and "\x1b" not in screen.text


def beside(home: Path, act: Callable[[RunDir, Journal], Awaitable[Ended]]) -> Ended:
    """A run that the test drives itself."""

    async def go() -> Ended:
        run = new_run(home)
        async with Journal.create(run, meta(run)) as journal:
            await journal.append([Started({})])
            return await act(run, journal)

    return asyncio.run(go())


def test_a_retry_moves_on_to_the_next_attempt(shell: Shell, tmp_path: Path) -> None:
    for name, text in (("align-0", "first"), ("align-0.2", "second\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stdout").write_text(text)

    async def act(run: RunDir, journal: Journal) -> Ended:
        follower = shell.start("hyflow", "logs", run.id, "align[0]", "--follow")
        assert follower.stderr is not None
        said = await asyncio.to_thread(follower.stderr.readline)
        assert said == "/align[0] has not started yet: waiting for it\n"
        steps: list[tuple[list[Event], str]] = [
            (life(ONE, tmp_path), "--- stdout"),
            ([failed(ONE, kind=FailureClass.MEMORY, again=4.0)], ""),
            (tried(ONE, tmp_path, 2), "second"),
        ]
        lines: list[str] = []
        for events, word in steps:
            await journal.append(events, kept(events))
            lines += await asyncio.to_thread(read_until, follower, word)
        await journal.append([done(ONE, 2)])
        ended = await asyncio.to_thread(finish, follower)
        return Ended(ended.status, "".join(lines) + ended.stdout, ended.stderr)

    ended = beside(shell.home, act)
    assert ended.status == 0
    assert ended.stdout == f"--- stdout: {tmp_path}/align-0/stdout\nfirst\n--- stdout: {tmp_path}/align-0.2/stdout\nsecond\n"
    assert ended.stderr.splitlines() == [
        "/align[0]: attempt 1 at laptop (on vm) failed after 3.0 s (memory): it ended with exit status 3; tried again in 4.0 s",
        "/align[0]: attempt 2 goes to laptop",
        "/align[0]: done, attempt 2 at laptop (on vm)",
    ]


def test_pieces_of_one_stream_and_as_json(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    (tmp_path / "split" / "stderr").write_bytes(b"odd\xff\x1b[31m")
    made(shell.home, None, [Started({}), *life(SPLIT, tmp_path, done(SPLIT))])
    assert shell("hyflow", "logs", "/split", "-f", "--stderr").stdout == "odd\udcff\x1b[31m"
    [line] = shell("hyflow", "logs", "/split", "-f", "--json").stdout.splitlines()
    assert json.loads(line) == {"stream": "stderr", "attempt": 1, "text": "odd\udcff\x1b[31m"}


def test_a_job_that_is_elsewhere_is_named_with_its_files(shell: Shell) -> None:
    async def act(run: RunDir, journal: Journal) -> Ended:
        await journal.append(life(ONE, Path("/far/\x1b[31maway")))
        return await asyncio.to_thread(shell, "hyflow", "logs", run.id, "align[0]", "-f")

    beside(shell.home, act).fails(
        1,
        "what /align[0] writes cannot be read from here: it runs, or ran, at laptop (on vm)\n"
        "  what is left of it lies there, in /far/away/align-0/stdout and /far/away/align-0/stderr\n",
    )


def test_following_ends_with_the_run(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "align-0").mkdir()
    run = made(shell.home, None, [Started({}), *life(ONE, tmp_path), Stopping("hangup", 1.0)], killed=True)
    ended = shell("hyflow", "logs", "-f")
    assert ended.stderr == f"run {run.id}: interrupted; 1 job may still go on: 1 at laptop; hyflow resume {run.id} continues it\n"
    assert shell("hyflow", "logs", "/align[0]", "-f").stderr == f"/align[0] has no end: run {run.id} is interrupted\n"
    shell("hyflow", "logs", "/align[9]", "-f").fails(1, f"nothing is known of a job /align[9]: run {run.id} is interrupted")
    assert f"{run.id}: interrupted" in shell("hyflow", "status", "--watch").stdout


def test_mistakes(shell: Shell) -> None:
    made(shell.home, "x", [Started({})])
    shell("hyflow", "logs", "x", "/align", "-f").fails(2, "which one is to be followed?", "hyflow logs", "'/align[0]' --follow")
    shell("hyflow", "logs", "x", "algin", "-f").fails(2, "no job of a step 'algin'")
    shell("hyflow", "logs", "x", "-f", "--stderr").fails(2, "--stdout and --stderr are about one job")
    shell("hyflow", "logs", "x", "-f", "--failed").fails(2, "--failed is about what has failed")
