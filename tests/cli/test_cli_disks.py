"""Disks that are full, read-only or not ours, terminals and pipes that go away: one message each, and nothing that finished is lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import ENTRY, Ended, Shell, processes, until

from hyflow.errors import JournalError
from hyflow.journal import lock, new_run

mounting = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
MANY = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {n: {type: "int[]", default: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}}
outputs: {o: {type: "File[]", outputSource: s/o}}
steps:
  s:
    scatter: n
    in: {n: n}
    out: [o]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, "head -c 20000 /dev/zero >o; : WORD"]
      inputs: {n: int}
      outputs: {o: {type: File, outputBinding: {glob: o}}}
"""
TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, "SCRIPT", WORD]
inputs: {}
outputs: {o: {type: "File?", outputBinding: {glob: o}}}
"""
NAMES = {
    "my run": "my-run would do", "../../etc": "etc would do", "x" * 300: "x" * 64 + " would do", "a\nb\x1b[31m": "a-b-31m would do",
    "é": "", "$(touch pwned)": "touch-pwned would do",
}  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "home")


def tool(shell: Shell, script: str = "echo hi >o", word: str = "WORD") -> str:
    return shell.write("t.cwl", TOOL.replace("SCRIPT", script).replace("WORD", word))


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A place where the document is known already."""
    top = tmp_path_factory.mktemp("warm")
    shell = Shell(top, top / "home")
    tool(shell)
    assert shell.run("t.cwl").status == 0
    return shell


@contextlib.contextmanager
def disk(at: Path, size: str) -> Iterator[Path]:
    """A disk of that size; skips where none can be had."""
    at.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "fill").open("ab", 0) as file:
        while True:
            file.write(bytes(4096))


def run_states(shell: Shell) -> list[str]:
    return [run["state"] for run in json.loads(shell("hyflow", "runs", "--json").stdout)]


# -- where runs are kept -------------------------------------------------------------------------------------------------------------


@mounting
@pytest.mark.parametrize("size", ["8k", "28k", "160k", "300k"])
def test_a_home_with_too_little_room(shell: Shell, size: str) -> None:
    """Wherever it comes to its end: making the run, its record, the attempts, or the documents that are kept."""
    word = uuid.uuid4().hex
    shell.write("many.cwl", MANY.replace("WORD", word))
    with disk(shell.top / "small", size) as small:
        shell.home = small / "home"
        done = shell.run("many.cwl", "--outdir", str(shell.top / "results"))
        assert (done.status, done.stdout) == (1, ""), done.stderr
        assert done.stderr.count("hyflow: ") == 1 and re.search(r"hyflow: .*full", done.stderr), done.stderr
        assert "make room" in done.stderr or "check the disk, its space and quota" in done.stderr
        assert "could not be ended" not in done.stderr
        assert not processes(word)
        assert set(run_states(shell)) <= {"interrupted"}
        assert not list(small.rglob("*.json.*"))  # half of a document


@mounting
def test_a_disk_that_fills_up_while_jobs_run(shell: Shell) -> None:
    """What had ended stays recorded, what runs is ended, and the record can be read on the full disk."""
    word = f"86396.{uuid.uuid4().int % 10**15:015d}"
    shell.write("wf.cwl", f"""
cwlVersion: v1.2
class: Workflow
inputs: {{}}
outputs: {{}}
steps:
  first: {{run: {{class: CommandLineTool, baseCommand: 'true', inputs: {{}}, outputs: {{}}}}, in: {{}}, out: []}}
  a: {{run: {{class: CommandLineTool, baseCommand: [sleep, '1.5'], inputs: {{}}, outputs: {{}}}}, in: {{}}, out: []}}
  b: {{run: {{class: CommandLineTool, baseCommand: [sleep, '{word}'], inputs: {{}}, outputs: {{}}}}, in: {{}}, out: []}}
""")  # fmt: skip
    with disk(shell.top / "small", "4m") as small:
        shell.home = small / "home"
        with shell.start("hyflow", "run", "wf.cwl") as process:
            until(lambda: processes(word) or process.poll() is not None)
            time.sleep(0.4)
            fill(small)
            stdout, stderr = process.communicate(timeout=40)
        Ended(process.returncode, stdout, stderr)
        assert (process.returncode, stdout) == (1, ""), stderr
        assert stderr.count("hyflow: ") == 1 and "full" in stderr and "make room" in stderr
        assert not processes(word)
        assert run_states(shell) == ["interrupted"]
        for words in (["status"], ["logs"], ["logs", "last", "/first"]):
            told = shell("hyflow", *words)
            assert told.status == 0 and "first" in told.stdout, told.stderr


@mounting
def test_on_a_read_only_disk_everything_can_be_read(shell: Shell) -> None:
    word = f"86395.{uuid.uuid4().int % 10**15:015d}"
    with disk(shell.top / "small", "4m") as small:
        shell.home = small / "home"
        assert shell.run(tool(shell, "echo heard >&2; echo hi >o")).status == 0
        shell.write("long.cwl", TOOL.replace("SCRIPT", f"sleep {word}"))
        with shell.start("hyflow", "run", "long.cwl") as process:
            until(lambda: processes(word))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        for line in processes(word):
            with contextlib.suppress(ProcessLookupError):  # it may end by itself meanwhile
                os.kill(int(line.split()[0]), signal.SIGKILL)
        until(lambda: not processes(str(small)))
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        assert run_states(shell) == ["interrupted", "done"]
        first = json.loads(shell("hyflow", "runs", "--json").stdout)[1]["run"]
        assert "heard" in shell("hyflow", "logs", first, "/t").stdout
        assert "/long" in shell("hyflow", "status").stdout
        assert shell("hyflow", "validate", "t.cwl").status == 0
        done = shell.run("t.cwl")
        done.fails(1, f"hyflow: {shell.home}: no directory can be made for the run: the disk is read-only\n  set HYFLOW_HOME to")


@mounting
def test_a_full_disk_for_the_results(shell: Shell) -> None:
    with disk(shell.top / "small", "64k") as small:
        done = shell.run(tool(shell, "head -c 200000 /dev/zero >o"), "--outdir", str(small / "results"))
        assert (done.status, done.stdout) == (1, "")
        [kept] = re.findall(r"still below (/\S+)", done.stderr)
        assert [path.stat().st_size for path in Path(kept).rglob("o")] == [200000]
        assert not list(small.rglob("*.part"))
    assert run_states(shell) == ["failed"]


def test_a_home_that_is_none_or_not_ours(shell: Shell) -> None:
    doc = tool(shell)
    file, shared, others = (shell.top / name for name in ("file", "shared", "others"))
    file.touch()
    shared.mkdir()
    shared.chmod(0o777)
    others.mkdir()
    cases = {file / "x": "what is there is not a directory", shared: "can be changed by other users"}
    if os.geteuid() == 0:
        os.chown(others, 65534, 65534)
        cases[others] = "belongs to another user"
    for home, what in cases.items():
        shell.home = home
        shell.run(doc).fails(1, f"hyflow: {home}: ", what, "HYFLOW_HOME")
        assert shell("hyflow", "runs").status in (0, 1)
    assert not file.read_bytes() and not list(others.rglob("runs/*-*"))


def test_a_home_with_a_hostile_name(shell: Shell) -> None:
    shell.home = shell.top / "a b\n'\"$(touch pwned)`touch pwned`\\ é"
    assert shell.run(tool(shell)).status == 0
    assert run_states(shell) == ["done"]
    assert "done" in shell("hyflow", "status").stdout
    assert shell("hyflow", "logs", "last", "/t").status == 0
    assert not list(shell.top.rglob("pwned"))


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, kind: int) -> None:
        raise OSError(37, "No locks available")

    run = new_run(tmp_path)
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(JournalError, match=r"the run cannot be locked: its file system has no locks\n  set HYFLOW_HOME"):
        lock.acquire(run.lock, run.id)
    assert lock.holder(run.lock) is None
    with pytest.raises(JournalError, match=r"no directory can be made for the run: its file system has no locks\n  set HYFLOW_HOME"):
        new_run(tmp_path)


def test_documents_that_cannot_be_kept_fail_no_run(shell: Shell) -> None:
    doc = tool(shell)
    shell.write("home/cache", "a file\n")
    assert shell.run(doc).status == 0
    (shell.home / "cache").unlink()
    assert shell("hyflow", "validate", doc).status == 0
    for file in (shell.home / "cache").rglob("*.json"):
        file.write_bytes(file.read_bytes()[:-20])
    assert shell.run(doc).status == 0


# -- two at once ---------------------------------------------------------------------------------------------------------------------


def test_two_runs_of_one_name_and_one_output_directory(shell: Shell) -> None:
    """Of one name there is one; into one directory both deliver, each file whole; what is kept of documents serves both."""
    doc = tool(shell, "sleep 0.5; echo hi >o")
    both = [shell.start("hyflow", "run", "--name", "twin", "--outdir", "out", doc) for _ in range(2)]
    told = [Ended(one.wait(30), one.stdout.read(), one.stderr.read()) for one in both if one.stdout and one.stderr]
    for one in both:
        one.communicate()
    assert sorted(one.status for one in told) == [0, 2]
    [refused] = [one for one in told if one.status]
    assert re.fullmatch(r"hyflow: the name twin belongs to run \S+-twin-\S+ already\n  choose another --name\n", refused.stderr)
    shell.run("--name", "twin", doc).fails(2, "belongs to run")
    both = [shell.start("hyflow", "run", "--outdir", "out", doc) for _ in range(2)]
    for one in both:
        stdout, stderr = one.communicate(timeout=30)
        assert Ended(one.returncode, stdout, stderr).output["o"]["size"] == 3
    assert (shell.top / "out" / "o").read_text() == "hi\n" and len(list((shell.top / "out").iterdir())) == 1
    assert run_states(shell) == ["done"] * 3


def test_names_that_a_run_cannot_have(warm: Shell) -> None:
    for name, near in NAMES.items():
        done = warm.run("t.cwl", f"--name={name}")
        done.fails(2, "a run cannot be named", near)
        assert "\x1b" not in done.stderr and len(done.stderr) < 500


# -- streams and terminals -----------------------------------------------------------------------------------------------------------


def piped(shell: Shell, line: str) -> subprocess.CompletedProcess[str]:
    """A line for the shell, in which HYFLOW stands for the command."""
    command = f'"{sys.executable}" -c "{ENTRY["hyflow"]}"'
    return subprocess.run(
        ["bash", "-c", line.replace("HYFLOW", command)], cwd=shell.top, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "HYFLOW_HOME": str(shell.home)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(("line", "status", "said"), [
    ("HYFLOW run t.cwl 2>&-", 0, ""),
    ("HYFLOW run t.cwl >&-", 0, "1 done"),
    ("HYFLOW run t.cwl <&-", 0, "1 done"),
    ("HYFLOW run t.cwl <&- >&- 2>&-", 0, ""),
    ("HYFLOW run t.cwl 2>/dev/full", 0, ""),
    ("HYFLOW run t.cwl --json-log 2>/dev/full", 0, ""),
    ("HYFLOW run missing.cwl 2>/dev/full", 2, ""),
    ("HYFLOW run t.cwl >/dev/full", 1, "cannot write"),
    ("HYFLOW run t.cwl | head -c 1; exit ${PIPESTATUS[0]}", 0, "1 done"),
    ("HYFLOW run t.cwl | true; exit ${PIPESTATUS[0]}", 1, "1 done"),
    ("HYFLOW run t.cwl 2>&1 >results | true; exit ${PIPESTATUS[0]}", 0, ""),
    ("HYFLOW runs | true; exit ${PIPESTATUS[0]}", 1, ""),
])  # fmt: skip
def test_streams_that_are_closed_full_or_unread(warm: Shell, line: str, status: int, said: str) -> None:
    done = piped(warm, line)
    assert done.returncode == status or "head" in line, done.stderr  # who reads a byte may have gone before the rest is written
    assert "Traceback" not in done.stderr and "bug in hyflow" not in done.stderr
    assert said in done.stderr
    assert set(run_states(warm)) == {"done"}


class Terminal:
    """A terminal in which one command runs, as a person's shell would start it."""

    def __init__(self, shell: Shell, *words: str, columns: int = 80) -> None:
        pid, self.descriptor = pty.fork()
        if pid == 0:
            os.chdir(shell.top)
            given = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
            argv = [sys.executable, "-c", ENTRY["hyflow"], *words]
            os.execve(sys.executable, argv, {**given, "HYFLOW_HOME": str(shell.home), "TERM": "xterm"})  # noqa: S606  # this is the child
        self.pid, self.chunks = pid, list[bytes]()
        self.resize(columns)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self.descriptor, 4096):
                self.chunks.append(chunk)

    @property
    def text(self) -> str:
        return b"".join(self.chunks).decode(errors="replace")

    def status(self) -> int:
        """Wait for its end."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.reader.join(5)
        return status


def test_a_narrow_terminal_that_is_resized(shell: Shell) -> None:
    tool(shell, "sleep 1.2; echo hi >o")
    terminal = Terminal(shell, "run", "t.cwl", columns=20)
    until(lambda: "0/1" in terminal.text)
    for columns in (1, 200, 20):
        terminal.resize(columns)
        time.sleep(0.3)
    assert terminal.status() == 0
    os.close(terminal.descriptor)
    assert "Traceback" not in terminal.text and "1/1" in terminal.text and '"basename": "o"' in terminal.text


def test_a_terminal_that_goes_away(shell: Shell) -> None:
    """Its hang-up stops the run, whose commands go on; what can be told nobody is not told."""
    word = f"86394.{uuid.uuid4().int % 10**15:015d}"
    tool(shell, f"sleep {word}")
    terminal = Terminal(shell, "run", "t.cwl")
    until(lambda: processes(word))
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, terminal.descriptor)  # the reader lets go of it with the next byte
    assert terminal.status() == 130
    os.close(terminal.descriptor)
    os.close(nowhere)
    assert processes(word)
    assert run_states(shell) == ["interrupted"]
    assert shell("hyflow", "cancel", "last").status == 0
    until(lambda: not processes(word))
    assert not (shell.home / "crash").exists()
