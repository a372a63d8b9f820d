"""Loading: documents of every shape become programs; every mistake is told with its place; the cache holds while nothing changes."""

from __future__ import annotations

import functools
import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hyflow.cwl.load import load
from hyflow.errors import UnsupportedRequirement, UsageError, WorkflowError
from hyflow.model.workflow import Link, Source, Step, Workflow

ECHO = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {text: string}
outputs: {out: stdout}
"""

TWO = """
cwlVersion: v1.2
class: Workflow
requirements: {MultipleInputFeatureRequirement: {}, ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}}
inputs: {a: string, many: "string[]"}
outputs:
  last: {type: File, outputSource: second/out}
  all: {type: "File[]", outputSource: [first/out, second/out], linkMerge: merge_flattened, pickValue: all_non_null}
steps:
  second:
    run: echo.cwl
    in: {text: {source: a, default: none, valueFrom: "$(self)!"}}
    out: [out]
  first:
    run: echo.cwl
    scatter: text
    in: {text: many}
    out: [out]
"""


def write(folder: Path, **documents: str) -> Path:
    for name, text in documents.items():
        (folder / f"{name}.cwl").write_text(text)
    return folder


def test_a_workflow_keeps_the_order_of_its_steps(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO, two=TWO)
    program = load(str(tmp_path / "two.cwl"), cache=None)
    assert program.workflows == {"/": Workflow(
        "/", ("a", "many"),
        (Link("last", (Source("second", "out"),)),
         Link("all", (Source("first", "out"), Source("second", "out")), listed=True, merge="merge_flattened", pick="all_non_null")),
        {
            "second": Step("second", "/second", "command", (Link("text", (Source(None, "a"),), has_default=True, default="none"),),
                           ("out",), computed=True),
            "first": Step("first", "/first", "command", (Link("text", (Source(None, "many"),)),), ("out",), ("text",)),
        },
    )}
    assert list(program.workflows["/"].steps) == ["second", "first"]
    assert program.source == f"file://{tmp_path}/two.cwl"


def test_a_tool_alone_is_a_workflow_of_one_step(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO)
    program = load(str(tmp_path / "echo.cwl"), cache=None)
    step = Step("echo", "/echo", "command", (Link("text", (Source(None, "text"),)),), ("out",))
    assert program.workflows == {"/": Workflow("/", ("text",), (Link("out", (Source("echo", "out"),)),), {"echo": step})}


def test_one_process_of_a_packed_document(tmp_path: Path) -> None:
    packed = {"cwlVersion": "v1.2", "$graph": [
        {"class": "CommandLineTool", "id": "one", "baseCommand": "a", "inputs": [], "outputs": []},
        {"class": "Workflow", "id": "main", "inputs": [], "outputs": [], "steps": [{"id": "s", "run": "#one", "in": [], "out": []}]},
    ]}
    document = tmp_path / "packed.cwl"
    document.write_text(json.dumps(packed))
    assert list(load(str(document), cache=None).workflows["/"].steps) == ["s"]
    assert list(load(f"{document}#one", cache=None).workflows["/"].steps) == ["one"]


def test_a_nested_workflow_takes_its_defaults_where_the_step_gives_nothing(tmp_path: Path) -> None:
    inner = """
cwlVersion: v1.2
class: Workflow
inputs: {text: {type: string, default: hello}, other: {type: "string?", default: world}}
outputs: {}
steps: {say: {run: echo.cwl, in: {text: text}, out: [out]}}
"""
    outer = """
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}}
inputs: {a: "string?"}
outputs: {}
steps: {nest: {run: inner.cwl, in: {text: a}, out: []}}
"""
    write(tmp_path, echo=ECHO, inner=inner, outer=outer)
    program = load(str(tmp_path / "outer.cwl"), cache=None)
    assert program.workflows["/"].steps["nest"].inputs == (
        Link("text", (Source(None, "a"),), has_default=True, default="hello"), Link("other", has_default=True, default="world"))
    assert list(program.workflows) == ["/nest", "/"]
    assert sorted(name for name in program.processes if name.startswith("/")) == ["/nest/say"]


def test_a_default_file_lies_beside_its_document(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", tool="""
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {f: {type: File, default: {class: File, location: data.txt}}}
outputs: {}
""")
    program = load(str(tmp_path / "deep" / "tool.cwl"), cache=None)
    default = program.processes["/tool"]["inputs"][0]["default"]
    assert (default["class"], default["location"]) == ("File", f"file://{tmp_path}/deep/data.txt")


@pytest.mark.parametrize(("text", "line", "what"), [
    (ECHO.replace("outputs", "output"), 6, "there is no field 'output' in a CommandLineTool\n  did you mean outputs?"),
    (ECHO.replace("string", "strin"), 5, "strin"),
    ("cwlVersion: v1.2\nclass: Nonsense\ninputs: []\noutputs: []\n", None, "Nonsense"),
    ("cwlVersion: v9\nclass: Workflow\ninputs: []\noutputs: []\nsteps: []\n", None, "its cwlVersion is none that hyflow knows"),
    ("class: Workflow\ninputs: []\noutputs: []\nsteps: []\n", None, "cwlVersion"),
    ("cwlVersion: [v1.2\n", 2, "the closing ] is missing"),
    ("- just\n- a list\n", None, "a CWL document must be an object"),
    ("", None, "is empty"),
])
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    write(tmp_path, bad=text)
    with pytest.raises(WorkflowError) as caught:
        load(str(tmp_path / "bad.cwl"), cache=None)
    message = str(caught.value)
    assert "bad.cwl" in message
    assert what in message
    assert "Traceback" not in message and "\x1b" not in message
    assert line is None or f"bad.cwl:{line}:" in message


def test_all_mistakes_are_told_with_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, bad=ECHO.replace("{text: string}", "{text: {type: string, inputBindig: {}}}").replace("baseCommand", "baseComand"))
    with pytest.raises(WorkflowError) as caught:
        load("bad.cwl", cache=None)
    assert str(caught.value).splitlines() == [
        "bad.cwl:4:1: there is no field 'baseComand' in a CommandLineTool", "  did you mean baseCommand?",
        "bad.cwl:5:31: there is no field 'inputBindig' in an input", "  did you mean inputBinding?",
    ]


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such document"):
        load(str(tmp_path / "none.cwl"), cache=None)
    write(tmp_path, outer=TWO)
    with pytest.raises(WorkflowError, match=r"echo\.cwl"):
        load(str(tmp_path / "outer.cwl"), cache=None)


def test_a_workflow_that_runs_itself(tmp_path: Path) -> None:
    text = """
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}}
inputs: {}
outputs: {}
steps: {again: {run: other.cwl, in: {}, out: []}}
"""
    write(tmp_path, loop=text, other=text.replace("other.cwl", "loop.cwl"))
    with pytest.raises(WorkflowError, match=r"other\.cwl:7:22: a process runs itself: .*loop\.cwl -> .*other\.cwl -> .*loop\.cwl"):
        load(str(tmp_path / "loop.cwl"), cache=None)


def test_processes_without_a_name_may_nest(tmp_path: Path) -> None:
    tool = "{class: CommandLineTool, baseCommand: x, inputs: [], outputs: []}"
    inner = f"{{class: Workflow, inputs: [], outputs: [], steps: {{c: {{run: {tool}, in: [], out: []}}}}}}"
    middle = f"{{class: Workflow, inputs: [], outputs: [], steps: {{b: {{run: {inner}, in: [], out: []}}}}}}"
    write(tmp_path, wf=f"""
cwlVersion: v1.2
class: Workflow
requirements: {{SubworkflowFeatureRequirement: {{}}}}
inputs: []
outputs: []
steps: {{a: {{run: {middle}, in: [], out: []}}}}
""")
    assert list(load(str(tmp_path / "wf.cwl"), cache=None).workflows) == ["/a/b", "/a", "/"]


@pytest.mark.parametrize("requirement", ["NoSuchRequirement", "http://example.org/Other"])
def test_a_requirement_that_nobody_knows_is_refused(tmp_path: Path, requirement: str) -> None:
    write(tmp_path, bad=ECHO + f"requirements: [{{class: '{requirement}'}}]\n")
    with pytest.raises(UnsupportedRequirement, match=requirement):
        load(str(tmp_path / "bad.cwl"), cache=None)


def test_a_hint_that_nobody_knows_is_said(tmp_path: Path) -> None:
    write(tmp_path, tool=ECHO + "hints: [{class: 'http://example.org/Other'}]\n")
    program = load(str(tmp_path / "tool.cwl"), cache=None)
    assert program.warnings == (f"{tmp_path}/tool.cwl:7:10: the hint http://example.org/Other is not known, it is passed over",)


def test_an_operation_cannot_run(tmp_path: Path) -> None:
    write(tmp_path, op="cwlVersion: v1.2\nclass: Operation\ninputs: {a: string}\noutputs: {b: File}\n")
    with pytest.raises(UnsupportedRequirement, match="an abstract Operation cannot run"):
        load(str(tmp_path / "op.cwl"), cache=None)


def test_aliases_that_explode_are_refused(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 20))
    write(tmp_path, bomb=ECHO + bomb)
    with pytest.raises(WorkflowError, match="aliases expand"):
        load(str(tmp_path / "bomb.cwl"), cache=None)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[str]:
    """The address of a server of this machine that shows `tmp_path`."""
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_remote_document_is_not_kept(tmp_path: Path, remote: str) -> None:
    write(tmp_path, echo=ECHO, two=TWO)
    program = load(f"{remote}/two.cwl", cache=tmp_path / "cache")
    assert (program.source, list(program.workflows["/"].steps)) == (f"{remote}/two.cwl", ["second", "first"])
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("harm", [
    "inputs: {f: {type: File, default: {class: File, location: 'file:///etc/passwd'}}}",
    "inputs: {f: {type: Any, default: [{class: Directory, location: 'file:///etc'}]}}",
    "inputs: []\nrequirements: {InlineJavascriptRequirement: {expressionLib: [{$include: 'file:///etc/passwd'}]}}",
    "inputs: {$import: 'file:///etc/passwd'}",
    "inputs: []\n$schemas: ['file:///etc/passwd']",
])
def test_a_remote_document_may_not_name_local_files(tmp_path: Path, remote: str, harm: str) -> None:
    write(tmp_path, bad=f"cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: c\noutputs: []\n{harm}\n")
    with pytest.raises(WorkflowError, match=r"passwd|/etc") as caught:
        load(f"{remote}/bad.cwl", cache=None)
    assert "root:" not in str(caught.value)


def test_a_path_in_a_remote_document_is_meant_there(tmp_path: Path, remote: str) -> None:
    write(tmp_path, tool="""
cwlVersion: v1.2
class: CommandLineTool
baseCommand: c
inputs: {f: {type: File, default: {class: File, path: /etc/passwd}}}
outputs: []
""")
    program = load(f"{remote}/tool.cwl", cache=None)
    assert program.processes["/tool"]["inputs"][0]["default"]["location"] == f"{remote}/etc/passwd"


def test_overrides_from_outside(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO)
    override = {"class": "EnvVarRequirement", "envDef": {"A": "b"}}
    program = load(str(tmp_path / "echo.cwl"), cache=None, overrides=[override])
    assert program.processes["/echo"]["requirements"] == {"EnvVarRequirement": {"envDef": {"A": "b"}, "required": True}}


def test_the_innermost_requirement_counts_and_requirements_before_hints(tmp_path: Path) -> None:
    tool = ECHO + "hints: {ResourceRequirement: {coresMin: 4}}\nrequirements: {ToolTimeLimit: {timelimit: 4}}\n"
    outer = """
cwlVersion: v1.2
class: Workflow
requirements: {ResourceRequirement: {coresMin: 1}, ToolTimeLimit: {timelimit: 1}, WorkReuse: {enableReuse: false}}
inputs: {a: string}
outputs: {}
steps: {s: {run: echo.cwl, in: {text: a}, out: [], requirements: {ResourceRequirement: {coresMin: 2}, ToolTimeLimit: {timelimit: 2}}}}
"""
    write(tmp_path, echo=tool, outer=outer)
    assert load(str(tmp_path / "outer.cwl"), cache=None).processes["/s"]["requirements"] == {
        "ResourceRequirement": {"coresMin": 2, "required": True}, "ToolTimeLimit": {"timelimit": 4, "required": True},
        "WorkReuse": {"enableReuse": False, "required": True}}


def test_versions_are_kept(tmp_path: Path) -> None:
    for version in ("v1.0", "v1.1", "v1.2"):
        write(tmp_path, echo=ECHO.replace("v1.2", version))
        program = load(str(tmp_path / "echo.cwl"), cache=None)
        assert program.processes["/echo"]["version"] == version


def test_a_program_is_kept_until_a_document_changes(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO, two=TWO)
    cache = tmp_path / "cache"
    first = load(str(tmp_path / "two.cwl"), cache=cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert [stat.S_IMODE(kept.stat().st_mode) for kept in cache.iterdir()] == [0o600]
    assert load(str(tmp_path / "two.cwl"), cache=cache) == first
    write(tmp_path, echo=ECHO.replace("echo", "printf"))
    again = load(str(tmp_path / "two.cwl"), cache=cache)
    assert again.processes["/first"]["baseCommand"] == "printf"


def test_a_cache_that_is_broken_is_no_cache(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO)
    cache = tmp_path / "cache"
    first = load(str(tmp_path / "echo.cwl"), cache=cache)
    for kept in cache.iterdir():
        kept.write_bytes(b'{"documents": {}, "program": 7}')
    assert load(str(tmp_path / "echo.cwl"), cache=cache) == first


def test_the_second_start_does_without_cwltool(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO)
    load(str(tmp_path / "echo.cwl"), cache=tmp_path / "cache")
    script = (
        "import sys; from pathlib import Path; from hyflow.cwl.load import load\n"
        "load(sys.argv[1], cache=Path(sys.argv[2]))\n"
        "print([name for name in ('cwltool', 'schema_salad', 'ruamel', 'rdflib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "echo.cwl"), str(tmp_path / "cache")],
                          capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_document_that_several_steps_run_keeps_its_version(tmp_path: Path) -> None:
    write(tmp_path, echo=ECHO.replace("v1.2", "v1.1"), two=TWO)
    processes = load(str(tmp_path / "two.cwl"), cache=None).processes
    assert [processes[name]["version"] for name in ("/first", "/second", "start:/")] == ["v1.1", "v1.1", "v1.2"]
