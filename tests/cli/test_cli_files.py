"""Which file is which, and what is said of a file that is not what is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commandline import Shell

from hyflow.cli.files import Files, check_document, check_optional, told_apart
from hyflow.errors import InputError, UsageError

TOOL = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: [echo, -n]
inputs: {word: {type: string, inputBinding: {}}}
outputs: {out: stdout}
stdout: said
"""
FILES = {
    "echo.cwl": TOOL, "echo.yml": TOOL, "job.yml": "word: x\n", "job2.yml": "word: y\n", "empty.yml": "", "list.yml": "- 1\n",
    "deploy.yml": "version: 1\nsites: {h: {type: local}}\n", "deploy2.json": '{"version": 1, "sites": {"h": {"type": "local"}}}',
    "named.yml": "cwl:tool: echo.cwl\nword: z\n", "slip.yml": "version: 1\nstes: {h: {type: local}}\n", "broken.yml": "a: [1\n",
    "lacks.yml": "inputs: {}\noutputs: {}\n",
}  # fmt: skip
JOB = "a job file (it has none of cwlVersion, $graph and sites)"
DEPLOY = "a deployment file (it has sites)"
DOCUMENT = "a CWL document (it has cwlVersion)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bin.yml").write_bytes(b"\x7fELF\0\0\1")
    (tmp_path / "dir").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "document", "job", "deploy"),
    [
        ("echo.cwl", "echo.cwl", None, None), ("echo.cwl#main", "echo.cwl#main", None, None), ("echo.yml", "echo.yml", None, None),
        ("deploy.yml job.yml echo.cwl", "echo.cwl", "job.yml", "deploy.yml"), ("lacks.yml", "lacks.yml", None, None),
        ("job.yml echo.yml deploy2.json", "echo.yml", "job.yml", "deploy2.json"), ("named.yml", None, "named.yml", None),
        ("named.yml deploy.yml", None, "named.yml", "deploy.yml"),
        ("deploy.yml named.yml", None, "named.yml", "deploy.yml"), ("echo.cwl empty.yml", "echo.cwl", "empty.yml", None),
        ("http://example.org/wf.yml job.yml", "http://example.org/wf.yml", "job.yml", None),
        ("echo.cwl http://example.org/job.yml", "echo.cwl", "http://example.org/job.yml", None), ("list.yml", "list.yml", None, None),
    ],
)  # fmt: skip
def test_files_are_told_apart(words: str, document: str | None, job: str | None, deploy: str | None) -> None:
    assert told_apart(words.split()) == Files(document, job, deploy)


def told(work: object, *arguments: object) -> str:
    with pytest.raises(UsageError) as caught:
        work(*arguments)  # type: ignore[operator]  # a function
    return str(caught.value).replace("\n  ", "; ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("job.yml", f"job.yml: this is {JOB}, and there is no CWL document to run; name the workflow, too: hyflow run WORKFLOW job.yml"),
        ("deploy.yml job.yml", f"deploy.yml: this is {DEPLOY}, and there is no CWL document to run; "
                               "hyflow check deploy.yml checks it, hyflow run WORKFLOW deploy.yml uses it"),
        ("empty.yml", "empty.yml: this is an empty file, and there is no CWL document to run; "
                      "name the workflow, too: hyflow run WORKFLOW empty.yml"),
        ("echo.cwl job.yml job2.yml", "job.yml and job2.yml both look like the job file: they have neither cwlVersion nor sites; "
                                      "leave one of them out; --job FILE says which is which"),
        ("echo.cwl deploy.yml deploy2.json", "deploy.yml and deploy2.json both look like the deployment file: they have sites; "
                                             "leave one of them out; --deploy FILE says which is which"),
        ("echo.cwl echo.yml", "echo.cwl and echo.yml are both CWL documents: one is run at a time; leave one of them out"),
        ("echo.cwl job.yml job.yml", "job.yml: this file is named twice; name it once"),
        ("echo.cwl job.yml ./job.yml", "./job.yml: this file is named twice, also as job.yml; name it once"),
        ("ech.cwl", "ech.cwl: there is no such file; did you mean echo.cwl?"),
        ("echo.cwl jbo.yml", "jbo.yml: there is no such file; did you mean job.yml?"),
        ("echo.cwl dri/job.yml", "dri/job.yml: there is no such file; there is no directory dri either"),
        ("echo.cwl -", "-: there is no such file; to read standard input, name /dev/stdin"),
        ("dir", "dir: this is a directory, and a file is needed"),
        ("echo.cwl dir", "dir: this is a directory, and a file is needed"),
        ("echo.cwl list.yml", "list.yml: its content does not tell whether this is a job or a deployment file; "
                              "say --job FILE or --deploy FILE"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart(words: str, said: str) -> None:
    assert told(told_apart, words.split()) == said


def test_one_file_by_two_names() -> None:
    os.symlink("job.yml", "link.yml")
    assert "link.yml: this file is named twice, also as job.yml" in told(told_apart, ["echo.cwl", "job.yml", "link.yml"])
    assert "named twice" in told(told_apart, ["echo.cwl", "job.yml"], "./job.yml")


@pytest.mark.parametrize("file", ["bin.yml", "broken.yml"])
def test_what_is_no_text_or_no_yaml_is_a_mistake_in_the_file(file: str) -> None:
    for words in ([file], ["echo.cwl", file]):
        with pytest.raises(InputError, match=f"{file}:") as caught:
            told_apart(words)
        assert "codec" not in str(caught.value)


def test_a_file_of_the_wrong_kind_is_named_for_what_it_is() -> None:
    assert told(check_optional, "job.yml", "deployment", "hyflow check") == (
        f"job.yml: this is {JOB}, and hyflow check takes a deployment file; "
        "hyflow validate WORKFLOW job.yml checks a job file against its workflow")  # fmt: skip
    assert told(check_optional, "echo.yml", "deployment", "--deploy") == (
        f"echo.yml: this is {DOCUMENT}, and --deploy takes a deployment file; "
        "hyflow validate echo.yml checks it, hyflow run echo.yml runs it")  # fmt: skip
    assert told(check_optional, "deploy.yml", "job", "--job") == (
        f"deploy.yml: this is {DEPLOY}, and --job takes a job file; hyflow check deploy.yml checks it; --deploy deploy.yml uses it")
    assert told(check_document, "deploy.yml", "cwl-runner") == (
        f"deploy.yml: this is {DEPLOY}, and cwl-runner takes a CWL document; "
        "hyflow check deploy.yml checks it, hyflow run WORKFLOW deploy.yml uses it")  # fmt: skip
    for file in (None, "echo.cwl", "echo.yml", "named.yml", "lacks.yml", "http://example.org/x.yml", "echo.cwl#x"):
        check_document(file, "cwl-runner")
    for file in ("deploy.yml", "slip.yml", "list.yml", "empty.yml", None):
        check_optional(file, "deployment", "hyflow check")


def test_links_that_lead_nowhere() -> None:
    os.symlink("none/x", "dangling.yml")
    os.symlink("loop.yml", "loop.yml")
    assert told(told_apart, ["echo.cwl", "dangling.yml"]) == "dangling.yml: this link leads to nothing: there is no none/x"
    assert told(told_apart, ["echo.cwl", "loop.yml"]) == "loop.yml: cannot be read: Too many levels of symbolic links"


def test_a_pipe_is_not_read_to_see_what_it_is() -> None:
    os.mkfifo("pipe")
    assert told_apart(["echo.cwl", "pipe"]) == Files("echo.cwl", "pipe", None)
    check_optional("pipe", "job", "JOB")


def test_no_command_tells_of_a_file_what_only_another_could(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shell = Shell(here, tmp_path_factory.mktemp("home"))
    shell("hyflow", "check", "echo.cwl").fails(2, f"echo.cwl: this is {DOCUMENT}, and hyflow check takes a deployment file")
    shell("hyflow", "check", "slip.yml").fails(1, "slip.yml:2:1: there is no setting 'stes'\n  did you mean sites?")
    shell("hyflow", "validate", "deploy.yml").fails(2, f"deploy.yml: this is {DEPLOY}")
    shell("hyflow", "validate", "echo.cwl", "deploy.yml").fails(2, "deploy.yml: a deployment file is no job file\n  hyflow check ")
    shell("cwl-runner", "echo.cwl", "deploy.yml").fails(2, f"deploy.yml: this is {DEPLOY}, and JOB takes a job file")
    assert "echo.cwl is valid" in shell("hyflow", "validate", "job.yml", "echo.cwl").stdout
    assert "is valid" in shell("hyflow", "validate", "named.yml").stdout
    assert shell("hyflow", "run", "--outdir", "o", "deploy.yml", "named.yml").output["out"]["size"] == 1
    assert shell("cwl-runner", "--outdir", "o", "named.yml").output["out"]["size"] == 1


def test_init_says_why_it_cannot_write(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shell = Shell(here, tmp_path_factory.mktemp("home"))
    shell("hyflow", "init", "dir").fails(2, "hyflow: dir: this is a directory\n  name a file in it: dir/deploy.yml\n")
    shell("hyflow", "init", "none/d.yml").fails(2, "none/d.yml: the directory none is not there\n  make it first, or name another place\n")
    shell("hyflow", "init", "job.yml/d.yml").fails(2, "job.yml/d.yml: the directory job.yml is no directory\n")
    shell("hyflow", "init").fails(2, "deploy.yml: this file is there already\n  name another, or write over it with --force\n")
    assert "hyflow check 'my d.yml'" in shell("hyflow", "init", "my d.yml").stderr
    assert shell("hyflow", "check", "my d.yml").status == 0
