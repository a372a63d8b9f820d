"""`hyflow logs` of jobs at a site whose files this machine does not see: what they wrote, and what they write, as it grows."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Shell, next_line, until
from faraway import FarAway, far_away
from screens import Screen, finish, read_until

from hyflow.journal import Phase, has_begun, list_runs, read_jobs

LINES = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {gate: string}
baseCommand: [sh, -c, 'for n in one two three; do echo $n; echo hot $n >&2; until [ -e "$0.$n" ]; do sleep 0.05; done; done']
arguments: [$(inputs.gate)]
outputs: {}
"""
TWICE = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {gate: string}
baseCommand: [sh, -c, 'if mkdir "$0"; then echo first; exit 7; fi 2>/dev/null; printf second']
arguments: [$(inputs.gate)]
temporaryFailCodes: [7]
outputs: {}
"""
HOSTILE = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {}
baseCommand: [sh, -c, 'printf "\\033[31mred\\033]0;title\\007 of\\rf\\n" >&2; echo caught']
stdout: "-n `touch pwned`\\t'\\"\\e[31m;&"
outputs: {o: stdout}
"""
MUCH = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {}
baseCommand: [sh, -c, 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i"; done; exit 3']
outputs: {}
"""


@pytest.fixture
def far(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarAway]:
    with far_away(Shell(tmp_path, tmp_path_factory.mktemp("home"))) as far:
        yield far


class Going:
    """A run of the tool LINES, which writes a line whenever it is let."""

    def __init__(self, shell: Shell, driver: subprocess.Popen[str]) -> None:
        self._shell, self.driver = shell, driver

    def let(self, *lines: str) -> None:
        for line in lines:
            (self._shell.top / f"gate.{line}").touch()


@contextlib.contextmanager
def going(far: FarAway) -> Iterator[Going]:
    far.shell.write("tool.cwl", LINES)
    words = ("run", "--quiet", "--name", "real", "tool.cwl", "d.yml", "--", "--gate", str(far.shell.top / "gate"))
    with far.shell.start("hyflow", *words) as driver:
        one = Going(far.shell, driver)
        try:
            until(lambda: running(far.shell))
            yield one
        finally:
            one.let("one", "two", "three")
            driver.communicate()


def running(shell: Shell) -> bool:
    runs = list_runs(shell.home)
    return bool(runs) and has_begun(runs[0]) and Phase.RUNNING in read_jobs(runs[0].journal, "/tool").values()


def test_two_follow_a_job_to_its_end(far: FarAway) -> None:
    with going(far) as job:
        only = far.shell.start("hyflow", "logs", "real", "/tool", "-f", "--stdout")
        both = far.shell.start("hyflow", "logs", "real", "/tool", "-f", "--json")
        seen, told = read_until(only, "one"), read_until(both, "hot one")
        job.let("one")
        seen += read_until(only, "two")
        job.let("two", "three")
        ended = finish(only), finish(both)
    assert "".join(seen) + ended[0].stdout == "one\ntwo\nthree\n"
    assert [one.status for one in ended] == [0, 0]
    assert all(re.fullmatch(r"/tool: done, attempt 1 at box \(on .*\)\n", one.stderr) for one in ended)
    pieces = [json.loads(line) for line in ("".join(told) + ended[1].stdout).splitlines()]
    assert "".join(one["text"] for one in pieces if one["stream"] == "stderr") == "hot one\nhot two\nhot three\n"
    assert job.driver.returncode == 0


def test_a_way_that_breaks_and_comes_back(far: FarAway) -> None:
    with going(far) as job:
        follower = far.shell.start("hyflow", "logs", "real", "/tool", "-f", "--stdout")
        seen = read_until(follower, "one")
        far.cut()
        said = next_line(follower.stderr)
        job.let("one")
        far.mend()
        seen += read_until(follower, "two")
        job.let("two", "three")
        ended = finish(follower)
    assert re.fullmatch(r"box: .*; what /tool writes is followed again when it answers\n", said)
    assert "".join(seen) + ended.stdout == "one\ntwo\nthree\n"
    assert (ended.status, ended.stderr.count("\n")) == (0, 1)


def test_a_job_whose_driver_was_killed_is_followed_to_its_end(far: FarAway) -> None:
    with going(far) as job:
        follower = far.shell.start("hyflow", "logs", "real", "/tool", "-f", "--stdout")
        seen = read_until(follower, "one")
        job.driver.kill()
        said = next_line(follower.stderr)
        job.let("one", "two", "three")
        ended = finish(follower)
        late = far.shell("hyflow", "logs", "real", "/tool", "-f", "--stdout")
    run = list_runs(far.shell.home)[0].id
    assert said == f"run {run} is interrupted; what /tool writes is followed to its end\n"
    assert "".join(seen) + ended.stdout == late.stdout == "one\ntwo\nthree\n"
    assert (ended.status, ended.stderr) == (0, f"/tool has no end: run {run} is interrupted\n")
    assert far.shell("hyflow", "resume", "real", "--quiet").output == {}


def test_ctrl_c_ends_looking_and_leaves_nothing_there(far: FarAway) -> None:
    with going(far) as job:
        follower = far.shell.start("hyflow", "logs", "real", "/tool", "-f")
        read_until(follower, "one")
        assert far.followers()
        follower.send_signal(signal.SIGINT)
        ended = finish(follower)
        assert (ended.status, ended.stderr) == (130, "hyflow: interrupted\n")
        until(lambda: not far.followers())
        assert far.shell("hyflow", "status", "--json").output["state"] == "running"
        job.let("one", "two", "three")
        assert job.driver.wait(60) == 0


def test_a_follower_that_is_killed_leaves_nothing_there(far: FarAway) -> None:
    with going(far):
        follower = far.shell.start("hyflow", "logs", "real", "/tool", "-f")
        read_until(follower, "one")
        follower.kill()
        finish(follower)
        until(lambda: not far.followers())


def test_a_retry_is_followed(far: FarAway) -> None:
    far.shell.write("tool.cwl", TWICE)
    assert far.shell("hyflow", "run", "--quiet", "tool.cwl", "d.yml", "--", "--gate", f"{far.shell.top}/gate").output == {}
    ended = far.shell("hyflow", "logs", "/tool", "-f", "--stdout")
    assert (ended.status, ended.stdout) == (0, "second")
    assert "attempt 1 at box" in ended.stderr and "tried again" in ended.stderr


def test_hostile_names_and_words(far: FarAway) -> None:
    far.shell.write("tool.cwl", HOSTILE)
    done = far.shell("hyflow", "run", "--quiet", "--outdir", "out", "tool.cwl", "d.yml")
    assert [path.read_text() for path in (far.shell.top / "out").iterdir()] == ["caught\n"], done.stderr
    assert far.shell("hyflow", "logs", "/tool", "-f", "--stderr").stdout == "\x1b[31mred\x1b]0;title\x07 of\rf\n"
    assert far.shell("hyflow", "logs", "/tool", "-f", "--stdout").stdout == ""  # it became an output
    for words in (("-f",), ("--all",)):
        screen = Screen(far.shell, "logs", "/tool", *words)
        assert screen.ended() == 0
        assert "red of\r\nf\r\n" in screen.text and not {"\x1b", "\x07"} & set(screen.text)


def test_what_a_job_wrote_is_fetched_whole_when_that_is_asked_for(far: FarAway) -> None:
    far.shell.write("tool.cwl", MUCH)
    far.shell("hyflow", "run", "--quiet", "tool.cwl", "d.yml").fails(1, "exit status 3")
    text = "".join(f"line {n}\n" for n in range(1, 20001))
    told = far.shell("hyflow", "logs", "/tool", "--stdout")
    assert (told.status, told.stdout) == (0, "") and told.stderr.endswith("; --all fetches it\n")
    assert far.shell("hyflow", "logs", "/tool", "--stdout", "--all").stdout == text
    assert far.shell("hyflow", "logs", "/tool", "--stdout", "-f").stdout == text
    whole = far.shell("hyflow", "logs", "/tool", "--all").stdout
    assert whole.startswith("/tool: failed, attempt 1 at box (on ") and whole.endswith("\n" + text)
    screen = Screen(far.shell, "logs", "/tool", "--stdout", "-f")
    assert screen.ended() == 0
    left = re.search(r"\.\.\. the first ([\d,]+) of ([\d,]+) bytes are left out; --all shows them, and they are in (\S+)", screen.text)
    assert left is not None and left[2] == f"{len(text):,}"
    shown = text[int(left[1].replace(",", "")) :]
    assert len(shown) < 64 << 10 and screen.text.replace("\r\n", "\n").partition(f"{left[0]}\n")[2].startswith(shown)


def test_a_site_that_cannot_be_reached_is_asked_several_times_and_named(far: FarAway) -> None:
    far.shell.write("tool.cwl", MUCH)
    far.shell("hyflow", "run", "--quiet", "tool.cwl", "d.yml").fails(1, "exit status 3")
    far.cut()
    ended = far.shell("hyflow", "logs", "/tool", "--stdout", "--all")
    assert (ended.status, ended.stdout) == (1, "") and "did not run the command line" in ended.stderr
