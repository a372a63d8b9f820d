"""Software from environment modules, at both kinds of sites, with the real Environment Modules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from modulehouse import need_modules
from warm import Warm, WarmShell, told_once, warmed

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
hints:
  SoftwareRequirement: {packages: {Greeter: {version: ["2.0"]}}}
requirements:
  EnvVarRequirement: {envDef: {GREETING_LANGUAGE: en}}
baseCommand: greet
inputs: {name: {type: string, inputBinding: {}}}
stdout: out.txt
stderr: err.txt
outputs:
  out: {type: string, outputBinding: {glob: out.txt, loadContents: true, outputEval: "$(self[0].contents)"}}
  err: {type: string, outputBinding: {glob: err.txt, loadContents: true, outputEval: "$(self[0].contents)"}}
"""
MODULE = """#%Module
prepend-path PATH BIN
setenv GREETING Hello
setenv GREETING_LANGUAGE de
puts stderr "the greeter is loaded"
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(params=["local", "shell"])
def shell(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> WarmShell:
    """A site that says what gives the software `greeter`: MODULE in the text of a deployment file."""
    need_modules()
    made = WarmShell(warm, tmp_path, tmp_path / "home")
    made.write("bin/greet", '#!/bin/sh\necho "$GREETING $*, in $GREETING_LANGUAGE"\necho done >&2\n')
    (tmp_path / "bin" / "greet").chmod(0o755)
    made.write("modules/greeter/2.0", MODULE.replace("BIN", str(tmp_path / "bin")))
    made.write("tool.cwl", TOOL)
    kinds = {"local": "type: local", "shell": f"type: shell, command: [sh, -c], workdir: {tmp_path}/box"}
    modules = f"modules: {{greeter: {tmp_path}/modules/greeter/2.0}}"
    made.write("deploy.yml", f"version: 1\nsites: {{here: {{{kinds[request.param]}, {modules}}}}}\n")
    return made


def test_a_tool_finds_its_software(shell: WarmShell) -> None:
    done = shell("hyflow", "run", "--quiet", "tool.cwl", "deploy.yml", "--", "--name", "a \' b")
    assert json.loads(done.stdout) == {"out": "Hello a \' b, in en\n", "err": "done\n"}
    assert done.stderr == ""
    run = json.loads(shell("hyflow", "runs", "--json").stdout)[0]["run"]
    module = f"{shell.top}/modules/greeter/2.0"
    told = json.loads(shell("hyflow", "logs", run, "/tool", "--json").stdout)
    assert (told["modules"], told["image"]) == ([module], None)
    assert f"\n  with {module} loaded\n" in shell("hyflow", "logs", run, "/tool").stdout


def test_a_module_that_the_site_does_not_have(shell: WarmShell) -> None:
    (shell.top / "modules" / "greeter" / "2.0").unlink()
    done = shell("hyflow", "run", "tool.cwl", "deploy.yml", "--", "--name", "x")
    module = f"{shell.top}/modules/greeter/2.0"
    what = f"failed: the module {module}, for the software Greeter, cannot be loaded\n"
    done.fails(1, what, f"`module load {module}` must work", "class   infrastructure, exit status 127")
    told_once(done)


def test_a_version_that_nobody_asked_for(shell: WarmShell) -> None:
    shell.write("tool.cwl", TOOL.replace("2.0", "1.7"))
    done = shell("hyflow", "run", "tool.cwl", "deploy.yml", "--", "--name", "x")
    module = f"{shell.top}/modules/greeter/2.0"
    assert done.output["out"] == "Hello x, in en\n"
    assert f"/tool asks for the software Greeter 1.7, where the site gives the module {module} (here)" in done.stderr
    shell.write("tool.cwl", TOOL)
    done = shell("hyflow", "run", "tool.cwl", "deploy.yml", "--", "--name", "x")
    assert (done.output["out"], "asks for" in done.stderr) == ("Hello x, in en\n", False)


def test_software_without_a_module(shell: WarmShell) -> None:
    done = shell("hyflow", "run", "--set", "sites.here.modules={}", "tool.cwl", "deploy.yml", "--", "--name", "x")
    done.fails(1, "the command \'greet\' was not found", "The tool asks for the software Greeter 2.0: an image", "or modules of the site")
