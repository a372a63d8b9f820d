"""Completion: what is offered, and each of the scripts in the shell that it is for."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from hyflow.cli import completion
from hyflow.cli.candidates import WANTED, offer
from hyflow.cli.verbs import RUNNER, VERBS, arguments, options, parser_of, takes_value
from hyflow.cwl.load import load

BIN = str(Path(sys.executable).parent)
DOCUMENT = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {word: {type: string, doc: what to say}, "odd $(touch x)": string?, flag: boolean?}
outputs: {}
"""
DEPLOY = "version: 1\nsites: {here: {type: local}}\nprofiles: {dev: {}, big: {}}\n"


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed: apt-get install {shell}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with files of all kinds, and a home with three runs."""
    top = tmp_path_factory.mktemp("place")
    for name in ("wf.cwl", "notes.txt", "my job.yml", "it's.json", "a:b.yml", "$(touch made).yml"):
        (top / name).write_text(DOCUMENT if name == "wf.cwl" else "{}")
    (top / "deploy.yml").write_text(DEPLOY)
    (top / "sub dir").mkdir()
    for name in ("20260101-000000-0001", "20260102-000000-fit-0002", "20260103-000000-0003"):
        (top / "home" / "runs" / name).mkdir(parents=True)
    load(str(top / "wf.cwl"), cache=top / "home" / "cache" / "documents")
    return top


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HYFLOW_HOME", str(place / "home"))
    monkeypatch.chdir(place)
    return place


def offered(*words: str) -> list[str]:
    """The words that are offered and begin as the last one does."""
    return [word for word, _ in offer(words).words if word.startswith(words[-1])]


def test_verbs_and_their_options_are_those_of_the_parsers() -> None:
    assert offered("hyflow", "") == list(VERBS)
    assert offered("/usr/bin/hyflow", "ru") == ["run", "runs"]
    for command in (*VERBS, RUNNER):
        before = [RUNNER] if command == RUNNER else ["hyflow", command]
        known = {word for action in options(parser_of(command)) for word in action.option_strings if word.startswith("--")}
        assert {*offered(*before, "--")} - {"--"} == known


def test_every_value_is_known_for_what_it_is() -> None:
    for command in (*VERBS, RUNNER):
        parser = parser_of(command)
        values = [*arguments(parser), *(one for one in options(parser) if takes_value(one))]
        assert [one.dest for one in values if one.choices is None and one.dest not in WANTED] == []


def test_what_is_given_is_not_offered_again() -> None:
    assert "--outdir" not in offered("hyflow", "run", "wf.cwl", "--outdir", "x", "--")
    assert "--set" in offered("hyflow", "run", "wf.cwl", "--set", "a=b", "--")
    assert offered("hyflow", "run", "--container", "") == offered("cwl-runner", "--container", "")
    assert offered("hyflow", "run", "--container=n") == ["--container=none"]
    assert offered("hyflow", "nonsense", "") == offered("hyflow", "runs", "") == offered("hyflow", "runs", "-n", "") == []


def test_what_is_there_is_offered(here: Path) -> None:
    assert offered("hyflow", "status", "") == [
        "last", "fit", "20260103-000000-0003", "20260102-000000-fit-0002", "20260101-000000-0001"
    ]  # fmt: skip
    assert offered("hyflow", "check", "deploy.yml", "--profile", "") == ["dev", "big"]
    assert offered("hyflow", "run", "wf.cwl", "--deploy", "deploy.yml", "--profile=d") == ["--profile=dev"]
    assert offered("cwl-runner", "wf.cwl", "--deploy=deploy.yml", "--", "--w") == ["--word"]
    assert offered("hyflow", "run", "deploy.yml", "wf.cwl", "--", "--") == ["--word", "--odd $(touch x)", "--flag"]
    assert offer(["hyflow", "run", "wf.cwl", "--", "--word", ""]).wanted == "files"
    assert offer(["hyflow", "run", ""]).wanted == "files cwl yml yaml json"
    assert offer(["hyflow", "run", "--outdir=x"]).wanted == "directories"
    assert offer(["hyflow", "run", "deploy.yml", ""]).wanted == offer(["hyflow", "run", ""]).wanted
    assert offer(["hyflow", "run", "wf.cwl", ""]).wanted == "files yml yaml json"
    assert offered("hyflow", "help", "cw") == [RUNNER]
    assert offered("hyflow", "check", "deploy.yml", "--set", "") == ["sites.here.type="]


def test_the_steps_of_a_run_are_offered(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYFLOW_HOME", str(tmp_path))
    subprocess.run([f"{BIN}/hyflow", "run", "--quiet", "--outdir", str(tmp_path), "wf.cwl", "--", "--word", "x"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    assert offered("hyflow", "logs", "last", "") == ["/wf"]
    assert "/wf" in offered("hyflow", "logs", "")
    assert offered("hyflow", "cancel", "") == offered("hyflow", "cancel", "last", "") == offered("hyflow", "clean", "")


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("plain", "plain"), ("'a b", "a b"), ('"a b" c', "a b c"), (r"a\ b", "a b"), ("$HOME", "$HOME"), ("'it'\\''s", "it's"),
        ("`id`", "`id`"), (r'"\$x\n"', r"$x\n"), ("a\\", "a"), ("", ""),
    ],
)  # fmt: skip
def test_quotes_are_taken_off_and_nothing_is_expanded(typed: str, plain: str) -> None:
    assert completion.unquoted(typed) == plain


BREAKS = re.compile(r"([=:]+)|\s+")
"""Where readline breaks words, of what the tests type outside of quotes."""


@cache
def script(shell: str) -> str:
    """The script, as `hyflow completion` prints it."""
    return subprocess.run([f"{BIN}/hyflow", "completion", shell], capture_output=True, text=True, check=True, timeout=30).stdout


def bash(line: str, words: Sequence[str] | None = None) -> list[str]:
    """COMPREPLY for a line with the cursor at its end."""
    split = words if words is not None else [word for word in re.split(r"([=:]+)|\s", line) if word] + ([""] if line[-1:] == " " else [])
    code = f"""
        {script("bash")}
        complete -p hyflow cwl-runner > /dev/null || exit
        COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_CWORD={len(split) - 1} COMP_WORDS=({" ".join(map(shlex.quote, split))})
        _hyflow
        ((${{#COMPREPLY[@]}} == 0)) || printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", code], env=environment(), capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return done.stdout.splitlines()


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb"}


@needs("bash")
def test_bash(here: Path) -> None:
    assert bash("hyflow ru") == ["run", "runs"]
    assert bash("hyflow run --outdir=su") == ["sub dir"]
    assert bash("hyflow run --container=") == bash("hyflow run --container ") != []
    assert bash("hyflow status 2026010") == ["20260103-000000-0003", "20260102-000000-fit-0002", "20260101-000000-0001"]
    assert bash("hyflow run wf") == ["wf.cwl"]
    assert bash("hyflow run notes") == ["notes.txt"]
    assert {*bash("hyflow run wf.cwl ")} == {"my job.yml", "it's.json", "a:b.yml", "$(touch made).yml", "deploy.yml", "sub dir", "home"}
    assert bash("hyflow run wf.cwl a:") == ["b.yml"]
    assert bash("hyflow check deploy.yml --set=sites.h") == ["sites.here.type="]
    assert bash("hyflow run 'my j", ["hyflow", "run", "'my j"]) == ["my job.yml"]
    assert bash("hyflow run my\\ j", ["hyflow", "run", "my\\ j"]) == ["my job.yml"]
    assert bash("hyflow run $(touch m", ["hyflow", "run", "$(touch m"]) == ["$(touch made).yml"]
    assert bash("hyflow run wf.cwl -- --od") == [r"--odd\ \$\(touch\ x\)"]
    assert bash("hyflow run wf.cwl -- '--od", ["hyflow", "run", "wf.cwl", "--", "'--od"]) == ["--odd $(touch x)"]
    assert sorted(path.name for path in here.iterdir() if path.name in ("made", "x", "m")) == []


def typed(argv: Sequence[str], prepare: str, line: str, expected: str) -> str:
    """What a shell shows on a terminal when a line is typed; ends as soon as `expected` is there."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe(argv[0], argv, {**environment(), "PS1": "> ", "TERM": "dumb"})  # noqa: S606  # no shell to start it: it is one
    shown = ""
    try:
        os.write(terminal, f"{prepare}; echo re''ady\n".encode())
        shown = _until(terminal, "ready")
        os.write(terminal, line.encode())
        return shown + _until(terminal, expected)
    finally:
        os.close(terminal)  # the shell is hung up
        os.waitpid(process, 0)


def _until(terminal: int, expected: str) -> str:
    shown, ending = "", time.monotonic() + 15
    while expected not in shown and time.monotonic() < ending:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    assert expected in shown, shown
    return shown


@needs("bash")
def test_bash_at_a_terminal(here: Path) -> None:
    source = f"source <({shlex.quote(BIN)}/hyflow completion bash)"
    typed(["bash", "--norc", "--noprofile", "-i"], source, "hyflow run --outdir=su\t", "--outdir=sub\\ dir/")
    typed(["bash", "--norc", "--noprofile", "-i"], source, "hyflow run \"my\t", '"my job.yml"')


@needs("zsh")
def test_zsh(here: Path, tmp_path: Path) -> None:
    subprocess.run(["zsh", "-f", "-n", str(Path(completion.__file__).parent / "completions" / "hyflow.zsh")], check=True, timeout=10)
    prepare = f"autoload -Uz compinit; compinit -D -u; source <({shlex.quote(BIN)}/hyflow completion zsh)"
    shell = ["zsh", "-f", "-i"]
    typed(shell, prepare, "hyflow comp\t", "hyflow completion ")
    typed(shell, prepare, "hyflow run --outdir=su\t", "--outdir=sub\\ dir/")
    typed(shell, prepare, "hyflow run wf.cwl my\t", "my\\ job.yml")
    typed(shell, prepare, "hyflow run wf.cwl -- --od\t", "--odd\\ \\$\\(touch\\ x\\)")
    (tmp_path / "_hyflow").write_text(script("zsh"))
    prepare = f"fpath=({shlex.quote(str(tmp_path))} $fpath); autoload -Uz compinit; compinit -D -u"
    typed(shell, prepare, "cwl-runner --outd\t", "cwl-runner --outdir ")
    assert not (here / "x").exists()


def fish(line: str) -> list[str]:
    code = f"{script('fish')}\ncomplete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", code], env=environment(), capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return [found.partition("\t")[0] for found in done.stdout.splitlines()]


@needs("fish")
def test_fish(here: Path) -> None:
    assert fish("hyflow ru") == ["run", "runs"]
    assert fish("hyflow run --container=") == ["--container=" + word for word in offered("hyflow", "run", "--container", "")]
    assert fish("hyflow run --outdir=su") == ["--outdir=sub dir/"]
    assert {*fish("hyflow run wf.cwl ")} == {
        "my job.yml", "it's.json", "a:b.yml", "$(touch made).yml", "deploy.yml", "sub dir/", "home/"
    }  # fmt: skip
    assert fish("hyflow run 'my j") == ["my job.yml"]
    assert fish("hyflow run wf.cwl -- --od") == ["--odd $(touch x)"]
    assert fish("cwl-runner --outd") == ["--outdir"]
    assert not (here / "x").exists()
