"""What goes wrong while a job runs, and with what it leaves: each mistake has one message that says what, where, and what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import processes
from warm import FILE, Warm, WarmShell, leaving, sh, told_once, warmed


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> WarmShell:
    (tmp_path / "here").mkdir()
    return WarmShell(warm, tmp_path / "here", tmp_path / "home")


@pytest.fixture(params=["local", "shell"])
def both(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> WarmShell:
    (tmp_path / "here").mkdir()
    return WarmShell(warm, tmp_path / "here", tmp_path / "home", request.param)


# -- commands that cannot be started -------------------------------------------------------------------------------------------------


def test_a_command_that_does_not_exist(both: WarmShell) -> None:
    done = both.tool("baseCommand: [hyflow-sortt]\ninputs: {}\noutputs: {}\n")
    done.fails(1, "tool.cwl:3:14: the command 'hyflow-sortt' was not found", "on the PATH", "class   tool, exit status 127")
    told_once(done)


def test_a_command_whose_software_is_told(shell: WarmShell) -> None:
    needs = "hints: {SoftwareRequirement: {packages: {sort: {version: ['9.1']}, uniq: {}}}}\n"
    hint = "asks for the software sort 9.1, uniq: an image that holds it (DockerRequirement) can give it, or modules"
    shell.tool(f"{needs}baseCommand: [hyflow-sortt]\ninputs: {{}}\noutputs: {{}}\n").fails(1, "'hyflow-sortt' was not found\n", hint)
    done = shell.tool(f"{needs}baseCommand: [sh, -c, hyflow-sortt]\ninputs: {{}}\noutputs: {{}}\n")
    done.fails(1, "a program that it called was not found\n", hint)


def test_the_nearest_command_is_named(shell: WarmShell) -> None:
    shell.tool("baseCommand: [basenam]\ninputs: {}\noutputs: {}\n").fails(
        1, "the command 'basenam' was not found\n  Is 'basename' meant? ", "basenam: command not found (there is basename)"
    )


def test_a_relative_command(both: WarmShell) -> None:
    both.write("script.sh", "#!/bin/sh\n")
    done = both.tool("baseCommand: ./script.sh\ninputs: {}\noutputs: {}\n")
    done.fails(1, "the command './script.sh' was not found", "the job's own directory", "input of type File")


@pytest.mark.parametrize(("name", "content", "words"), [
    ("plain", b"#!/bin/sh\n", "chmod +x"),
    ("folder", None, "cannot be executed"),
])
def test_what_cannot_be_executed(both: WarmShell, name: str, content: bytes | None, words: str) -> None:
    path = both.top / name
    path.mkdir() if content is None else path.write_bytes(content)
    both.tool(f"baseCommand: {path}\ninputs: {{}}\noutputs: {{}}\n").fails(1, f"the command '{path}' cannot be executed", words, "126")


def test_a_script_whose_interpreter_is_not_there(shell: WarmShell) -> None:
    path = shell.top / "script"
    path.write_text("#!/no/such/python\n")
    path.chmod(0o755)
    done = shell.tool(f"baseCommand: {path}\ninputs: {{}}\noutputs: {{}}\n")
    done.fails(1, "cannot be executed: its interpreter is not there", "its interpreter /no/such/python is not there")


def test_a_program_for_another_machine(shell: WarmShell) -> None:
    path = shell.top / "program"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0\xff\xff" + b"\0" * 200)
    path.chmod(0o755)
    shell.tool(f"baseCommand: {path}\ninputs: {{}}\noutputs: {{}}\n").fails(1, "cannot be executed", "built for another kind of machine")


def test_a_program_that_a_script_calls_in_vain(both: WarmShell) -> None:
    both.tool(sh("no-such-program")).fails(1, "exit status 127: a program that it called was not found", "| sh: ")


def test_a_job_that_removes_its_own_directory(both: WarmShell) -> None:
    done = both.tool(leaving('cd /; rm -rf "$OLDPWD"', "{type: File, outputBinding: {glob: x}}"))
    done.fails(1, "the command removed its own working directory", "class   output")
    assert "could not be started" not in done.stderr


def test_the_last_words_are_told_where_an_output_is_missing(both: WarmShell) -> None:
    done = both.tool(leaving("echo the reason >&2", "{type: File, outputBinding: {glob: x}}"))
    done.fails(1, "nothing matches 'x'", "| the reason")


# -- expressions ---------------------------------------------------------------------------------------------------------------------

JS = """requirements: {InlineJavascriptRequirement: {}}
baseCommand: echo
inputs: {reads: {type: int, default: 1}}
outputs: {}
arguments:
"""


@pytest.mark.parametrize(("argument", "words"), [
    ("- |\n  ${\n    var long = 1;\n    throw new Error('boo');\n  }\n",
     ["tool.cwl:9:3: the expression ${ var long = 1; throw new Error('boo'); }", "Error: boo (line 3 of the expression)"]),
    ("- $(inputs.raeds.x)\n", ["tool.cwl:8:3: the expression $(inputs.raeds.x)", "is 'reads' meant?"]),
    ("- $(print(1))\n", ["tool.cwl:8:3: the expression $(print(1))", "not defined"]),
    ("- ${var a = []; while (true) a.push(new Array(1e5).fill(1));}\n", ["tool.cwl:8:3:", "more than 256 MiB of memory"]),
    ("- $(function () {})\n", ["tool.cwl:8:3:", "the result is a function"]),
])
def test_a_broken_expression(shell: WarmShell, argument: str, words: list[str]) -> None:
    done = shell.tool(JS + argument)
    done.fails(1, *words, "class   evaluation", "  next: ")
    told_once(done)


def test_an_expression_that_is_no_javascript(shell: WarmShell) -> None:
    shell.tool(JS + "- $(1 +* 2)\n").fails(1, "tool.cwl:8:3: ", "$(1 +* 2)", "unexpected token")


def test_a_broken_expression_of_a_scattered_step(shell: WarmShell) -> None:
    shell.write("wf.cwl", """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {numbers: {type: "int[]", default: [1, 2]}}
outputs: []
steps:
  count:
    run: {class: CommandLineTool, baseCommand: echo, inputs: {n: {type: int, inputBinding: {}}}, outputs: []}
    scatter: n
    in: {n: {source: numbers, valueFrom: "${if (self == 2) throw 'no twos'; return self;}"}}
    out: []
""")
    done = shell.run("wf.cwl")
    done.fails(1, "/count[1] failed: ", "wf.cwl:11:43: ", "the expression ${if (self == 2) throw 'no twos'; return self;}", "no twos")


@pytest.mark.parametrize(("document", "words"), [
    (leaving("true", "{type: int, outputBinding: {outputEval: $('five')}}", "requirements: {InlineJavascriptRequirement: {}}\n"),
     ["tool.cwl:5:54: the output o does not fit: expected int, found a string ('five')", "outputEval"]),
    ("requirements: {InlineJavascriptRequirement: {}, ResourceRequirement: {ramMin: $('lots')}}\n" + sh("true"),
     ["tool.cwl:3:79: ramMin must be a number"]),
    ("requirements: {InlineJavascriptRequirement: {}}\nstdout: $([1])\n" + sh("true"), ["tool.cwl:4:9: stdout must be the name of a file"]),
    ("requirements: {EnvVarRequirement: {envDef: {A: $(runtime)}}}\n" + sh("true"), ["tool.cwl:3:48: the variable A must be a string"]),
    ("stdout: ../out.txt\n" + sh("true"), ["tool.cwl:3:9: stdout '../out.txt' leads out of the output directory"]),
])
def test_an_expression_of_the_wrong_type(shell: WarmShell, document: str, words: list[str]) -> None:
    shell.tool(document).fails(1, *words)


def test_lists_in_a_list_are_not_joined(shell: WarmShell) -> None:
    lists = "{type: {type: array, items: {type: array, items: int}}, default: [[1, 2], [3]], inputBinding: {itemSeparator: ','}}"
    done = shell.tool(f"baseCommand: echo\ninputs: {{x: {lists}}}\noutputs: {{}}\n")
    done.fails(1, "the input x: itemSeparator cannot join a list that holds a list", "tool.cwl:4:", "inner type")


# -- outputs -------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("script", "output", "words"), [
    ("touch reslt.txt a b c d e f", FILE.replace("NAME", "result.txt"),
     ["tool.cwl:5:49: the output o: nothing matches 'result.txt'; the command left 'reslt.txt', 'a', 'b', 'c', 'd' and 2 more"]),
    ("true", FILE.replace("NAME", "x"), ["nothing matches 'x'; the command left no files"]),
    ("touch a.txt b.txt", FILE.replace("NAME", "'*.txt'"), ["one file is expected, 2 match '*.txt': 'a.txt', 'b.txt'", "File[]"]),
    ("mkdir d", FILE.replace("NAME", "d"), ["expected File, found a Directory", "tool.cwl:5:49"]),
    ("ln -s /etc/passwd x", FILE.replace("NAME", "x"), ["x is a link that leads outside, to /etc/passwd", "copy what it shows"]),
    ("ln -s nowhere x", FILE.replace("NAME", "x"), ["nothing matches 'x'; the command left 'x'", "links that lead nowhere"]),
    ("mkfifo x", FILE.replace("NAME", "x"), ["nothing matches 'x'", "pipes"]),
    ("true", FILE.replace("NAME", "/etc/passwd"), ["tool.cwl:5:49: the glob '/etc/passwd' must be relative to the output directory"]),
    ("true", FILE.replace("NAME", "../x"), ["the glob '../x' leads out of the output directory"]),
    ("head -c 70000 /dev/zero >x", "{type: File, outputBinding: {glob: x, loadContents: true}}",
     ["x holds more than 64 KiB", "class   output"]),
    ("printf '\\377' >x", "{type: File, outputBinding: {glob: x, loadContents: true}}", ["x is not text in UTF-8"]),
    ("touch a.bam", "{type: File, secondaryFiles: [{pattern: .bai, required: true}], outputBinding: {glob: a.bam}}",
     ["the secondary file a.bam.bai of a.bam is missing; the command left 'a.bam'", "required: false"]),
    ("touch x", "{type: File, format: $(runtime.cores), outputBinding: {glob: x}}", ["its format must be an address, found "]),
])  # fmt: skip
def test_an_output_that_cannot_be(shell: WarmShell, script: str, output: str, words: list[str]) -> None:
    done = shell.tool(leaving(script, output))
    done.fails(1, "/tool failed: ", *words)
    told_once(done)


@pytest.mark.parametrize(("text", "words"), [
    ('{"o": ', ["cwl.output.json is not JSON: line 1, column 7"]),
    ("\\377", ["cwl.output.json is not JSON"]),
    ("[" * 3000, ["cwl.output.json is not JSON"]),
    ("[1]", ["cwl.output.json must hold an object"]),
    ('{"oo": 3}', ["expected int, found null", "It says 'oo', which is no output of this tool"]),
    ('{"o": "x"}', ["tool.cwl:5:11: cwl.output.json: the output o does not fit: expected int, found a string ('x')"]),
    ('{"o": {"class": "File", "path": "nope"}}', ["cwl.output.json: there is no nope in the output directory"]),
    ('{"o": {"class": "File", "path": "/etc/passwd"}}', ["/etc/passwd lies neither in the output directory nor among the inputs"]),
])
def test_a_broken_output_object(shell: WarmShell, text: str, words: list[str]) -> None:
    done = shell.tool(leaving(f"printf '{text}' >cwl.output.json", "int"))
    done.fails(1, "class   output", *words)
    told_once(done)


def test_an_output_object_that_is_too_large(both: WarmShell) -> None:
    both.tool(leaving("truncate -s 70M cwl.output.json", "int")).fails(1, "cwl.output.json", "more than 64 MiB", "class   output")


def test_a_stream_goes_to_a_directory_that_is_not_there_yet(both: WarmShell) -> None:
    done = both.tool(leaving("echo made", "stdout", "stdout: a/b/out.txt\n"))
    assert Path(done.output["o"]["path"]).read_text() == "made\n"


def test_outputs_of_another_site_that_cannot_be(warm: Warm, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    far = WarmShell(warm, tmp_path / "here", tmp_path / "home", "shell")
    done = far.tool(leaving("touch reslt.txt; mkfifo link", FILE.replace("NAME", "result.txt")))
    done.fails(1, "tool.cwl:5:49: the output o: nothing matches 'result.txt'; the command left 'reslt.txt', 'link'")
    far.tool(leaving("ln -s /etc/passwd link", FILE.replace("NAME", "link"))).fails(1, "link is a link that leads outside, to /etc/passwd")
    far.tool(leaving("echo { >cwl.output.json", "int")).fails(1, "cwl.output.json is not JSON")


# -- what is said --------------------------------------------------------------------------------------------------------------------


def test_a_gigabyte_of_standard_error(both: WarmShell) -> None:
    document = sh("truncate -s 1G /proc/self/fd/2; cat /proc/self/fd/2 >/dev/null; printf 'x%.0s' $(seq 3000) >&2; echo end >&2; exit 3")
    done = both.tool(document.replace("cat /proc/self/fd/2 >/dev/null; ", ""))
    done.fails(1, "exit status 3", "all of its standard error: ")
    assert len(done.stderr) < 5000
    [log] = re.findall(r"all of its standard error: (/\S+)", done.stderr)
    assert Path(log).stat().st_size >= 1 << 30


def test_control_sequences_never_reach_a_terminal(both: WarmShell) -> None:
    said = r"\033]52;c;ZXZpbA==\007\033]0;title\007\033[2Jred\342\200\256\r\302\2335A"
    document = leaving(f"""printf '{said}' >&2; touch "$(printf 'a\\033[31m\\342\\200\\256b')\"""",
                       FILE.replace("NAME", '"x\\e[31m\\u202e"'))  # fmt: skip
    done = both.tool(document)
    done.fails(1, "nothing matches")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", done.stderr), done.stderr
    logs = both("hyflow", "logs", "/tool")
    assert logs.status == 0 and "nothing matches" in logs.stdout
    for text in (both("hyflow", "logs", "--json").stdout, both("hyflow", "logs", "--failed", "--json").stdout,
                 both.tool(document, "--json-log").stderr):  # fmt: skip
        assert "\\u202e" in text and all(json.loads(line) for line in text.splitlines())
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), text


# -- what is left behind -------------------------------------------------------------------------------------------------------------


def test_what_a_tool_leaves_in_the_background_is_ended(both: WarmShell) -> None:
    if shutil.which("setsid") is None:
        pytest.skip("there is no setsid here")
    word = f"31{os.getpid()}"
    pid = f"{both.top}/pid"
    script = f"setsid sh -c 'echo $$ >{pid}; exec sleep {word}' </dev/null >/dev/null 2>&1 & while [ ! -s {pid} ]; do sleep 0.02; done"
    assert both.tool(sh(script)).output == {}
    assert processes(f"sleep\0{word}") == []


# -- logs ----------------------------------------------------------------------------------------------------------------------------


def test_the_log_of_a_step_that_never_began(shell: WarmShell) -> None:
    shell.write("wf.cwl", """
cwlVersion: v1.2
class: Workflow
inputs: []
outputs: []
steps:
  first: {run: {class: CommandLineTool, baseCommand: "false", inputs: [], outputs: {o: stdout}}, in: [], out: [o]}
  second: {run: {class: CommandLineTool, baseCommand: cat, inputs: {f: File}, outputs: []}, in: {f: first/o}, out: []}
""")
    shell.run("wf.cwl").fails(1, "/first failed")
    shell("hyflow", "logs", "/second").fails(1, "the step /second has not begun in this run", "hyflow why", "says what it waits for")
    shell("hyflow", "logs", "/sceond").fails(2, "no job of a step '/sceond' is known in this run")


def test_a_large_log(shell: WarmShell) -> None:
    shell.tool(sh("seq 1000000 >&2; exit 1")).fails(1, "| 1000000")
    whole = shell("hyflow", "logs", "/tool", "--stderr").stdout
    assert whole.startswith("1\n2\n3\n") and whole.endswith("\n1000000\n") and len(whole) == 6888896
    seen = on_a_terminal(shell, "logs", "/tool", "--stderr")
    first, *lines = seen.splitlines()
    assert re.fullmatch(r"\.\.\. the first [\d,]+ of 6,888,896 bytes are left out; --all shows them, and they are in /.*/stderr", first)
    assert lines[-1] == "1000000" and int(lines[0]) == 1000001 - len(lines) and 6000 < len(lines) < 10000


def on_a_terminal(shell: WarmShell, *words: str) -> str:
    """What a terminal is shown."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "HYFLOW_HOME": str(shell.home)}
    with subprocess.Popen([sys.executable, "-c", "from hyflow.cli.main import main; main()", *words], stdin=subprocess.DEVNULL,
                          stdout=theirs, stderr=theirs, env=environment, cwd=shell.top):  # fmt: skip
        os.close(theirs)
        shown = bytearray()
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
    return shown.decode().replace("\r\n", "\n")
