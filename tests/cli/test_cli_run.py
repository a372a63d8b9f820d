"""`hyflow run` as it is typed: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
import uuid
from pathlib import Path

import pytest
from commandline import Shell, processes, until

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'cat "$0"; echo "$1" >&2', ]
inputs:
  file: {type: File, inputBinding: {position: 1}}
  word: {type: string, default: quiet, inputBinding: {position: 2}}
outputs: {out: stdout}
stdout: out.txt
"""

BRANCHES = r"""
cwlVersion: v1.2
class: Workflow
inputs: {code: {type: int, default: 7}}
outputs: {fine: {type: File, outputSource: fine/out}, after: {type: File, outputSource: after/out}}
steps:
  bad:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'printf "first\n\033[31mred\007 words\033[0m\n" >&2; exit "$0"']
      inputs: {code: {type: int, inputBinding: {}}}
      outputs: {out: stdout}
    in: {code: code}
    out: [out]
  after:
    run: {class: CommandLineTool, baseCommand: cat, inputs: {file: {type: File, inputBinding: {}}}, outputs: {out: stdout}}
    in: {file: bad/out}
    out: [out]
  fine:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'sleep 0.5; touch "$0"; echo fine']
      inputs: {mark: {type: string, inputBinding: {}}}
      outputs: {out: stdout}
    in: {mark: {default: MARK}}
    out: [out]
"""

WHERE = """class: CommandLineTool, baseCommand: [sh, -c, 'pwd; cat "$@"', x], inputs: {f: {type: "File?", inputBinding: {}}},
    outputs: {out: stdout}, stdout: out"""

BASE = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: [sh, -c, 'sleep 0; echo', WORD]\ninputs: {}\noutputs: {}\n"

SLEEP = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'trap "" HUP; sleep NUMBER & sleep NUMBER; wait']
requirements: {ToolTimeLimit: {timelimit: LIMIT}}
inputs: {}
outputs: {}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(params=["local", "shell"])
def both(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, home, request.param)


@pytest.fixture
def shell(tmp_path: Path, home: Path) -> Shell:
    return Shell(tmp_path, home)


def tool(shell: Shell, name: str = "in.txt") -> str:
    shell.write(name, "hello\n")
    document = shell.home / "tool.cwl"  # where all tests share it, it is compiled once
    document.write_text(TOOL)
    return str(document)


# -- what is printed -----------------------------------------------------------------------------------------------------------------


def test_the_output_object_alone_on_standard_output(both: Shell) -> None:
    doc = tool(both)
    both.write("job.yml", "file: {class: File, path: in.txt}\n")
    done = both.run(doc, "job.yml", "--outdir", "results")
    assert done.output["out"]["path"] == f"{both.top}/results/out.txt"
    assert done.output["out"]["checksum"] == "sha1$f572d396fae9206628714fb2ce00f72e94f2258f"
    assert (both.top / "results" / "out.txt").read_text() == "hello\n"
    assert "/tool ends: 1 done" in done.stderr or "1 done" in done.stderr
    assert not re.search(r"\x1b", done.stderr)


def test_quiet_says_nothing(shell: Shell) -> None:
    doc = tool(shell)
    done = shell.run("--quiet", doc, "--", "--file", "in.txt")
    assert done.output and done.stderr == ""


def test_every_line_of_the_json_log_is_json(shell: Shell) -> None:
    doc = tool(shell)
    done = shell.run(doc, "--json-log", "--", "--file", "in.txt", "--word", "-x y\nz")
    kinds = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert done.output
    assert kinds[0] == "begin" and kinds[-1] == "end"
    assert {"started", "demanded", "submitting", "submitted", "finished", "delivered", "stage"} <= {*kinds}


# -- files and flags -----------------------------------------------------------------------------------------------------------------


def test_files_are_told_apart_by_their_content(shell: Shell) -> None:
    doc = tool(shell)
    shell.write("one", "file: {class: File, path: in.txt}\n")
    shell.write("two", "version: 1\nsites: {here: {type: local}}\nbind: [{step: /, site: here}]\n")
    shell.write("neither", "- 1\n")
    assert shell.run("two", "one", doc).output == shell.run(doc, "one").output
    assert shell.run(doc, "two", "one").output == shell.run(doc, "one", "--deploy", "two").output
    shell.run(doc, "neither").fails(2, "neither: its content does not tell", "--job FILE or --deploy FILE")
    shell.run(doc, "one", "one").fails(2, "one: this file is named twice")
    shell.run(doc, doc).fails(2, "this file is named twice")
    shell.run(doc, "missing.yml").fails(2, "missing.yml: there is no such file")


def test_a_job_may_come_through_a_pipe(shell: Shell) -> None:
    doc = tool(shell)
    os.mkfifo(shell.top / "pipe")
    writer = threading.Thread(target=(shell.top / "pipe").write_text, args=("file: {class: File, path: in.txt}\n",))
    writer.start()
    assert shell.run(doc, "pipe").output["out"]["size"] == 6
    writer.join()


def test_flags_follow_a_double_dash_and_win_over_the_job(shell: Shell) -> None:
    doc = tool(shell)
    shell.write("other.txt", "not this")
    shell.write("job.yml", "file: {class: File, path: other.txt}\nword: job\n")
    assert shell.run(doc, "job.yml", "--", "--file", "in.txt").output["out"]["size"] == 6
    shell.run(doc, "--", "--fiel", "in.txt").fails(2, "fiel", "--file")
    shell.run(doc).fails(1, "file")


@pytest.mark.parametrize("words", [["--profile", "x"], ["--set", "a=b"], ["--nonsense"], ["--name", "a b"], ["--container", "magic"]])
def test_wrong_usage(shell: Shell, words: list[str]) -> None:
    doc = tool(shell)
    assert shell.run(doc, *words, "--", "--file", "in.txt").status == 2


# -- the output directory ------------------------------------------------------------------------------------------------------------


def test_an_output_directory_that_cannot_be_is_said_before_anything_runs(shell: Shell) -> None:
    doc = tool(shell)
    for outdir in ("in.txt", "in.txt/x"):
        shell.run(doc, "--outdir", outdir, "--", "--file", "in.txt").fails(2, "in.txt is not a directory", "--outdir")


def test_a_name_that_cannot_be_taken_is_said_and_where_the_results_are(shell: Shell) -> None:
    doc = tool(shell)
    shell.write("out.txt/x", "")
    done = shell.run(doc, "--outdir", "a/..", "--", "--file", "in.txt")
    done.fails(1, f"the results cannot be written: {shell.top}/out.txt: Is a directory")
    [kept] = re.findall(r"not delivered are still below (/\S+)", done.stderr)
    assert [path.read_text() for path in Path(kept).rglob("out.txt")] == ["hello\n"]


def test_an_input_of_the_same_name_is_kept(both: Shell) -> None:
    doc = tool(both, "out.txt")
    done = both.run(doc, "--", "--file", "out.txt")
    assert done.output["out"]["basename"] == "out_2.txt"
    assert (both.top / "out.txt").read_text() == (both.top / "out_2.txt").read_text() == "hello\n"


# -- failures ------------------------------------------------------------------------------------------------------------------------


def test_a_failed_branch_is_told_and_the_rest_finishes(both: Shell) -> None:
    mark = both.top / "mark"
    both.write("wf.cwl", BRANCHES.replace("MARK", str(mark)))
    done = both.run("wf.cwl")
    where = "box" if both.way == "shell" else "local"
    done.fails(1, "/bad failed: ", "  class   tool, exit status 7", f"  where   {where}", "  | first\n  | red\\x07 words\n")
    assert "\x1b" not in done.stderr and "\a" not in done.stderr
    assert mark.exists()
    [log] = re.findall(r"all of its standard error: (/\S+)", done.stderr)
    assert Path(log).read_bytes() == b"first\n\033[31mred\007 words\033[0m\n"
    [command] = re.findall(r"next: (hyflow logs .*)", done.stderr)
    told = both(*command.split())
    assert told.status == 0 and "words" in told.stdout
    assert "/after" not in done.stderr.replace("/after/", "")


@pytest.mark.parametrize("field", ["coresMin: 4000", "ramMin: 90000000"])
def test_what_can_never_be_satisfied_fails_at_once(shell: Shell, field: str) -> None:
    shell.write("t.cwl", f"{BASE}requirements: {{ResourceRequirement: {{{field}}}}}\n")
    shell.run("t.cwl").fails(1, "more than any of its locations can ever give", "submission")


def test_what_is_not_supported_is_status_33(shell: Shell) -> None:
    shell.write("docker.cwl", BASE + "requirements: {DockerRequirement: {dockerPull: alpine}}\n")
    engine = "{runtime: docker, command: [no-such-engine]}"
    shell.write("none.yml", f"version: 1\nsites: {{local: {{type: local, container: {engine}}}}}\n")
    shell.run("docker.cwl", "none.yml").fails(33, "/docker", "alpine", "docker: no-such-engine is not installed", "--container none")
    shell.write("hint.cwl", BASE + "hints: {DockerRequirement: {dockerPull: alpine}}\n")
    shell.run("hint.cwl", "none.yml").fails(1, "docker: no-such-engine is not installed", "--container none")
    shell.write("auto.yml", "version: 1\nsites: {local: {type: local, container: {command: [no-such-engine]}}}\n")
    done = shell.run("hint.cwl", "auto.yml")
    assert done.output == {} and "runs without one" in done.stderr
    done = shell.run("docker.cwl", "--container", "none")
    assert done.output == {} and "without" in done.stderr
    shell.write("unknown.cwl", BASE + "$namespaces: {x: 'http://example.org/x#'}\nhints: {x:Nonsense: {}}\n")
    done = shell.run("unknown.cwl")
    assert done.output == {} and "Nonsense" in done.stderr
    shell.write("unknown.cwl", BASE + "$namespaces: {x: 'http://example.org/x#'}\nrequirements: {x:Nonsense: {}}\n")
    shell.run("unknown.cwl").fails(33, "Nonsense")
    shell.write("op.cwl", "cwlVersion: v1.2\nclass: Operation\ninputs: {}\noutputs: {}\n")
    shell.run("op.cwl").fails(33, "Operation")


def test_two_sites_in_one_workflow(shell: Shell) -> None:
    shell.write("wf.cwl", """
cwlVersion: v1.2
class: Workflow
inputs: {}
outputs:
  out: {type: File, outputSource: b/out}
  where: {type: "File[]", outputSource: [a/out, c/out], linkMerge: merge_flattened}
steps:
  a: {run: RUN, in: {}, out: [out]}
  b: {run: RUN, in: {f: c/out}, out: [out]}
  c: {run: RUN, in: {f: a/out}, out: [out]}
""".replace("RUN", f"{{{WHERE}}}"))
    sites = "".join(f"  {name}: {{type: shell, command: [sh, -c], workdir: {shell.top}/{name}}}\n" for name in ("one", "two"))
    bind = "bind: [{step: /, site: here}, {step: /a, site: one}, {step: /c, site: two}]\n"
    shell.write("d.yml", f"version: 1\nsites:\n  here: {{type: local}}\n{sites}{bind}")
    out = shell.run("wf.cwl", "d.yml", "--outdir", "r").output
    b, c, a = Path(out["out"]["path"]).read_text().splitlines()
    assert a.startswith(f"{shell.top}/one/") and c.startswith(f"{shell.top}/two/") and b.startswith(str(shell.home))
    assert Path(out["where"][0]["path"]).read_text() == f"{a}\n"


# -- time limits and signals ---------------------------------------------------------------------------------------------------------


def sleeper(shell: Shell, limit: int = 0) -> str:
    """A tool that sleeps, twice; the word by which its processes are known."""
    number = f"86399.{uuid.uuid4().int % 10**15:015d}"
    shell.write("sleep.cwl", SLEEP.replace("NUMBER", number).replace("LIMIT", str(limit)))
    return number


def test_a_time_limit_ends_the_whole_group(both: Shell) -> None:
    number = sleeper(both, 1)
    both.run("sleep.cwl").fails(1, "class   time")
    until(lambda: not processes(number), 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_signal_ends_the_run_and_what_cannot_go_on(both: Shell, number: signal.Signals) -> None:
    """What runs elsewhere goes on, and after a hang-up what runs here as well, until it is told to end."""
    word = sleeper(both)
    with both.start("hyflow", "run", *both.deploy, "sleep.cwl") as process:
        until(lambda: sum(b"sh" not in line.encode().split(b"\\x00")[0] for line in processes(word)) >= 2)
        began = time.monotonic()
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, ""), stderr
    assert time.monotonic() - began < 5
    assert "Traceback" not in stderr
    assert "stopping" in stderr
    goes_on = both.way == "shell" or number == signal.SIGHUP
    assert bool(processes(word)) is goes_on and ("go on meanwhile: 1 at" in stderr) is goes_on
    cancelled = both("hyflow", "cancel", "last")
    assert cancelled.status == 0, cancelled.stderr
    until(lambda: not processes(word))


def test_a_second_signal_changes_nothing(shell: Shell) -> None:
    word = sleeper(shell)
    with shell.start("hyflow", "run", "sleep.cwl") as process:
        until(lambda: len(processes(word)) >= 3)
        for _ in range(3):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.01)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert not processes(word)


def test_what_is_ignored_stays_ignored(shell: Shell) -> None:
    """As under nohup, or in the background of a script."""
    word = uuid.uuid4().hex
    shell.write("nap.cwl", BASE.replace("WORD", word).replace("sleep 0", "sleep 1.5"))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = shell.start("hyflow", "run", "nap.cwl")
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        until(lambda: processes(word))
        process.send_signal(signal.SIGHUP)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (0, "{}\n"), stderr


def test_a_signal_while_an_input_is_awaited(shell: Shell) -> None:
    """A server that accepts and says nothing does not hold up who wants to leave."""
    import socket

    doc = tool(shell)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with shell.start("hyflow", "run", doc, "--", "--file", f"http://127.0.0.1:{listener.getsockname()[1]}/x") as process:
            connection, _ = listener.accept()
            with connection:
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130, stderr
    assert time.monotonic() - began < 5
    assert "Traceback" not in stderr
