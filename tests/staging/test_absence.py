"""Why there is no such file: each reason in words, with what to do."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from pathlib import Path

import pytest
from unprivileged import unprivileged

from hyflow.staging.absence import absence


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reads_1.fq").write_text("x")
    (tmp_path / "data" / "reads").mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize(("path", "kind", "what", "hint"), [
    ("data/raeds_1.fq", "f", "there is no file data/raeds_1.fq", "did you mean data/reads_1.fq?"),
    ("data/READS_1.FQ", "f", "there is no file data/READS_1.FQ", "did you mean data/reads_1.fq?"),
    ("data/raeds", "d", "there is no directory data/raeds", "did you mean data/reads?"),
    ("data/zzz", "f", "there is no file data/zzz", None),
    ("dtaa/reads_1.fq", "f", "there is no file dtaa/reads_1.fq", "there is no directory dtaa either: did you mean data?"),
    ("gone/x/y", "f", "there is no file gone/x/y", "there is no directory gone either: it is looked for from the job file's own directory, "
     "or from yours after a --"),
    ("data/reads_1.fq/x", "f", "there is no file data/reads_1.fq/x", "data/reads_1.fq is a file, not a directory"),
    ("broken", "f", "broken is a link to nowhere, which is not there", "make the link lead to something, or name that"),
    ("round", "f", "round is a link that leads in a circle", None),
    ("pipe", "f", "pipe is a named pipe (FIFO), not a file",
     "write what comes out of it into a file first: a job may be run again, a pipe is read once"),
    ("/dev/zero", "f", "/dev/zero is a device, not a file", "copy what it gives into a file first"),
    ("~/x", "f", "there is no file ~/x", "~ means nothing in a job file: write /home/ada/x"),
    ("$DATA/x", "f", "there is no file $DATA/x", "variables such as $DATA mean nothing in a job file: write the whole path"),
    ("x" * 300, "f", f"there can be no file {'x' * 200}...: file name too long", None),
])  # fmt: skip
def test_reasons(folder: Path, path: str, kind: str, what: str, hint: str | None) -> None:
    assert absence(os.path.join(folder, path), kind) == (what, hint)


def test_a_socket_is_no_file(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert absence(str(folder / "socket"), "f") == ("socket is a socket, not a file", None)


def test_a_closed_directory_is_named() -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name), unprivileged(Path(name)):
        Path("data").mkdir(0)
        assert absence(f"{name}/data/reads_1.fq", "f") == ("you may not look at data/reads_1.fq", "data does not let you in")
