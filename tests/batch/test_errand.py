"""Commands of hyflow's own as jobs: after the prologue, and as if there were none."""

from __future__ import annotations

import subprocess

import pytest

from hyflow.batch.errand import prepared

HOSTILE = ["it's", "$HOME", "", "two  words", "*", "new\nline", "\\"]


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
