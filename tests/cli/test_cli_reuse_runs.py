"""Reuse in runs of many jobs, in runs that die, go on, or go on beside each other, and with an index that is damaged or has no room."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import ENTRY, Shell, until
from reuses import CAT, Reuses, kept, overwrite, ran, script, taken, why
from warm import Warm, WarmShell, warmed

from hyflow.journal import list_runs

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\n"
SCATTER = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, SubworkflowFeatureRequirement: {}}
inputs: {words: 'string[]'}
outputs: {o: {type: Any, outputSource: each/o}}
steps: {each: {in: {word: words}, out: [o], scatter: word, run: RUN}}
"""
WORD = HEAD + "baseCommand: echo\ninputs: {word: {type: string, inputBinding: {}}}\nstdout: o\noutputs: {o: stdout}\n"
NESTED = """
cwlVersion: v1.2
class: Workflow
inputs: {word: string}
outputs: {o: {type: File, outputSource: second/o}}
steps:
  first: {in: {word: word}, out: [o], run: word.cwl}
  second: {in: {f: first/o}, out: [o], run: cat.cwl}
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> WarmShell:
    (tmp_path / "here").mkdir()
    made = WarmShell(warm, tmp_path / "here", tmp_path / "home")
    made.write("word.cwl", WORD), made.write("cat.cwl", HEAD + CAT), made.write("nested.cwl", NESTED)
    return made


def gate(shell: WarmShell, *commands: str) -> str:
    """A script that says when it is there, and goes on when it may."""
    return "\n".join(["#!/bin/sh", f"touch {shell.top}/there", f"while [ ! -e {shell.top}/open ]; do sleep 0.05; done", *commands, ""])


def job(shell: WarmShell, document: str, /, **values: object) -> Any:
    """Run the document with these inputs: its output."""
    shell.write("job.json", json.dumps(values))
    return shell.run("--outdir", "results", document, "job.json").output["o"]


# -- many jobs -----------------------------------------------------------------------------------------------------------------------


def test_a_scatter_of_200_jobs(shell: WarmShell) -> None:
    shell.write("w.cwl", SCATTER.replace("RUN", "word.cwl"))
    words = [str(number) for number in range(200)]
    first = job(shell, "w.cwl", words=words)
    again = job(shell, "w.cwl", words=[*words[:100], "new", *words[101:]])
    assert (len(taken(shell.home)), ran(shell.home)) == (199, ["/each[100]"])
    texts = [Path(each["path"]).read_text() for each in again]
    assert texts == [f"{word}\n" for word in [*words[:100], "new", *words[101:]]]
    assert len(first) == 200
    assert "what differs is the input word" in why(shell.home)[0]


def test_jobs_of_one_run_do_not_stand_in_for_each_other(shell: WarmShell) -> None:
    """What a command does by chance is done for each; a later run has all of that at its place."""
    script(shell.top / "own", "#!/bin/sh\ncat /proc/sys/kernel/random/uuid\n")
    shell.write("own.cwl", WORD.replace("echo", f"{shell.top}/own"))
    shell.write("w.cwl", SCATTER.replace("RUN", "own.cwl"))
    first = [each["checksum"] for each in job(shell, "w.cwl", words=["x"] * 30)]
    assert len(set(first)) == 30
    assert [each["checksum"] for each in job(shell, "w.cwl", words=["x"] * 30)] == first
    assert len(taken(shell.home)) == 30


def test_nested_workflows(shell: WarmShell) -> None:
    shell.write("w.cwl", SCATTER.replace("RUN", "nested.cwl"))
    job(shell, "w.cwl", words=["a", "b"])
    assert [Path(each["path"]).read_text() for each in job(shell, "w.cwl", words=["a", "c"])] == ["a\n", "c\n"]
    assert sorted(taken(shell.home)) == ["/each/first[0]", "/each/second[0]"]


# -- outputs -------------------------------------------------------------------------------------------------------------------------

MAKES = {
    "a directory": ("mkdir -p o/a/b; echo text >o/a/b/c; : >o/e; mkdir o/empty", "{type: Directory, outputBinding: {glob: o}}"),
    "a literal": (":", "{type: File, outputBinding: {outputEval: '$({class: \"File\", basename: \"x\", contents: \"text\"})'}}"),
    "nothing": (":", "{type: File?, outputBinding: {glob: none}}"),
    "hostile names": ("touch -- "
                      "\"$(printf 'a b')\" \"$(printf 'new\\nline')\" \"it's, \\\"q\\\"\" \"$(printf 'byte\\377')\" '-rf' '#=;%20*?'",
                      "{type: 'File[]', outputBinding: {glob: '*'}}"),
    "an object": ("echo '{\"o\": {\"x\": [1, null, \"y\"]}}' >cwl.output.json", "Any"),
    "secondary files": ("echo 1 >o; echo 2 >o.i", "{type: File, secondaryFiles: [.i], outputBinding: {glob: o}}"),
}


def shape(value: Any) -> Any:
    """An output without where it lies."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dict):
        return {word: shape(item) for word, item in value.items() if word not in ("location", "path")}
    return value


@pytest.mark.parametrize("what", MAKES)
@pytest.mark.parametrize("way", ["local", "shell"])
def test_outputs_of_all_kinds(shell: WarmShell, what: str, way: str) -> None:
    made = WarmShell(shell._warm, shell.top, shell.home, way)
    body, output = MAKES[what]
    script(shell.top / "produce", f"#!/bin/sh\n{body}\n")
    made.write("tool.cwl", f"{HEAD}requirements: {{InlineJavascriptRequirement: {{}}}}\nbaseCommand: {shell.top}/produce\n"
                           f"inputs: {{}}\noutputs: {{o: {output}}}\n")
    first = made.run("--outdir", "one", "tool.cwl").output["o"]
    again = made.run("--outdir", "two", "tool.cwl").output["o"]
    assert taken(shell.home) == ["/tool"], why(shell.home)
    assert shape(first) == shape(again)
    assert subprocess.run(["diff", "-r", "one", "two"], cwd=shell.top, check=False).returncode == 0


PASSES = HEAD + """
baseCommand: 'true'
requirements: {InitialWorkDirRequirement: {listing: [$(inputs.f)]}}
inputs: {f: File}
outputs: {o: {type: File, outputBinding: {glob: $(inputs.f.basename)}}}
"""


def test_an_output_that_passes_an_input_through(shell: WarmShell) -> None:
    shell.write("f", "one"), shell.write("pass.cwl", PASSES)
    again = Reuses(shell, "pass.cwl", "job.json")
    shell.write("job.json", json.dumps({"f": {"class": "File", "path": "f"}}))
    again.differs(lambda: overwrite(shell.top / "f", "two"), "two", "one")


def test_what_is_passed_through_stays_with_the_result_that_it_lies_in(shell: WarmShell) -> None:
    """Of two results the file of the one is the other's, too: it stays as long as one of them is used."""
    from hyflow.results import Results

    shell.write("pass.cwl", PASSES), shell.write("w.cwl", NESTED.replace("cat.cwl", "pass.cwl"))
    job(shell, "w.cwl", word="x")
    job(shell, "w.cwl", word="x")
    assert taken(shell.home) == ["/first", "/second"]
    results = Results(shell.home / "cache" / "results.sqlite", pytest.fail)
    first, second = results.of(list_runs(shell.home)[0].id)
    assert results.take("going on", second)
    assert results.oldest_unused(0, lambda run: run != "going on") == []
    assert first.dir != second.dir
    results.close()


# -- runs that die, and go on --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [("commit", 1), ("commit", 3), ("committed", 4), ("commit", 5), ("committed", 5), ("acted", 4)])
def test_a_run_that_is_killed_at_any_point(shell: WarmShell, at: tuple[str, int]) -> None:
    """Whether its results were kept or not: what later runs give is right, and so is what it gives when it goes on."""
    shell.write("job.json", json.dumps({"word": "x"}))
    words = ["run", "--outdir", "results", "nested.cwl", "job.json"]
    killed = shell._warm(shell.top, shell.home, words, shell.environment, (*at, "kill", str(shell.top)))
    assert killed.status == -signal.SIGKILL
    assert Path(shell.run("--outdir", "other", "nested.cwl", "job.json").output["o"]["path"]).read_text() == "x\n"
    run = list_runs(shell.home)[0]
    if shell("hyflow", "status", run.id).status == 0 and (run.path / "sites").exists():
        resumed = shell("hyflow", "resume", run.id)
        if resumed.status == 0:
            assert Path(resumed.output["o"]["path"]).read_text() == "x\n"


def test_a_resumed_run_uses_and_keeps_results(shell: WarmShell) -> None:
    job(shell, "word.cwl", word="x")
    shell.write("gate.cwl", HEAD + f"baseCommand: {shell.top}/gate\ninputs: {{f: File, g: File?}}\nstdout: o\noutputs: {{o: stdout}}\n")
    script(shell.top / "gate", gate(shell, "echo passed"))
    text = NESTED.replace("second/o", "last/o").replace("second: {in: {f: first/o}, out: [o], run: cat.cwl}",
        "second: {in: {f: first/o}, out: [o], run: gate.cwl}\n  last: {in: {f: second/o}, out: [o], run: cat.cwl}")
    shell.write("w.cwl", text)
    process = Shell(shell.top, shell.home).start("hyflow", "run", "--outdir", "results", "w.cwl", "job.json")
    until((shell.top / "there").exists)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (shell.top / "open").touch()
    resumed = shell("hyflow", "resume")
    assert Path(resumed.output["o"]["path"]).read_text() == "passed\n"
    assert taken(shell.home) == ["/first"]
    assert Path(job(shell, "w.cwl", word="x")["path"]).read_text() == "passed\n"
    assert taken(shell.home) == ["/first", "/last"], "/second was taken up again, and is not kept"
    job(shell, "w.cwl", word="x")
    assert taken(shell.home) == ["/first", "/second", "/last"]


@pytest.mark.parametrize("dies", [False, True])
def test_what_was_taken_and_is_edited_while_the_run_goes_on(shell: WarmShell, dies: bool) -> None:
    """The file that the earlier run has delivered is the one that is kept."""
    job(shell, "word.cwl", word="x")
    shell.write("gate.cwl", HEAD + f"baseCommand: {shell.top}/gate\ninputs: {{word: string}}\nstdout: p\noutputs: {{o: stdout}}\n")
    script(shell.top / "gate", gate(shell, "echo passed"))
    text = NESTED.replace("{f: first/o}, out: [o], run: cat.cwl", "{word: word}, out: [o], run: gate.cwl")
    text = text.replace("outputs: {", "outputs: {p: {type: File, outputSource: first/o}, ")
    shell.write("w.cwl", text)
    process = Shell(shell.top, shell.home).start("hyflow", "run", "--outdir", "other", "w.cwl", "job.json")
    until((shell.top / "there").exists)
    (shell.top / "results" / "o").write_text("evil\n")
    if dies:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (shell.top / "open").touch()
    if dies:
        done = shell("hyflow", "resume")
        status, said = done.status, done.stderr
    else:
        _, said = process.communicate()
        status = process.returncode
    assert status == 1 and "was changed while this run went on" in said and "hyflow resume" in said, said
    assert Path(shell("hyflow", "resume").output["p"]["path"]).read_text() == "x\n"


GATED = HEAD + """
baseCommand: PLACE/own
inputs: {d: {type: Directory, inputBinding: {}}}
stdout: o
outputs: {o: stdout}
"""


@pytest.mark.parametrize("what", ["d/f", "own", "nothing"])
def test_what_is_changed_while_the_job_runs_is_not_kept(shell: WarmShell, what: str) -> None:
    """An input, or the program: what the job gave belongs to neither."""
    text = f"#!/bin/sh\ncat \"$1\"/f\ntouch {shell.top}/there\nwhile [ ! -e {shell.top}/open ]; do sleep 0.05; done\n"
    script(shell.top / "own", text)
    shell.write("own.cwl", GATED.replace("PLACE", str(shell.top)))
    shell.write("d/f", "one"), shell.write("job.json", json.dumps({"d": {"class": "Directory", "path": "d"}}))
    process = Shell(shell.top, shell.home).start("hyflow", "run", "--outdir", "results", "own.cwl", "job.json")
    until((shell.top / "there").exists)
    changed = {"d/f": "two", "own": text.replace("cat", "tac")}
    if what != "nothing":
        os.replace(shell.top / shell.write("new", changed[what]), shell.top / what)
        (shell.top / what).chmod(0o755)
    (shell.top / "open").touch()
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert len(kept(shell.home)) == (what == "nothing")


# -- runs beside each other ----------------------------------------------------------------------------------------------------------


def test_runs_at_once_that_take_and_remove_the_same_results(shell: WarmShell) -> None:
    """Each finds all that it has taken, whatever the others remove; in the end no more is kept than may be."""
    shell.write("w.cwl", SCATTER.replace("RUN", "nested.cwl"))
    shell.environment["HYFLOW_REUSE_SIZE"] = "40KiB"
    words = [str(number) for number in range(8)]
    environment = {**os.environ, "HYFLOW_HOME": str(shell.home), "HYFLOW_REUSE_SIZE": "40KiB"}
    for _ in range(3):
        running = []
        for number in range(3):
            shell.write(f"job{number}.json", json.dumps({"words": words[number:number + 6]}))
            command = [sys.executable, "-c", ENTRY["hyflow"], "run", "--outdir", f"out{number}", "w.cwl", f"job{number}.json"]
            running.append(subprocess.Popen(
                command, cwd=shell.top, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            ))  # fmt: skip
        for number, process in enumerate(running):
            out, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
            assert [Path(each["path"]).read_text() for each in json.loads(out)["o"]] == [f"{word}\n" for word in words[number:number + 6]]
    job(shell, "word.cwl", word="last")
    assert len(kept(shell.home)) * 4096 <= 40 << 10
    assert sorted(shell.home.glob("runs/*/sites/local/work/*/*/out")) == sorted(where / "out" for where in kept(shell.home))


# -- an index that cannot be used ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["results.sqlite", "digests.sqlite"])
@pytest.mark.parametrize("harm", ["noise", "empty", "torn", "other", "directory"])
def test_an_index_that_is_damaged(shell: WarmShell, name: str, harm: str) -> None:
    shell.write("f", "x" * (1 << 17))
    shell.write("job.json", json.dumps({"f": {"class": "File", "path": "f"}}))
    again = Reuses(shell, "cat.cwl", "job.json")
    again.prove("x" * (1 << 17))
    path = shell.home / "cache" / name
    data = path.read_bytes()
    for end in ("-wal", "-shm"):
        path.with_name(name + end).unlink(missing_ok=True)
    path.unlink()
    match harm:
        case "noise":
            path.write_bytes(os.urandom(1 << 14))
        case "empty":
            path.touch()
        case "torn":
            path.write_bytes(data[:len(data) // 2] + b"\0" * 100)
        case "other":
            sqlite3.connect(path).execute("CREATE TABLE results (id)").connection.close()
        case "directory":
            path.mkdir()
    again.run()
    assert again.is_reused("x" * (1 << 17)) == (harm != "directory" or name == "digests.sqlite")


def test_a_result_that_somebody_has_written_into_the_index(shell: WarmShell) -> None:
    """Rows that are no results are as if they were not there."""
    shell.write("f", "one"), shell.write("job.json", json.dumps({"f": {"class": "File", "path": "f"}}))
    again = Reuses(shell, "cat.cwl", "job.json")
    again.prove("one")
    for body in ("{", "{}", "[]", "null"):
        with sqlite3.connect(shell.home / "cache" / "results.sqlite") as db:
            db.execute("UPDATE results SET body = ?", (body,))
        db.close()
        assert not again.is_reused("one")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_no_room_for_the_index(shell: WarmShell) -> None:
    """Runs go on, and say so in a line."""
    cache = shell.home / "cache"
    cache.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(cache)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        shell.write("w.cwl", SCATTER.replace("RUN", "word.cwl"))
        job(shell, "w.cwl", words=["a", "b"])
        job(shell, "w.cwl", words=["a", "b"])
        assert len(taken(shell.home)) == 2
        with (cache / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\1" * 512)
        for _ in range(2):
            found = job(shell, "w.cwl", words=["a", *(str(number) for number in range(60))])
            assert [Path(each["path"]).read_text() for each in found] == ["a\n", *(f"{number}\n" for number in range(60))]
    finally:
        subprocess.run(["umount", "-l", str(cache)], check=True)
