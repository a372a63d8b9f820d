"""The command itself, and init, check and schema, as users type them."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import lab
import pytest

from hyflow.cli.guard import guarded
from hyflow.cli.schema import SCHEMAS, text_of
from hyflow.cli.verbs import EXAMPLES, RUNNER, VERBS
from hyflow.errors import UsageError
from hyflow.model.containers import RUNTIMES, ContainerSettings
from hyflow.shell.settings import ShellSettings

ROOT = Path(__file__).resolve().parents[2]


def hyflow(*arguments: str, cwd: Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", "from hyflow.cli.main import main; main()", *arguments]
    return subprocess.run(argv, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


def test_without_arguments_it_says_what_it_can(tmp_path: Path) -> None:
    done = hyflow(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(verb in done.stderr for verb in VERBS)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from hyflow.cli.main import perform; perform(['--help']); print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"asyncio", "cwltool", "jsonschema", "msgspec", "rich", "schema_salad", "sqlite3", "yaml"}
    assert heavy & set(done.stderr.split()) == set()


def test_a_verb_that_is_nearly_right(tmp_path: Path) -> None:
    done = hyflow("chek", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "hyflow: there is no verb 'chek'\n  did you mean hyflow check?\n")


def test_the_table_of_verbs_says_what_their_modules_say() -> None:
    assert {verb: importlib.import_module(f"hyflow.cli.{verb}").HELP for verb in VERBS} == VERBS
    assert set(EXAMPLES) == {*VERBS, RUNNER}


def test_every_end_is_a_status_and_a_message(capfd: pytest.CaptureFixture[str], hyflow_home: Path) -> None:
    def ends(error: BaseException) -> int:
        def work() -> int:
            raise error

        return guarded(work)

    assert ends(UsageError("no \x1b[31m")) == 2
    assert ends(KeyboardInterrupt()) == 130
    assert ends(ZeroDivisionError("oops\nmore")) == 1
    said = capfd.readouterr().err
    assert "\x1b" not in said
    assert "Traceback" not in said
    crash = max((hyflow_home / "crash").iterdir(), key=lambda path: path.stat().st_mtime)
    assert f"this is a bug in hyflow: ZeroDivisionError: oops (the details are in {crash})" in said
    assert "Traceback" in crash.read_text()
    assert crash.stat().st_mode & 0o077 == 0


def test_nobody_reads(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = hyflow("schema", "deployment", cwd=tmp_path, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_other_pipes_that_break_are_no_silent_end(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError("another pipe")

    assert guarded(work) == 1
    assert "this is a bug in hyflow: BrokenPipeError" in capfd.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_is_closed_or_full(tmp_path: Path) -> None:
    code = f"{shlex.quote(sys.executable)} -c 'from hyflow.cli.main import main; main()'"
    for line, status, said in (
        (f"{code} --help >&-", 0, ""), (f"{code} chek >&- 2>&-", 2, ""),
        (f"{code} schema deployment >/dev/full", 1, "hyflow: cannot write: No space left on device\n  make room, then try again\n"),
    ):  # fmt: skip
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_init_writes_a_file_that_check_likes(tmp_path: Path) -> None:
    assert hyflow("init", cwd=tmp_path).returncode == 0
    text = (tmp_path / "deploy.yml").read_text()
    assert all(f"{name}:" in text for name in ("workdir", "cores", "memory", "command", "max_jobs", "poll"))
    again = hyflow("init", cwd=tmp_path)
    assert (again.returncode, again.stderr.splitlines()[0]) == (2, "hyflow: deploy.yml: this file is there already")
    assert hyflow("init", "--force", "deploy.yml", cwd=tmp_path).returncode == 0
    done = hyflow("check", "deploy.yml", "--connect", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/  ->  here" in done.stdout


def test_init_fills_the_empty_file_that_a_redirection_makes(tmp_path: Path) -> None:
    with (tmp_path / "deploy.yml").open("wb") as file:
        assert hyflow("init", cwd=tmp_path, stdout=file.fileno()).returncode == 0
    assert (tmp_path / "deploy.yml").read_text().startswith("# A deployment file")


def test_what_init_comments_out_can_be_commented_in(tmp_path: Path) -> None:
    from hyflow.cli.init import starter
    from hyflow.deployment import plugins, read
    from hyflow.deployment.settings import settings_of

    lines = starter(plugins.load(["local", "shell"])).splitlines()
    start = next(n for n, line in enumerate(lines) if line == "  # shell-site:")
    end = lines.index("", start)
    lines[start:end] = [line.replace("  # ", "  ", 1).replace("  #   ", "    ", 1) for line in lines[start:end]]
    (tmp_path / "d.yml").write_text("\n".join(lines))
    sites = read(tmp_path / "d.yml").sites
    assert list(sites) == ["here", "shell-site"]
    settings = sites["shell-site"].container
    assert {one.name: getattr(settings, one.name) for one in settings_of(ContainerSettings)} == {
        one.name: one.example if one.default is None else one.default for one in settings_of(ContainerSettings)
    }
    assert sites["shell-site"].modules == {"samtools": "samtools/1.19"}


BOX = """version: 1
sites:
  here: {type: local}
  box: {type: shell, command: [sh, -c], workdir: WORKDIR}
bind:
  - {step: /, site: here}
  - {step: /a, site: [box, here], resources: {cores: 2, memory: 1GiB}}
profiles:
  small: {bind: [{step: /, site: box}]}
  wrong: {bind: [{step: /, site: bx}]}
"""


def test_check_tells_what_it_understood_and_checks_every_profile(tmp_path: Path) -> None:
    (tmp_path / "d.yml").write_text(BOX.replace("WORKDIR", str(tmp_path / "box")))
    done = hyflow("check", "d.yml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "hyflow: d.yml:10:34: there is no site 'bx' (with profile wrong)\n  did you mean box?\n"
    done = hyflow("check", "--profile", "small", "--connect", "d.yml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  /  ->  box" in done.stdout
    assert f"works in {tmp_path / 'box'} on file system box" in done.stdout


def test_check_names_the_site_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "d.yml").write_text(BOX.replace("WORKDIR", "/x").replace("[sh, -c]", '["false"]'))
    done = hyflow("check", "d.yml", "--connect", "--profile", "small", cwd=tmp_path)
    assert done.returncode == 1
    assert "box  FAILED: " in done.stderr
    assert "  here  " in done.stdout


def test_schemas_are_listed_printed_and_written(tmp_path: Path) -> None:
    assert [line.split()[0] for line in hyflow("schema", cwd=tmp_path).stdout.splitlines()] == list(SCHEMAS)
    assert json.loads(hyflow("schema", "deployment", cwd=tmp_path).stdout)["title"] == "hyflow deployment file"
    assert hyflow("schema", "--write", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out" / "deployment.json").read_text() == text_of("deployment")
    assert "did you mean deployment?" in hyflow("schema", "deplyment", cwd=tmp_path).stderr


def test_the_schemas_in_the_repository_are_those_of_the_code() -> None:
    """When this fails: hyflow schema --write schemas"""
    assert {path.stem: path.read_text() for path in (ROOT / "schemas").glob("*.json")} == {name: text_of(name) for name in SCHEMAS}


def test_the_reference_is_complete_and_its_file_is_valid(tmp_path: Path) -> None:
    from hyflow.deployment import plugins, read
    from hyflow.deployment.schema import COMMON
    from hyflow.deployment.settings import settings_of

    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    kinds = {name: plugin.settings for name, plugin in plugins.load(["local", "shell", "ssh"]).items()}
    for name, settings in {**kinds, "container": ContainerSettings}.items():
        part = page.partition(f"### `{name}`")[2].partition("\n##")[0]
        elsewhere = [one.name for one in settings_of(ShellSettings) if name == "ssh" and one.name != "workdir"]  # it has them from there
        told = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        assert told + elsewhere == [one.name for one in settings_of(settings)]
        assert all(f"`{setting}`" in part for setting in elsewhere)
    part = page.partition("### `container`")[2].partition("\n##")[0]
    assert all(f"`{runtime}`" in part for runtime in RUNTIMES)
    assert set(COMMON) <= set(re.findall(r"^### `(\w+)`", page, re.MULTILINE))
    (example,) = (text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "version:" in text)
    (tmp_path / "d.yml").write_text(example, encoding="utf-8")
    assert str(read(tmp_path / "d.yml", "dev").bind[0].targets[0]) == "here"
    assert [str(target) for target in read(tmp_path / "d.yml").targets("/train/fit")] == ["box", "here"]


EXPRESSION = """cwlVersion: v1.2
class: Workflow
requirements: {InlineJavascriptRequirement: {}}
inputs: {word: string}
outputs: {said: {type: string, outputSource: shout/said}}
steps:
  shout:
    run: {class: ExpressionTool, inputs: {word: string}, outputs: {said: string}, expression: "${return {said: inputs.word + '!'}}"}
    in: {word: word}
    out: [said]
"""


def test_an_expression_needs_no_site(tmp_path: Path, hyflow_home: Path) -> None:
    (tmp_path / "wf.cwl").write_text(EXPRESSION)
    (tmp_path / "d.yml").write_text(BOX.replace("WORKDIR", str(tmp_path / "box")).partition("bind:")[0])
    done = hyflow("run", "--quiet", "wf.cwl", "d.yml", "--", "--word", "hey", cwd=tmp_path)
    assert (json.loads(done.stdout), done.stderr) == ({"said": "hey!"}, "")
    (tmp_path / "d.yml").write_text(BOX.replace("WORKDIR", str(tmp_path / "box")))
    done = hyflow("run", "--quiet", "wf.cwl", "d.yml", "--", "--word", "hey", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "hyflow: d.yml:7:5: the workflow has no step /a\n  its steps: /shout\n")


def test_a_location_that_a_site_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "d.yml").write_text(BOX.replace("WORKDIR", str(tmp_path / "box")).replace("[box, here]", "[box/gpu, here]"))
    done = hyflow("check", "d.yml", cwd=tmp_path)
    said = "hyflow: d.yml:7:5: the site box has no location 'gpu'\n  it is one place: name box alone\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_check_tells_which_container_engine_works(tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\necho 'Cannot connect to it. Is it running?' >&2\nexit 1\n", encoding="ascii")
    engine.chmod(0o755)
    sites = [f"named: {{type: local, container: {{runtime: docker, command: [{engine}]}}}}",
             f"auto: {{type: local, container: {{command: [{engine}]}}}}", "without: {type: local, container: {runtime: none}}"]
    (tmp_path / "d.yml").write_text("version: 1\nsites:\n  " + "\n  ".join(sites) + "\nbind: [{step: /, site: named}]\n", encoding="utf-8")
    done = hyflow("check", "d.yml", "--connect", cwd=tmp_path)
    assert done.returncode == 1
    assert "named  FAILED: no container engine works at named (docker: Cannot connect to it. Is it running?)\n  start its" in done.stderr
    assert "no container engine works at auto (docker: Cannot connect to it. Is it running?; podman: Cannot" in done.stdout
    assert "containers: none, commands run with what is installed" in done.stdout


@pytest.mark.parametrize("target", ["docker", "podman", "apptainer"])
def test_check_tells_of_a_real_engine(target: str, tmp_path: Path) -> None:
    done = hyflow("check", str(lab.deployment(target)), "--connect", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"^        containers: {target} \d+\.\d+", done.stdout, re.MULTILINE)
