"""Mistakes in what a run is given, as they are met at the command line: each told once, with its place and what to do."""

from __future__ import annotations

import functools
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Shell

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'for each; do cat "$each"; done', x]
requirements:
  SchemaDefRequirement: {types: [{name: mode, type: enum, symbols: [fast, slow]}]}
inputs:
  reads: {type: "File[]", inputBinding: {}}
  ref: {type: File, secondaryFiles: [.fai]}
  threads: int
  aligned: {type: File?, format: "http://x/y"}
  name: string?
  mode: ["null", mode]
  dir: Directory?
  sample: ["null", {type: record, name: s, fields: {id: string, n: int?}}]
  verbose: boolean?
outputs: {out: stdout}
stdout: out.txt
"""
GOOD = "reads: [{class: File, path: a.fq}]\nref: {class: File, path: ref.fa}\nthreads: 4\n"

TEXT = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {f: {type: File, inputBinding: {}}}
outputs: {out: stdout}
stdout: out.txt
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    made = Shell(tmp_path, home)
    made.write("wf.cwl", TOOL)
    made.write("job.yml", GOOD)
    made.write("text.cwl", TEXT)
    for name in ("a.fq", "ref.fa", "ref.fa.fai"):
        made.write(name, "x")
    (tmp_path / "d").mkdir()
    return made


def told(shell: Shell, status: int, *words: str) -> str:
    """What a run that never began said, without the name of the command."""
    ended = shell.run(*words)
    ended.fails(status)
    assert not (shell.top / "out.txt").exists()
    assert not any(word in ended.stderr for word in ("Errno", "None", "codec", "<class", "\x1b"))
    return ended.stderr.removeprefix("hyflow: ")


MISTAKES = """\
reads:
  - {class: File, path: b.fq}
  - a.fq
  - class: file
    path: a.fq
  - {class: File, location: d}
ref: {class: File, path: unindexed.fa}
thread: 4
name: 12
mode: fats
dir: {class: Directory, path: ~/x}
sample: {id: 3, n: "4"}
verbose: yes
aligned: {class: File, path: a.fq, format: "http://x/z"}
"new\\nline\\e[31m": 1
"""

TOLD = """\
job.yml:2:25: reads[0]: there is no file b.fq
  did you mean a.fq?
job.yml:3:5: reads[1]: expected File, found a string ('a.fq')
  write it as {class: File, path: a.fq}
job.yml:4:5: reads[2]: expected File, found an object of class file
  did you mean class: File?
job.yml:6:29: reads[3]: d is a directory, not a File
  name one of its files; an input of type Directory takes a directory
job.yml:7:26: ref: the secondary file unindexed.fa.fai of unindexed.fa is missing
  it must lie beside it, or be listed in its secondaryFiles
job.yml:8:1: there is no input called thread
  did you mean threads?
job.yml:9:7: name: expected null or string, found an int (12)
  put it in quotes: "12"
job.yml:10:7: mode: expected null or one of fast, slow, found a string ('fats')
  did you mean fast?
job.yml:11:31: dir: there is no directory ~/x
  ~ means nothing in a job file: write HOME/x
job.yml:12:14: sample.id: expected string, found an int (3)
  put it in quotes: "3"
job.yml:12:20: sample.n: expected null or int, found a string ('4')
  leave the quotes away: 4
job.yml:13:10: verbose: expected null or boolean, found a string ('yes')
  write true
job.yml:14:30: aligned: the file a.fq has the format http://x/z; one of these is needed: http://x/y
job.yml:15:1: there is no input called new\\nline\\x1b[31m
  its inputs that are not given are threads
"""


@pytest.mark.parametrize("verb", ["run", "validate"])
def test_every_mistake_of_a_job_is_told_at_once_in_its_order(shell: Shell, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    shell.write("job.yml", MISTAKES)
    shell.write("unindexed.fa", "")
    ended = shell("hyflow", verb, "wf.cwl", "job.yml")
    ended.fails(1)
    assert ended.stderr.removeprefix("hyflow: ").splitlines() == TOLD.replace("HOME", "/home/ada").splitlines()
    assert json.loads(shell("hyflow", "runs", "--json").stdout) == []


def test_a_job_may_say_for_which_version_it_is(shell: Shell) -> None:
    shell.write("job.yml", "cwlVersion: v1.2\n" + GOOD)
    ended = shell.run("wf.cwl", "job.yml")
    assert (ended.status, "warning" in ended.stderr) == (0, False)
    assert shell("cwl-runner", "wf.cwl", "job.yml").status == 0


def test_what_is_missing_is_told_together(shell: Shell) -> None:
    shell.write("job.yml", "name: x\n")
    assert told(shell, 1, "wf.cwl", "job.yml") == (
        "job.yml: the inputs reads (a list of File), ref (File) and threads (int) are missing\n"
        "  write reads: [{class: File, path: FILE}] into it, or end the command line with -- --reads FILE\n")  # fmt: skip
    assert told(shell, 1, "wf.cwl", "--", "--reads", "a.fq", "--ref", "ref.fa") == (
        "the input threads (int) is missing\n"
        "  say them in a job file, as in `threads: 1`, or on the command line, as in -- --threads 1\n")  # fmt: skip


def test_unknown_inputs_are_passed_over_unless_they_are_likely_a_mistake(shell: Shell) -> None:
    shell.write("job.yml", GOOD + "other: 1\nreads_2: []\n")
    ended = shell.run("wf.cwl", "job.yml")
    assert ended.status == 0
    assert "warning: job.yml:4:1: there is no input called other, it is passed over\n" in ended.stderr
    assert "job.yml:5:1: there is no input called reads_2, it is passed over\n" in ended.stderr
    (shell.top / "out.txt").unlink()
    shell.write("job.yml", GOOD + "Verbose: true\n")
    assert told(shell, 1, "wf.cwl", "job.yml") == "job.yml:4:1: there is no input called Verbose\n  did you mean verbose?\n"
    shell.write("job.yml", GOOD.replace("threads", "cores"))
    assert told(shell, 1, "wf.cwl", "job.yml").splitlines()[:2] == [
        "job.yml:3:1: there is no input called cores",
        "  its inputs that are not given are threads, aligned, name, mode, dir, sample, verbose"]


def test_flags_are_told_with_their_names(shell: Shell) -> None:
    assert told(shell, 2, "wf.cwl", "job.yml", "--", "--threads", "five", "--mode", "slwo", "--nam", "x", "--verbose=maybe") == (
        "--threads: expected int, found 'five'\n--mode: expected null or one of fast, slow, found 'slwo'\n  did you mean slow?\n"
        "there is no input called nam\n  Did you mean --name?\n--verbose: expected null or boolean, found 'maybe'\n")  # fmt: skip
    assert told(shell, 1, "wf.cwl", "job.yml", "--", "--ref", "reff.fa", "--reads", "d") == (
        "--reads: at [0]: d is a directory, not a File\n  name one of its files; an input of type Directory takes a directory\n"
        "--ref: there is no file reff.fa\n  did you mean ref.fa?\n")  # fmt: skip


def test_what_a_flag_replaces_need_not_be_right(shell: Shell) -> None:
    shell.write("job.yml", GOOD.replace("ref.fa", "gone.fa").replace("a.fq", "gone.fq"))
    ended = shell.run("wf.cwl", "job.yml", "--", "--ref", "ref.fa", "--reads", "a.fq")
    assert ended.status == 0, ended.stderr
    shell.write("job.yml", GOOD.replace("{class: File, path: ref.fa}", "{class: File}"))
    assert shell.run("wf.cwl", "job.yml", "--", "--ref", "ref.fa").status == 0


@pytest.mark.parametrize(("text", "message"), [
    ("a: b: c", ":1:5: this is not YAML: a second colon stands in one line"),
    ('{"a": 1,\n "b": 2,,}', ":2:9: this is not YAML: a value is missing before this"),
    ("reads: [\n", ":2:1: this is not YAML: it ends before all its brackets are closed"),
    ("threads: 1\nthreads: 2\n", ":2:1: the key 'threads' stands twice (first in line 1)"),
    ("caf\\xe9", None),
    ("- 1\n", ": a job file must hold an object of inputs by name"),
    ("a: &a [" + "x, " * 1000 + "]\nb: &b [" + "*a, " * 1000 + "]\nc: [*b, *b]\n", "aliases make this more than 1,000,000 values larger"),
    ("a: " + "[" * 200 + "]" * 200, "this is nested more than 100 deep"),
])  # fmt: skip
def test_jobs_that_cannot_be_read(shell: Shell, text: str, message: str | None) -> None:
    if message is None:
        (shell.top / "bad.yml").write_bytes(b"name: caf\xe9\n")
        message = ":1:10: this is not UTF-8"
    else:
        shell.write("bad.yml", text)
    ended = shell.run("wf.cwl", "--job", "bad.yml")
    ended.fails(1, "bad.yml" + (message if message.startswith(":") else ""), message)


def test_a_job_that_is_not_there(shell: Shell) -> None:
    assert told(shell, 2, "wf.cwl", "jbo.yml") == "jbo.yml: there is no such file\n  did you mean job.yml?\n"
    assert "directory" in told(shell, 2, "wf.cwl", "d")


def test_links_pipes_and_devices(shell: Shell) -> None:
    os.mkfifo(shell.top / "pipe")
    (shell.top / "broken").symlink_to("nowhere")
    shell.write("job.yml", GOOD.replace("a.fq", "pipe").replace("ref.fa", "broken"))
    assert told(shell, 1, "wf.cwl", "job.yml") == (
        "job.yml:1:29: reads[0]: pipe is a named pipe (FIFO), not a file\n"
        "  write what comes out of it into a file first: a job may be run again, a pipe is read once\n"
        "job.yml:2:26: ref: broken is a link to nowhere, which is not there\n"
        "  make the link lead to something, or name that\n")  # fmt: skip
    ended = shell.run("text.cwl", "--", "--f", "/dev/null")
    assert ended.output["out"]["size"] == 0


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/locked"):
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_what_cannot_be_fetched_has_its_place_in_the_job(shell: Shell, server: str) -> None:
    shell.write("job.yml", f"f:\n  class: File\n  location: http://ada:hush@{server}/locked?key=hush\n")
    assert told(shell, 1, "text.cwl", "job.yml") == (
        f"job.yml:3:13: http://{server}/locked?...: the server answers 401 Unauthorized\n"
        "  a name and a password can stand in the address: https://NAME:PASSWORD@...\n")  # fmt: skip
    assert "--f: http://" in told(shell, 1, "text.cwl", "--", "--f", f"http://{server}/gone")
    assert shell("hyflow", "validate", "text.cwl", "job.yml").status == 0
    shell.write("job.yml", "f: {class: File, location: site://hpc/data/x}\n")
    assert shell("hyflow", "validate", "text.cwl", "job.yml").status == 0


def test_a_job_may_lie_on_the_web_but_names_nothing_of_ours(shell: Shell, server: str) -> None:
    shell.write("there/job.yml", "f: {class: File, path: ../a.fq}\n")
    ended = shell.run("text.cwl", f"http://{server}/there/job.yml")
    assert ended.output["out"]["size"] == 1
    (shell.top / "out.txt").unlink()
    shell.write("there/job.yml", "f: {class: File, path: file:///etc/passwd}\n")
    assert told(shell, 1, "text.cwl", f"http://{server}/there/job.yml") == (
        f"http://{server}/there/job.yml:1:24: f.path: a remote document may not name the local file file:///etc/passwd\n")  # fmt: skip
    assert told(shell, 2, "text.cwl", f"http://{server}/job.yaml").startswith(
        f"http://{server}/job.yaml: the job file cannot be read: the server answers 404")  # fmt: skip


LISTED = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'cd "$0" && find . | sort; cat inner/up/word; cat gone 2>/dev/null || echo "no $(readlink gone)"']
inputs: {d: {type: Directory, inputBinding: {}}}
outputs: {out: stdout}
stdout: out.txt
"""


@pytest.mark.parametrize("way", ["local", "shell"])
def test_links_in_a_directory_look_the_same_everywhere(tmp_path: Path, home: Path, way: str) -> None:
    made = Shell(tmp_path, home, way)
    made.write("listed.cwl", LISTED)
    made.write("dir/inner/x", "")
    made.write("dir/word", "found\n")
    for name, target in {"dir/gone": "../nowhere", "dir/inner/up": "..", "dir/self": "self", "dir/there": "word"}.items():
        (tmp_path / name).symlink_to(target)
    ended = made.run("listed.cwl", "--", "--d", "dir")
    assert (tmp_path / "out.txt").read_text().splitlines() == [
        ".", "./gone", "./inner", "./inner/up", "./inner/x", "./self", "./there", "./word", "found", "no ../nowhere"], ended.stderr
