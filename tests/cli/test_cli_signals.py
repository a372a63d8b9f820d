"""Ctrl-C and its like, at any moment of any command: one message, status 130, nothing left running, and the run shown for what it is."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from commandline import ENTRY, SECONDS, Ended, Shell, next_line, processes, until

NUMBERS = {"SIGINT": "interrupt", "SIGTERM": "terminate", "SIGHUP": "hangup"}
WORKFLOW = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}, StepInputExpressionRequirement: {}}
inputs: {files: "File[]"}
outputs: {all: {type: "File[]", outputSource: each/out}}
steps:
  each:
    scatter: file
    in: {file: files, word: {valueFrom: "$('a' + 'b')"}}
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'sleep 0.1; cat "$1" "$1" >WORD', WORD]
      inputs: {file: {type: File, inputBinding: {}}, word: string}
      outputs: {out: {type: File, outputBinding: {glob: WORD}}}
"""
SLEEP = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, "SCRIPT", WORD]
inputs: {}
outputs: {}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "home")


def started(shell: Shell, *words: str, command: str = "hyflow") -> subprocess.Popen[str]:
    """The command, at the moment at which it hears signals: what comes before is mostly Python's own."""
    first, _, second = ENTRY[command].partition("; ")
    begun = f"{first}; from hyflow.cli.signals import leave_when_told; leave_when_told(); import os; os.write(2, b'up\\n'); {second}"
    process = subprocess.Popen(
        [sys.executable, "-c", begun, *words], cwd=shell.top, text=True,
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "HYFLOW_HOME": str(shell.home)},
    )  # fmt: skip
    assert next_line(process.stderr) == "up\n"
    return process


def interrupted(process: subprocess.Popen[str], after: float, number: int) -> Ended:
    """How the command ended that got a signal so many seconds after it began."""
    with process:
        time.sleep(after)
        process.send_signal(number)
        began = time.monotonic()
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert time.monotonic() - began < 15
    return Ended(process.returncode, stdout, stderr)


def run_states(shell: Shell) -> list[str]:
    listed = shell("hyflow", "runs", "--json")
    assert listed.stderr in ("", "There are no runs yet: hyflow run WORKFLOW [JOB] starts one.\n")
    return [run["state"] for run in json.loads(listed.stdout or "[]")]


def scattered(shell: Shell) -> tuple[str, ...]:
    word = f"w{uuid.uuid4().hex}"
    shell.write("wf.cwl", WORKFLOW.replace("WORD", word))
    for index in range(4):
        shell.write(f"{index}.txt", "x\n" * 1000)
    shell.write("job.yml", json.dumps({"files": [{"class": "File", "path": f"{index}.txt"} for index in range(4)]}))
    return word, "wf.cwl", "job.yml", "--outdir", "results"


def moments(seconds: float, count: int) -> list[float]:
    """Spread over the time that a run takes, each somewhere in its part."""
    draw = random.Random(7)  # noqa: S311  # moments, no secrets
    return [seconds * (part + draw.random()) / count for part in range(count)]


def test_a_signal_at_any_moment_of_a_run(tmp_path: Path) -> None:
    """Imports, load, start, staging, running, collecting, delivery, end."""
    first = Shell(tmp_path, tmp_path / "home")
    word, *words = scattered(first)
    assert first.run(*words).status == 0  # the documents are kept now, as for anyone who runs them again
    began = time.monotonic()
    assert first.run(*words).status == 0
    took = time.monotonic() - began
    for number, after in enumerate(moments(took * 1.1, 24)):
        shell = Shell(tmp_path, tmp_path / f"home{number % 3}", "shell" if number % 4 == 3 else "local")
        before = len(run_states(shell)) if shell.home.exists() else 0
        name = list(NUMBERS)[number % 3]
        done = interrupted(started(shell, "run", *shell.deploy, *words), after, signal.Signals[name])
        states = run_states(shell)
        where = f"{name} after {after:.3f} of {took:.3f} s: {done.status}, {states[0] if states else None}\n{done.stderr}"
        assert done.status in (0, 130), where
        if done.status == 0:
            assert len(json.loads(done.stdout)["all"]) == 4 and states[0] == "done", where
        else:
            assert done.stdout == "", where
            assert done.stderr.count("hyflow: interrupted") + done.stderr.count("stopping (") == 1, where
            assert len(states) == before or states[0] in ("interrupted", "done"), where
            assert "stopping (" not in done.stderr or states[0] == "interrupted", where
        assert not processes(word), where
        assert not list(tmp_path.glob("results/.*")), where


@pytest.mark.parametrize("after", [0.0, 0.1, 0.5])
def test_a_signal_while_a_document_is_read(shell: Shell, after: float) -> None:
    """Without what was kept of it, reading takes its time."""
    shell.write("t.cwl", SLEEP.replace("SCRIPT", "true"))
    for words in (("validate", "t.cwl"), ("run", "t.cwl")):
        done = interrupted(started(shell, *words), after, signal.SIGINT)
        assert done.status in (0, 130)
        if done.status == 130:
            assert done.stderr in ("hyflow: interrupted\n", "stopping (interrupt): nothing more is started\n") or "run" in words


def test_a_signal_in_the_other_commands(shell: Shell) -> None:
    shell.write("t.cwl", SLEEP.replace("SCRIPT", "true"))
    assert shell.run("t.cwl").status == 0
    commands = [("hyflow", "status"), ("hyflow", "logs"), ("hyflow", "runs"), ("cwl-runner", "t.cwl"), ("hyflow", "check", "d.yml")]
    shell.write("d.yml", "version: 1\nsites: {here: {type: local}}\n")
    for number, (command, *words) in enumerate(commands):
        for after in (0.0, 0.01, 0.05):
            done = interrupted(started(shell, *words, command=command), after, signal.Signals[list(NUMBERS)[number % 3]])
            assert done.status in (0, 130)
            assert done.stderr.count("interrupted") + done.stderr.count("stopping (") == (done.status == 130), done.stderr


def test_a_signal_while_sites_are_asked(shell: Shell) -> None:
    word = f"86398.{uuid.uuid4().int % 10**15:015d}"
    shell.write("d.yml", f"version: 1\nsites: {{box: {{type: shell, command: [sh, -c, 'sleep {word}'], workdir: /nonexistent}}}}\n")
    with started(shell, "check", "d.yml", "--connect") as process:
        until(lambda: processes(word))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, "hyflow: interrupted\n")
    assert not processes(word)


def frozen(shell: Shell) -> tuple[str, Path]:
    """A run whose only job is at a site that answers no more once a file is there; the job's word, the file."""
    word, file = f"86397.{uuid.uuid4().int % 10**15:015d}", shell.top / "frozen"
    shell.write("sleep.cwl", SLEEP.replace("SCRIPT", f"sleep {word}"))
    command = json.dumps(["sh", "-c", f'[ ! -e {file} ] || exec sleep 86400; exec sh -c "$1"', "sh"])
    shell.write("d.yml", f"version: 1\nsites: {{box: {{type: shell, command: {command}, workdir: {shell.top}/box}}}}\n")
    return word, file


def test_what_runs_elsewhere_is_let_go_though_its_site_is_silent(shell: Shell) -> None:
    """And it is found again: what was begun ends, and is not begun twice."""
    word, file = frozen(shell)
    with started(shell, "run", "sleep.cwl", "d.yml") as process:
        until(lambda: len(processes(word)) >= 2)
        file.touch()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert time.monotonic() - began < 9
    assert stderr.count("stopping (interrupt)") == 1
    assert "jobs go on meanwhile: 1 at box" in stderr and "hyflow resume " in stderr
    assert run_states(shell) == ["interrupted"]
    file.unlink()
    with started(shell, "resume") as process:
        [sleeping] = [line.split()[0] for line in processes(word) if " b'sleep" in line]
        os.kill(int(sleeping), signal.SIGKILL)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1 and "exit status 137" in stderr, stderr
    until(lambda: not processes(word))


def test_a_signal_while_results_are_delivered(shell: Shell) -> None:
    """A directory of many files, which is copied since it is not the run's own."""
    shell.write("pass.cwl", "cwlVersion: v1.2\nclass: ExpressionTool\nrequirements: {InlineJavascriptRequirement: {}}\n"
                "inputs: {d: Directory}\noutputs: {d: Directory}\nexpression: '${return {d: inputs.d};}'\n")  # fmt: skip
    for number in range(8000):
        shell.write(f"many/{number}", "")
    with started(shell, "run", "pass.cwl", "--outdir", "results", "--", "--d", "many") as process:
        until(lambda: (shell.top / "results" / "many").is_dir())
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert time.monotonic() - began < 8
    assert (process.returncode, stdout) == (130, ""), stderr
    assert stderr.count("stopping (interrupt)") == 1 and f"not all results were delivered to {shell.top}/results" in stderr
    assert "Traceback" not in stderr
    assert not list(shell.top.rglob("results/**/.*.part"))
    assert run_states(shell) == ["interrupted"]


def test_many_results_that_are_not_wanted_any_more(shell: Shell) -> None:
    """Results that take long to deliver do not have to be waited for."""
    shell.write("big.cwl", SLEEP.replace("outputs: {}", "outputs: {o: {type: Directory, outputBinding: {glob: .}}}")
                .replace("SCRIPT", "for i in $(seq 3000); do echo $i >$i; done; kill -INT $HYFLOW"))  # fmt: skip
    shell.write("stop.py", f"import os, sys\nos.environ['HYFLOW'] = str(os.getpid())\n{ENTRY['hyflow']}\n")
    text = (shell.top / "big.cwl").read_text()
    shell.write("big.cwl", text + "requirements: {EnvVarRequirement: {envDef: {HYFLOW: $(inputs.pid)}}}\n")
    shell.write("big.cwl", (shell.top / "big.cwl").read_text().replace("inputs: {}", "inputs: {pid: string}"))
    code = f"import os, sys; sys.argv += ['--', '--pid', str(os.getpid())]; {ENTRY['hyflow']}"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "big.cwl", "--outdir", "results"], cwd=shell.top, capture_output=True, text=True, timeout=60,
        env={**os.environ, "HYFLOW_HOME": str(shell.home)}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert done.stderr.count("stopping (interrupt)") == 1
    assert run_states(shell) == ["interrupted"]
    assert not list((shell.top / "results").glob(".*")) if (shell.top / "results").exists() else True
