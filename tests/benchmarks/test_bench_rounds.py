"""How often and how long things are run, and the measuring of one command, which is real here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cases import BY_NAME
from figures import Cell, Figures
from rounds import MEASURE, foreseen, last_words, measured, rounds_of, wanted_rounds, warms
from runners import CONTAINED, FIRST, OWN, RUNNERS, TRAINING

TOIL = RUNNERS[-1]


@pytest.mark.parametrize(("wall", "own", "peer"), [(0.1, 5, 5), (30, 5, 5), (31, 5, 1), (61, 4, 1), (150, 2, 1), (299, 1, 1), (600, 1, 1)])
def test_what_is_slow_gets_fewer_rounds(wall: float, own: int, peer: int) -> None:
    assert (rounds_of(wall, 5, True), rounds_of(wall, 5, False)) == (own, peer)
    assert rounds_of(wall, 1, True) == 1


def test_both_of_a_pair_have_all_rounds_however_slow_they_are() -> None:
    assert [wanted_rounds(BY_NAME["containers-200"], runner, 100, 7) for runner in CONTAINED] == [7, 7, 1, 1]
    assert [wanted_rounds(BY_NAME["training-18000"], runner, 100, 5) for runner in TRAINING] == [5, 5]
    assert wanted_rounds(BY_NAME["jobs-1000"], RUNNERS[0], 100, 5) == 3


def test_who_runs_once_before_the_rounds_that_count() -> None:
    def those(case: str) -> list[str]:
        return [runner.name for runner in RUNNERS if warms(BY_NAME[case], runner)]

    assert those("one") == those("jobs-1000") == those("take-10000") == [runner.name for runner in RUNNERS if runner.name != FIRST]
    assert those("steps-500") == those("chain-50") == [OWN]


@pytest.mark.parametrize(("cell", "why"), [(Cell((59.0,)), ""), (Cell((61.0,)), "not begun: 1,000 jobs took 61 s"),
                                           (Cell(note="given up after 10 minutes"), "not begun: 1,000 jobs were too many")])
def test_what_is_hopeless_is_not_begun(cell: Cell, why: str) -> None:
    assert foreseen(BY_NAME["jobs-10000"], TOIL, Figures({"jobs-1000": {"Toil": cell}}), 600) == why


def test_nothing_is_foreseen_without_a_smaller_case() -> None:
    assert foreseen(BY_NAME["jobs-10000"], TOIL, Figures(), 600) == foreseen(BY_NAME["one"], TOIL, Figures(), 600) == ""


def test_last_words_name_no_place_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "said.err").write_text("first\nno such file: '/home/ada/x/y.cwl' | sorry\n", encoding="ascii")
    assert last_words(tmp_path / "said") == "no such file: 'y.cwl' / sorry"
    (tmp_path / "said.err").write_text("", encoding="ascii")
    assert last_words(tmp_path / "said") == "it said nothing"


LINGERING = """import subprocess, time
child = subprocess.Popen(['sleep', '60'], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)"""


def order(tmp_path: Path, script: str, patience: float = 10) -> dict[str, Any]:
    return {"argv": [sys.executable, "-c", script], "cwd": str(tmp_path), "environment": dict(os.environ), "said": str(tmp_path / "said"),
            "patience": patience}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_memory_of_a_command_and_of_what_it_started(tmp_path: Path) -> None:
    child = "import time; block = bytearray(b'x') * 60_000_000; time.sleep(0.3)"
    start = f"import subprocess, sys; block = bytearray(b'x') * 30_000_000; subprocess.run([sys.executable, '-c', {child!r}])"
    result = measured(order(tmp_path, f"{start}; print('hello')"))
    assert (tmp_path / "said").read_text(encoding="ascii") == "hello\n"
    assert result["status"] == 0
    assert 0.3 < result["wall"] < 10
    assert 60_000_000 < result["largest"] < 90_000_000 < result["tree"] < 150_000_000


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    result = measured(order(tmp_path, LINGERING, 0.5))
    assert result["wall"] is None
    assert gone(int((tmp_path / "said").read_text(encoding="ascii")))


def test_an_interruption_ends_all_that_was_started(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, str(MEASURE)], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(json.dumps(order(tmp_path, LINGERING)).encode())
        process.stdin.close()
        process.stdin = None
        said, late = tmp_path / "said", time.monotonic() + 10
        while not (said.exists() and said.read_text(encoding="ascii").endswith("\n")) and time.monotonic() < late:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert (process.returncode, told) == (130, b"")
    assert gone(int(said.read_text(encoding="ascii")))
