"""From a job and a place to a task: staging, environment, streams and what to collect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onetool import HOME, RESOURCES, Tool, file, folder, source

from hyflow.cwl.bind import escaped
from hyflow.errors import WorkflowError
from hyflow.model.tasks import Glob, Stage, StageKind, Task

HEAD = "cwlVersion: v1.2\nclass: CommandLineTool\n"
LINK, WRITE, MKDIR = StageKind.LINK, StageKind.WRITE, StageKind.MKDIR
HOSTILE = ["a b", "it's", 'say "x"', "$(x)", "new\nline", "-dash", "100%", "%41", "#1", "what?", "é😀", "a:b", "\\back", "~", "*",
           b"caf\xe9".decode("utf-8", "surrogateescape")]


def test_a_whole_task(tmp_path: Path) -> None:
    tool = Tool(tmp_path, HEAD + """
baseCommand: sort
requirements:
  EnvVarRequirement: {envDef: {LC_ALL: C, WHO: "$(inputs.f.nameroot)", N: "$(inputs.n)"}}
  ToolTimeLimit: {timelimit: 9}
  NetworkAccess: {networkAccess: true}
inputs: {f: {type: File}, n: {type: int, inputBinding: {prefix: -n}}}
stdin: $(inputs.f.path)
stdout: $(inputs.f.nameroot).out
stderr: logs/err
outputs: {o: {type: stdout}, all: {type: "File[]", outputBinding: {glob: ["*.txt", "sub/*"], loadContents: true}}}
""")
    assert tool.bind(f=file("file:///d/a.txt"), n=3).task == Task(
        "key", "/tool", "/job", ("sort", "-n", "3"), {**HOME, "LC_ALL": "C", "WHO": "a", "N": "3"},
        stdin="/job/in/1/a.txt", stdout="a.out", stderr="logs/err", resources=RESOURCES, time_limit=9.0, network=True,
        stage=(Stage(LINK, "in/1/a.txt", source("file:///d/a.txt")),),
        collect=(Glob("a.out"), Glob("*.txt", contents=True), Glob("sub/*", contents=True)),
    )


def test_secondary_files_lie_beside_and_literals_are_made(tmp_path: Path) -> None:
    tool = Tool(tmp_path, HEAD + "baseCommand: c\ninputs: {f: File, l: File, d: Directory, e: Directory}\noutputs: {}")
    bound = tool.bind(
        f=file("file:///d/a.bam", secondaryFiles=[{**file("file:///e/x.bai"), "basename": "a.bam.bai"}, folder("site://hpc/i")]),
        l={"class": "File", "basename": "lit", "contents": "é\n"},
        d={"class": "Directory", "basename": "made", "listing": [
            file("file:///d/1"), {"class": "Directory", "basename": "deep", "listing": [file("file:///d/2", secondaryFiles=[file("file:///d/3")])]}]},
        e=folder("file:///d/e", listing=[file("file:///d/e/x")]),
    )
    assert bound.task.stage == (
        Stage(LINK, "in/1/a.bam", "/data/d/a.bam"), Stage(LINK, "in/1/a.bam.bai", "/data/e/x.bai"),
        Stage(LINK, "in/1/i", "/datahpc/i", directory=True),
        Stage(WRITE, "in/2/lit", text="é\n"),
        Stage(MKDIR, "in/3/made"), Stage(LINK, "in/3/made/1", "/data/d/1"), Stage(MKDIR, "in/3/made/deep"),
        Stage(LINK, "in/3/made/deep/2", "/data/d/2"), Stage(LINK, "in/3/made/deep/3", "/data/d/3"),
        Stage(LINK, "in/4/e", "/data/d/e", directory=True),
    )
    assert [bound.inputs["f"]["secondaryFiles"][0][word] for word in ("path", "dirname")] == ["/job/in/1/a.bam.bai", "/job/in/1"]
    assert bound.inputs["d"]["listing"][1]["listing"][0]["path"] == "/job/in/3/made/deep/2"
    assert bound.inputs["e"]["listing"][0]["path"] == "/job/in/4/e/x"


def test_two_secondary_files_of_one_name_are_refused(tmp_path: Path) -> None:
    tool = Tool(tmp_path, HEAD + "baseCommand: c\ninputs: {f: File}\noutputs: {}")
    with pytest.raises(WorkflowError, match="two files called x belong into one directory"):
        tool.bind(f=file("file:///d/a", secondaryFiles=[file("file:///1/x"), file("file:///2/x")]))


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\0b", 7])
def test_names_that_no_file_can_have(tmp_path: Path, name: Any) -> None:
    tool = Tool(tmp_path, HEAD + "baseCommand: c\ninputs: {f: File}\noutputs: {}")
    with pytest.raises(WorkflowError, match="cannot be the name of a file"):
        tool.bind(f={**file("file:///d/a"), "basename": name})


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_pass_unharmed(tmp_path: Path, name: str) -> None:
    tool = Tool(tmp_path, HEAD + "baseCommand: c\ninputs: {f: {type: File, inputBinding: {}}}\noutputs: {}\nstdout: $(inputs.f.basename)")
    task = tool.bind(f={**file("file:///d/x"), "basename": name}).task
    assert (task.argv, task.stdout, task.stage) == (("c", f"/job/in/1/{name}"), name, (Stage(LINK, f"in/1/{name}", "/data/d/x"),))


@pytest.mark.parametrize(("body", "what"), [
    ("stdout: ../out", "stdout '../out' leads out of the output directory"),
    ("stdout: /etc/passwd", "leads out of the output directory"),
    ("stdin: /etc/passwd", "stdin '/etc/passwd' leads out"),
    ("outputs: {o: {type: File, outputBinding: {glob: /etc/passwd}}}", "the glob '/etc/passwd' must be relative"),
    ("outputs: {o: {type: File, outputBinding: {glob: a/../../b}}}", "the glob 'a/../../b' leads out"),
    ("outputs: {o: {type: File, outputBinding: {glob: $(7)}}}", "a glob must be a string or a list of strings"),
    ("requirements: {InlineJavascriptRequirement: {}, EnvVarRequirement: {envDef: {A: '$([1])'}}}", "the variable A must be a string"),
    ("requirements: {EnvVarRequirement: {envDef: {'A=B': x}}}", "cannot be an environment variable"),
])
def test_what_leads_out_is_refused(tmp_path: Path, body: str, what: str) -> None:
    text = HEAD + "baseCommand: c\ninputs: {}\n" + ("" if "outputs" in body else "outputs: {}\n")
    script = "" if "requirements" in body else "requirements: {InlineJavascriptRequirement: {}}\n"
    with pytest.raises(WorkflowError) as caught:
        Tool(tmp_path, text + script + body).bind()
    assert what in str(caught.value)


def test_globs_below_the_output_directory_and_secondary_globs(tmp_path: Path) -> None:
    tool = Tool(tmp_path, HEAD + """
baseCommand: c
requirements: {InlineJavascriptRequirement: {}}
inputs: {}
stdout: "a[1].txt"
outputs:
  log: {type: stdout}
  one: {type: File, outputBinding: {glob: "$(runtime.outdir)/./x.bam"}, secondaryFiles: [.bai, ^.idx, "$(self.basename).y"]}
  dir: {type: Directory, outputBinding: {glob: $(runtime.outdir)}}
  none: {type: "File?", outputBinding: {glob: "$(null)"}}
  rec:
    type:
      type: record
      name: r
      fields: {p: {type: File, outputBinding: {glob: [p1, p2]}}, q: {type: File, outputBinding: {glob: q}}}
""")
    bound = tool.bind()
    patterns = ("a[[]1].txt", "x.bam", ".", "p1", "p2", "q", "x.bam.bai", "x.idx")
    assert bound.task.collect == tuple(map(Glob, patterns))
    assert bound.globs == {"log": (0,), "one": (1,), "dir": (2,), "none": (), "rec.p": (3, 4), "rec.q": (5,)}


def test_streams_that_the_document_leaves_nameless_get_names_of_their_own(tmp_path: Path) -> None:
    task = Tool(tmp_path, HEAD + "baseCommand: c\ninputs: {i: stdin}\noutputs: {o: stdout, e: stderr}").bind(i=file("file:///d/a")).task
    assert task.stdin == "/job/in/1/a"
    assert task.stdout and task.stderr
    assert task.collect == (Glob(task.stdout), Glob(task.stderr))


def test_runtime(tmp_path: Path) -> None:
    tool = Tool(tmp_path, HEAD + "baseCommand: c\narguments: [$(runtime.cores), $(runtime.ram), $(runtime.outdir), $(runtime.tmpdir), "
                "$(runtime.outdirSize), $(runtime.tmpdirSize)]\ninputs: {}\noutputs: {}")
    assert tool.argv() == ("c", "1", "256", "/job/out", "/job/tmp", "1024", "1024")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab*?[]!\\-^.é", min_size=1))
def test_an_escaped_glob_matches_its_text_alone(text: str) -> None:
    from fnmatch import fnmatchcase

    assert fnmatchcase(text, escaped(text))
    assert not fnmatchcase(text + "x", escaped(text))
