"""Help, the manual pages, and mistakes in how the commands are called."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from commandline import Shell
from hypothesis import given
from hypothesis import strategies as st

from hyflow.cli import manual
from hyflow.cli.layout import examples_of, helped, overview
from hyflow.cli.man import PAGES
from hyflow.cli.usage import read
from hyflow.cli.verbs import RUNNER, VERBS, arguments, options, parser_of, separate
from hyflow.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [*VERBS, RUNNER]


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path, tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [80, 40, 24])
def test_help_says_all_and_fits(command: str, columns: int) -> None:
    text = helped(parser_of(command), columns)
    said, _, examples = text.partition("examples:\n")
    parser = parser_of(command)
    for action in [*arguments(parser), *options(parser)]:
        assert all(word in said for word in action.option_strings or [str(action.metavar)])
        assert action.help
    assert [line.strip() for line in examples.splitlines()] == examples_of(command) != []
    too_long = [line for line in said.splitlines() if len(line) > columns and len(line.split()) > 2]
    assert too_long == []
    assert columns < 80 or max(map(len, text.splitlines())) <= 80 or command == "completion"


def test_names_and_texts_stand_in_columns() -> None:
    _, _, listed = helped(parser_of("run"), 80).partition("options:\n")
    starts = {len(line) - len(re.split(r" {2,}", line, maxsplit=2)[-1]) for line in listed.partition("\n\n")[0].splitlines()}
    assert len(starts) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_are_taken(command: str) -> None:
    for example in examples_of(command):
        words = example.partition(" >")[0].split()[1 if command == RUNNER else 2 :]
        read(parser_of(command), words[: words.index("--")] if "--" in words else words)
        assert "--" not in words or separate(command)


def test_help_in_all_its_ways(shell: Shell) -> None:
    by_option, by_verb = shell("hyflow", "check", "--help"), shell("hyflow", "help", "check")
    assert by_option.stdout == by_verb.stdout == shell("hyflow", "check", "x", "-h", "--nonsense").stdout != ""
    assert (by_option.status, by_option.stderr) == (0, "")
    assert shell("hyflow", "help").stdout == shell("hyflow", "--help").stdout == shell("hyflow", "-h").stdout == overview(80) + "\n"
    assert shell("cwl-runner", "--help").stdout == shell("hyflow", "help", "cwl-runner").stdout
    assert shell("hyflow", "--version").stdout == shell("cwl-runner", "--version").stdout
    alone = shell("hyflow")
    assert (alone.status, alone.stdout, alone.stderr) == (2, "", overview(80) + "\n")


def complaint(command: str, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(parser_of(command), words)
    return str(caught.value).replace("\n  ", "; ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run", "WORKFLOW is missing: a CWL document: a path or an address, with #ID for one process of several; "
                "usage: hyflow run WORKFLOW [FILE ...] [options] [-- inputs]; hyflow run --help says more"),
        ("run x --outdri y", "there is no option --outdri; did you mean --outdir?"),
        ("run --continer=none x --nmae y", "there is no option --continer; did you mean --container?\n"
                                           "there is no option --nmae; did you mean --name?"),
        ("cwl-runner --outdri=y x", "there is no option --outdri; did you mean --outdir?"),
        ("run x --threads 4", "there is no option --threads; "
                              "inputs of the workflow come after a --, options before it; hyflow run --help says what it takes"),
        ("runs --word", "there is no option --word; hyflow runs --help says what it takes"),
        ("validate -x", "there is no option -x; hyflow validate --help says what it takes; a file of that name: ./-x"),
        ("run x --outdir a --outdir b", "--outdir is given twice: a and b; give it once"),
        ("run x --outdir", "--outdir lacks its value; DIR: where the results go (default: here)"),
        ("run x --outdir --quiet", "--outdir lacks its value; DIR: where the results go (default: here); "
                                   "one that begins with a dash: --outdir=--quiet"),
        ("run x --outdir=", "the value of --outdir is empty; is a variable of the shell not set?"),
        ("run x --quiet=yes", "--quiet takes no value; leave out '=yes'"),
        ("validate a b c", "'c' is one too many: hyflow validate takes WORKFLOW [JOB]; "
                           "usage: hyflow validate WORKFLOW [JOB] [options]; hyflow validate --help says more"),
        ("schema deplyment", "NAME cannot be 'deplyment'; did you mean deployment?"),
        ("completion csh", "SHELL cannot be 'csh'; did you mean zsh?"),
        ("help rnu", "VERB cannot be 'rnu'; did you mean run?"),
        ("runs -n", "-n lacks its value; N: only the latest N"),
        ("runs -n -5", "-n: expected a whole number above 0, not '-5'; N: only the latest N"),
        ("runs -n0", "-n: expected a whole number above 0, not '0'; N: only the latest N"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command_line(line: str, said: str) -> None:
    command, *words = line.split()
    assert complaint(command, *words) == said


def test_a_container_runtime_that_there_is_not() -> None:
    assert complaint("run", "x", "--container", "dokcer") == "--container cannot be 'dokcer'; did you mean docker?"


def test_an_empty_word_is_a_variable_that_is_not_set() -> None:
    assert complaint("run", "") == "one of the words is empty; is a variable of the shell not set?"


def test_words_as_they_may_be_written() -> None:
    args = read(parser_of("runs"), ["-n5", "--json"])
    assert (args.limit, args.json) == (5, True)
    assert read(parser_of("runs"), ["--limit=7"]).limit == read(parser_of("runs"), ["-n", "7"]).limit == 7
    args = read(parser_of("run"), ["--set", "a=b", "x", "--set=c=d", "y", "z", "--outdir=-o"])
    assert (args.workflow, args.files, args.set, args.outdir) == ("x", ["y", "z"], ["a=b", "c=d"], "-o")
    assert read(parser_of("check"), ["--", "-x.yml"]).deploy == "-x.yml"
    assert read(parser_of("status"), []).run is None
    assert read(parser_of("run"), ["x"]).set == []


def test_before_the_verb(shell: Shell) -> None:
    shell("hyflow", "chekc").fails(2, "hyflow: there is no verb 'chekc'\n  did you mean hyflow check?\n")
    shell("hyflow", "frobnicate").fails(2, "hyflow: there is no verb 'frobnicate'\n  the verbs: run, validate, ")
    shell("hyflow", "version").fails(2, "did you mean hyflow --version?")
    shell("hyflow", "--verison").fails(2, "there is no option --verison before a verb\n  did you mean --version?\n")
    shell("hyflow", "--outdir", "x", "run").fails(2, "there is no option --outdir before a verb\n  hyflow VERB [options]\n")
    shell.write("my wf.cwl", "")
    shell("hyflow", "my wf.cwl").fails(2, "my wf.cwl is a file, where a verb is expected\n  to run it: hyflow run 'my wf.cwl'\n")
    shell("cwl-runner").fails(2, "no CWL document to run")


# -- the manual pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_manual_pages_in_the_repository_are_those_of_the_code(name: str) -> None:
    """When this fails: hyflow man --write man"""
    assert (ROOT / "man" / f"{name}.1").read_text(encoding="utf-8") == manual.page(name)


def test_the_manual_pages_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert {f"man/{name}.1": f"share/man/man1/{name}.1" for name in PAGES}.items() <= shared.items()


def test_the_manual_says_what_the_reference_says() -> None:
    reference = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    parts = dict(zip(*[iter(re.split(r"^## (.+)\n", reference, flags=re.MULTILINE)[1:])] * 2, strict=True))
    assert dict(re.findall(r"^\| (\d+) \| (.+) \|$", parts["Exit status"], re.MULTILINE)) == manual.EXITS
    assert set(re.findall(r"^\| `(\w+)` \|", parts["Environment"], re.MULTILINE)) == set(manual.VARIABLES)


@pytest.mark.parametrize("name", PAGES)
def test_the_manual_pages_are_well_formed(name: str) -> None:
    page = manual.page(name)
    assert [line for line in page.splitlines() if len(line) > 100] == []
    checkers = [["mandoc", "-T", "lint", "-W", "error"], ["groff", "-man", "-ww", "-z", "-"]]
    there = [argv for argv in checkers if shutil.which(argv[0])]
    if not there:
        pytest.skip("neither mandoc nor groff is installed: apt-get install mandoc")
    for argv in there:
        done = subprocess.run(argv, input=page, capture_output=True, text=True, check=False, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_man_prints_and_writes(shell: Shell) -> None:
    assert shell("hyflow", "man").stdout == manual.page("hyflow")
    assert shell("hyflow", "man", "--write", "to/here").status == 0
    assert sorted(path.name for path in (shell.top / "to" / "here").iterdir()) == sorted(f"{name}.1" for name in PAGES)
    shell.write("file", "")
    shell("hyflow", "man", "--write", "file").fails(2, "file: cannot be written: ")


PIECES = st.sampled_from(
    ["--outdir", "--set", "-n", "--", "-", "", "=", "--json", "--limit=", "a", "-5", "--outdri", "--help", "\udcff", "-x\n"]
)
WORDS = st.lists(st.one_of(PIECES, st.lists(PIECES, max_size=3).map("".join), st.text(max_size=4)), max_size=5)


@given(st.sampled_from(COMMANDS), WORDS)
def test_whatever_is_typed_is_taken_or_told(command: str, words: list[str]) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            read(parser_of(command), words)
        except UsageError as error:
            assert "None" not in str(error)
        except SystemExit as ended:
            assert ended.code == 0
