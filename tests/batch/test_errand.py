"""Commands of hyflow's own as jobs: after the prologue, and as if there were none."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from commandline import until

from hyflow.batch.errand import TIED, prepared

HOSTILE = ["it's", "$HOME", "", "two  words", "*", "new\nline", "\\"]


WORK = 'sleep 300 >/dev/null 2>&1 & trap "kill $!; touch $0; exit 9" TERM'


def ran(prologue: str, *argv: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(prepared(prologue, argv), input=b"fed\n", capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("prologue", ["", " \n", "export GREETING=hello", "echo noise; cat; set -- other; cd /"])
def test_streams_words_and_status_are_the_command_s_own(prologue: str) -> None:
    code, said, complaint = ran(prologue, "sh", "-c", 'cat; printf "%s\\0" "$@"; echo "no $GREETING" >&2; exit 3', "sh", *HOSTILE)
    assert (code, said) == (3, b"fed\n" + b"".join(word.encode() + b"\0" for word in HOSTILE))
    assert complaint.endswith(b"no hello\n" if "GREETING" in prologue else b"no \n")


def test_a_prologue_that_fails_says_so() -> None:
    assert ran("echo 'there is no module x' >&2; false", "echo", "ran") == (1, b"", b"there is no module x\nthe site's prologue failed\n")


def tied(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", TIED, "sh", *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_job_has_its_own_streams_and_status() -> None:
    process = tied("sh", "-c", "cat; echo complaint >&2; exit 3")
    said, complaint = process.communicate(b"fed\n")
    assert (process.returncode, said, complaint.replace(b"\0", b"")) == (3, b"fed\n", b"complaint\n")


def test_a_job_ends_when_nobody_listens_any_more(tmp_path: Path) -> None:
    process = tied("sh", "-c", f"{WORK}; wait", str(tmp_path / "told"))
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    assert process.wait() == 9 and (tmp_path / "told").exists()


def test_who_is_told_to_end_tells_its_job(tmp_path: Path) -> None:
    process = tied("sh", "-c", f"{WORK}; touch $0.begun; wait", str(tmp_path / "told"))
    until((tmp_path / "told.begun").exists)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate()
    assert process.returncode == 9 and (tmp_path / "told").exists()
