"""No wrong reuse through whole runs: each danger on a job that is reused as long as nothing has changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reuses import CAT, Reuses, kept, overwrite, ran, script, taken, why
from warm import Warm, WarmShell, warmed


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(params=["local", "shell"])
def shell(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> WarmShell:
    """On both ways to run a job."""
    (tmp_path / "here").mkdir()
    return WarmShell(warm, tmp_path / "here", tmp_path / "home", request.param)


@pytest.fixture
def local(warm: Warm, tmp_path: Path) -> WarmShell:
    """On this machine alone, where the way to run it makes no difference."""
    (tmp_path / "here").mkdir()
    made = WarmShell(warm, tmp_path / "here", tmp_path / "home")
    made.environment["PATH"] = f"{made.top}/bin:{os.environ['PATH']}"
    return made


def tool(shell: WarmShell, document: str, /, **job: object) -> Reuses:
    shell.write("tool.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\n" + document)
    shell.write("job.json", json.dumps(job))
    return Reuses(shell, "tool.cwl", "job.json")


def file(name: str, kind: str = "File", **more: object) -> dict[str, object]:
    return {"class": kind, "path": name, **more}


# -- inputs --------------------------------------------------------------------------------------------------------------------------


def test_other_contents_under_the_same_name_size_and_times(shell: WarmShell) -> None:
    shell.write("f", "one")
    tool(shell, CAT, f=file("f")).differs(lambda: overwrite(shell.top / "f", "two"), "two", "one")


def test_a_large_file_whose_checksum_is_remembered(shell: WarmShell) -> None:
    shell.write("f", "one" + "x" * (1 << 19))
    before, after = (word + "x" * (1 << 19) for word in ("one", "two"))
    tool(shell, CAT, f=file("f")).differs(lambda: overwrite(shell.top / "f", after), after, before)


def test_an_input_that_is_not_on_the_command_line(shell: WarmShell) -> None:
    """The command finds it beside the other one, or by itself."""
    shell.write("f", "said"), shell.write("hidden", "one")
    text = CAT.replace("inputs: {", "inputs: {hidden: File, ")
    again = tool(shell, text, f=file("f"), hidden=file("hidden"))
    again.differs(lambda: shell.write("hidden", "two"), "said", "said")


def test_a_secondary_file(shell: WarmShell) -> None:
    shell.write("f", "said"), shell.write("f.idx", "one")
    text = CAT.replace("File, ", "File, secondaryFiles: [.idx], ")
    tool(shell, text, f=file("f")).differs(lambda: overwrite(shell.top / "f.idx", "two"), "said", "said")


def test_a_file_deep_inside_of_a_directory(shell: WarmShell) -> None:
    shell.write("d/a/b/c", "one"), shell.write("list", "#!/bin/sh\n")
    text = "baseCommand: cat\ninputs: {d: Directory}\narguments: [$(inputs.d.path)/a/b/c]\nstdout: o\noutputs: {o: stdout}\n"
    tool(shell, text, d=file("d", "Directory")).differs(lambda: overwrite(shell.top / "d/a/b/c", "two"), "two", "one")


def test_a_directory_with_a_new_empty_directory(shell: WarmShell) -> None:
    shell.write("d/a", "said")
    text = "baseCommand: cat\ninputs: {d: Directory}\narguments: [$(inputs.d.path)/a]\nstdout: o\noutputs: {o: stdout}\n"
    tool(shell, text, d=file("d", "Directory")).differs((shell.top / "d" / "new").mkdir, "said", "said")


def test_a_forged_checksum(local: WarmShell) -> None:
    local.write("f", "one"), local.write("g", "two")
    digest = "sha1$fe05bcdcdc4928012781a5f1a2a77cbb5398e106"  # of "one"
    tool(local, CAT, f=file("f", checksum=digest, size=3)).prove("one")
    local.write("f", "two")
    done = local.run("--outdir", "results", "tool.cwl", "job.json")
    assert not taken(local.home)
    assert done.status != 0 or Path(done.output["o"]["path"]).read_text() == "two"


def test_default_files_and_listed_files_of_the_document(local: WarmShell) -> None:
    local.write("default", "one"), local.write("entry", "three")
    text = CAT.replace("File, ", "File, default: {class: File, location: default}, ").replace("}}", "}}") + """
requirements: {InitialWorkDirRequirement: {listing: [{class: File, location: entry}]}}
arguments: [{valueFrom: entry, position: 5}]
"""
    again = tool(local, text)
    again.differs(lambda: overwrite(local.top / "default", "two"), "twothree", "onethree")
    overwrite(local.top / "entry", "seven")
    assert not again.is_reused("twoseven")
    assert again.is_reused("twoseven")


def test_a_text_that_an_entry_of_the_working_directory_holds(local: WarmShell) -> None:
    text = """
baseCommand: [cat, made]
requirements: {InitialWorkDirRequirement: {listing: [{entryname: made, entry: $(inputs.text)}]}}
inputs: {text: string}
stdout: o
outputs: {o: stdout}
"""
    again = tool(local, text, text="one")
    again.differs(lambda: local.write("job.json", '{"text": "two"}'), "two", "one")


# -- tools ---------------------------------------------------------------------------------------------------------------------------


def test_another_tool_under_the_same_name(shell: WarmShell) -> None:
    shell.write("f", "one\n")
    again = tool(shell, CAT, f=file("f"))
    again.differs(lambda: tool(shell, CAT.replace("cat", "[cat, -n]"), f=file("f")), "     1\tone\n", "one\n")


def test_an_executable_of_the_path(local: WarmShell) -> None:
    script(local.top / "bin" / "own", "#!/bin/sh\necho one\n")
    again = tool(local, "baseCommand: own\ninputs: {}\nstdout: o\noutputs: {o: stdout}\n")
    again.differs(lambda: overwrite(local.top / "bin" / "own", "#!/bin/sh\necho two\n"), "two\n", "one\n")


def test_an_executable_that_comes_before_another_in_the_path(local: WarmShell) -> None:
    script(local.top / "later" / "own", "#!/bin/sh\necho one\n")
    local.environment["PATH"] = f"{local.top}/bin:{local.top}/later:{os.environ['PATH']}"
    again = tool(local, "baseCommand: own\ninputs: {}\nstdout: o\noutputs: {o: stdout}\n")
    again.differs(lambda: script(local.top / "bin" / "own", "#!/bin/sh\necho two\n"), "two\n", "one\n")


def test_another_path(local: WarmShell) -> None:
    script(local.top / "bin" / "own", "#!/bin/sh\nhelper\n")
    script(local.top / "bin" / "helper", "#!/bin/sh\necho one\n"), script(local.top / "other" / "helper", "#!/bin/sh\necho two\n")
    again = tool(local, "baseCommand: own\ninputs: {}\nstdout: o\noutputs: {o: stdout}\n")
    path = f"{local.top}/other:{local.environment['PATH']}"
    again.differs(lambda: local.environment.update(PATH=path), "two\n", "one\n")


@pytest.mark.parametrize("words", [
    "[PLACE/own]", "[python3, PLACE/own]", "[python3, -u, PLACE/own]", "[awk, -f, PLACE/own.awk]", "[awk, -fPLACE/own.awk]",
])
def test_an_executable_by_its_path_and_a_script_that_is_an_argument(shell: WarmShell, words: str) -> None:
    text = {"own": "#!/usr/bin/env python3\nprint('one')\n", "own.awk": "BEGIN { print \"one\" }\n"}
    for name, body in text.items():
        script(shell.top / "its" / name, body)

    def change() -> None:
        for name, body in text.items():
            overwrite(shell.top / "its" / name, body.replace("one", "two"))

    command = words.replace("PLACE", f"{shell.top}/its")
    tool(shell, f"baseCommand: {command}\ninputs: {{}}\nstdout: o\noutputs: {{o: stdout}}\n").differs(change, "two\n", "one\n")


def test_what_interprets_a_script(local: WarmShell) -> None:
    script(local.top / "bin" / "mine", "#!/bin/sh\necho one\n"), script(local.top / "bin" / "own", "#!/usr/bin/env mine\n")
    again = tool(local, "baseCommand: own\ninputs: {}\nstdout: o\noutputs: {o: stdout}\n")
    again.differs(lambda: overwrite(local.top / "bin" / "mine", "#!/bin/sh\necho two\n"), "two\n", "one\n")


# -- the environment -----------------------------------------------------------------------------------------------------------------

ENV = """
baseCommand: [own]
requirements: {EnvVarRequirement: {envDef: {SETTINGS: $(inputs.text)}}}
inputs: {text: string}
stdout: o
outputs: {o: stdout}
"""


def test_a_variable_of_the_environment(local: WarmShell) -> None:
    script(local.top / "bin" / "own", "#!/bin/sh\necho $SETTINGS\n")
    again = tool(local, ENV.replace("$(inputs.text)", "one"), text="")
    again.differs(lambda: tool(local, ENV.replace("$(inputs.text)", "two"), text=""), "two\n", "one\n")


def test_a_file_that_a_variable_of_the_environment_names(local: WarmShell) -> None:
    script(local.top / "bin" / "own", "#!/bin/sh\ncat $SETTINGS\n")
    local.write("settings", "one")
    again = tool(local, ENV, text=f"{local.top}/settings")
    again.differs(lambda: overwrite(local.top / "settings", "two"), "two", "one")


def test_a_directory_that_a_variable_of_the_environment_names_cannot_be_told(local: WarmShell) -> None:
    script(local.top / "bin" / "own", "#!/bin/sh\necho one\n")
    again = tool(local, ENV, text=f"{local.top}/bin")
    assert again.run() == again.run() == "one\n"
    assert not taken(local.home) and "cannot be told" in why(local.home)[0]


def test_a_path_that_the_tool_sets(local: WarmShell) -> None:
    """Where it finds another one than the machine would, both count."""
    script(local.top / "own" / "own", "#!/bin/sh\necho one\n"), script(local.top / "bin" / "own", "#!/bin/sh\necho none\n")
    text = ENV.replace("SETTINGS: $(inputs.text)", f"PATH: '{local.top}/own:/usr/bin:/bin'")
    again = tool(local, text, text="")
    again.differs(lambda: overwrite(local.top / "own" / "own", "#!/bin/sh\necho two\n"), "two\n", "one\n")


# -- what is kept --------------------------------------------------------------------------------------------------------------------


def chmod(path: Path) -> None:
    path.chmod(0)


def link(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("evil")
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("harm", [
    lambda path: overwrite(path, "bad"), lambda path: os.truncate(path, 1), Path.unlink, link,
    lambda path: (path.unlink(), path.mkdir()), lambda path: shutil.rmtree(path.parent), lambda path: (path.unlink(), os.mkfifo(path)),
], ids=["changed", "truncated", "removed", "link", "directory", "all", "pipe"])
def test_a_result_whose_file_is_not_what_it_was(shell: WarmShell, harm: Callable[[Path], object]) -> None:
    shell.write("f", "one")
    again = tool(shell, CAT, f=file("f"))
    again.prove("one")
    harm(kept(shell.home)[0] / "out" / "o")
    assert not again.is_reused("one")
    assert again.is_reused("one")


def test_a_delivered_file_that_is_edited_in_place(shell: WarmShell) -> None:
    shell.write("f", "one")
    again = tool(shell, CAT, f=file("f"))
    assert not again.is_reused("one")
    overwrite(shell.top / "results" / "o", "bad")
    again.prove("one") if shell.way == "local" else again.is_reused("one")


def test_a_file_that_a_reused_run_has_delivered_and_is_edited_in_place(shell: WarmShell) -> None:
    """It is a copy: what is kept stays what it is."""
    shell.write("f", "one")
    again = tool(shell, CAT, f=file("f"))
    again.prove("one")
    done = shell.run("--outdir", "other", *again.words)
    overwrite(Path(done.output["o"]["path"]), "bad")
    assert again.is_reused("one")


def test_a_file_that_may_no_longer_be_executed(local: WarmShell) -> None:
    """Its mode is a part of what a job leaves."""
    script(local.top / "bin" / "make-it", "#!/bin/sh\necho '#!/bin/sh\necho done' >o; chmod 755 o\n")
    again = tool(local, "baseCommand: make-it\ninputs: {}\noutputs: {o: {type: File, outputBinding: {glob: o}}}\n")
    again.prove("#!/bin/sh\necho done\n")
    assert (local.top / "results" / "o").stat().st_mode & 0o777 == 0o755
    (kept(local.home)[0] / "out" / "o").chmod(0o600)
    again.run()
    assert (local.top / "results" / "o").stat().st_mode & 0o777 == 0o755


# -- what is never reused ------------------------------------------------------------------------------------------------------------

NEVER = {
    "WorkReuse": "hints: {WorkReuse: {enableReuse: false}}\n",
    "InplaceUpdateRequirement": "requirements: {InplaceUpdateRequirement: {inplaceUpdate: true}, InitialWorkDirRequirement: "
                                "{listing: [{entry: $(inputs.f), writable: true}]}}\n",
    "shell command": "requirements: {ShellCommandRequirement: {}}\n",
}


@pytest.mark.parametrize("word", NEVER)
def test_a_tool_that_must_not_be_reused(shell: WarmShell, word: str) -> None:
    shell.write("f", "one")
    tool(shell, CAT, f=file("f")).prove("one")
    again = tool(shell, CAT + NEVER[word], f=file("f"))
    for _ in range(2):
        assert not again.is_reused("one")
        assert word in why(shell.home)[0]


def test_a_condition_of_reuse_that_is_an_expression(local: WarmShell) -> None:
    text = CAT.replace("inputs: {", "inputs: {may: boolean, ") + "requirements: {WorkReuse: {enableReuse: $(inputs.may)}}\n"
    local.write("f", "one")
    tool(local, text, f=file("f"), may=True).prove("one")
    again = tool(local, text, f=file("f"), may=False)
    assert not again.is_reused("one") and not again.is_reused("one")


def test_nothing_is_taken_or_kept_where_that_is_not_wanted(shell: WarmShell) -> None:
    shell.write("f", "one")
    again = tool(shell, CAT, f=file("f"))
    assert not again.is_reused("one", "--no-reuse") and not again.is_reused("one")
    assert not again.is_reused("one", "--no-reuse")
    assert again.is_reused("one")


def test_a_bound_of_nothing(local: WarmShell) -> None:
    local.write("f", "one")
    again = tool(local, CAT, f=file("f"))
    local.environment["HYFLOW_REUSE_SIZE"] = "0B"
    assert not again.is_reused("one") and not again.is_reused("one")


def test_the_reference_runner_never_reuses_nor_keeps(local: WarmShell) -> None:
    from commandline import Shell

    local.write("f", "one")
    again = tool(local, CAT, f=file("f"))
    plain = Shell(local.top, local.home)
    assert plain("cwl-runner", "--outdir", "results", "tool.cwl", "job.json").status == 0
    again.prove("one")
    assert plain("cwl-runner", "--outdir", "results", "tool.cwl", "job.json").status == 0
    assert ran(local.home) and not why(local.home)[0]
