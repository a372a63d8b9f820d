"""docs/command-line.md says all that there is and nothing that is not; and the commands in every page are commands that hyflow takes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from madeup import made

from hyflow import errors
from hyflow.cli.schema import SCHEMAS
from hyflow.cli.usage import read
from hyflow.cli.verbs import RUNNER, VERBS, parser_of
from hyflow.model.events import EVENTS, Started
from hyflow.model.jobs import FailureClass
from hyflow.report.standing import RunState

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "workflows").glob("*/README.md")]

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
inputs: {word: {type: string, inputBinding: {}}}
baseCommand: echo
hints: {SoftwareRequirement: {packages: [{package: coreutils}]}}
outputs: {said: stdout}
"""


def sections() -> dict[str, str]:
    """The page's sections, by heading."""
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section(command: str) -> str:
    return sections()[command if command == RUNNER else f"hyflow {command}"]


def first_column(text: str) -> str:
    return "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| "))


def actions(command: str) -> list[argparse.Action]:
    return [action for action in parser_of(command)._actions if "--help" not in action.option_strings]


def test_every_verb_has_its_section_and_every_section_its_verb() -> None:
    commands = [heading for heading in sections() if heading.split()[0] in ("hyflow", RUNNER)]
    assert commands == [*(f"hyflow {verb}" for verb in VERBS), RUNNER]
    for verb, says in VERBS.items():
        assert f"| [`hyflow {verb}`](#hyflow-{verb}) | {says.partition(', and')[0]}" in PAGE


@pytest.mark.parametrize("command", [*VERBS, RUNNER])
def test_every_argument_is_told(command: str) -> None:
    """Each in the first column of the section's table, with the word that stands for its value."""
    told = first_column(section(command))
    for action in actions(command):
        value = f" {action.metavar}" if action.metavar and action.option_strings else ""
        for word in action.option_strings or [str(action.metavar)]:
            assert f"`{word}{value}`" in told


@pytest.mark.parametrize("command", [*VERBS, RUNNER])
def test_no_argument_is_told_that_is_not_there(command: str) -> None:
    told = first_column(section(command).partition("### ")[0])
    words = {match for part in re.findall(r"`([^`]+)`", told) for match in re.findall(r"^--?[a-z][a-z-]*", part)}
    assert words - {word for action in actions(command) for word in action.option_strings} == set()


def commands_of(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands that a page shows in its code, as a shell would read them."""
    text = page.read_text(encoding="utf-8")
    code = [*re.findall(r"^    ((?:hyflow|cwl-runner) .*)$", text, re.MULTILINE), *re.findall(r"`((?:hyflow|cwl-runner) [^`]+)`", text)]
    for line in code:
        if not re.search(r"\[[A-Z-]|VERB|\.\.\.", line):  # those are patterns, not commands
            words = shlex.split(re.split(r" [&|>] | && ", line)[0], comments=True)
            yield line, words[: words.index("--")] if "--" in words else words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_in_the_pages_are_taken(page: Path) -> None:
    for line, (program, *words) in commands_of(page):
        if program == RUNNER:
            read(parser_of(RUNNER), words)
        elif words and words[0] not in ("--help", "--version"):
            assert words[0] in VERBS, line
            if words[1:] and "--help" not in words:
                read(parser_of(words[0]), words[1:])


def ticked(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_every_state_class_and_event_is_told() -> None:
    run = ticked(section("run"))
    assert {kind.value for kind in FailureClass} <= run
    assert {event.__name__.lower() for event in EVENTS} | {"begin", "stage", "warning", "end"} <= run
    assert {state.value for state in RunState} <= ticked(section("status"))
    assert set(SCHEMAS) <= ticked(section("schema"))


def test_the_exit_statuses_are_those_of_the_errors() -> None:
    table = {int(number) for number in re.findall(r"^\| (\d+) \|", sections()["Exit status"], re.MULTILINE)}
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HyflowError)]
    assert table == {0, 130} | {kind.exit_status for kind in classes}


def asked(home: Path, *arguments: str) -> Any:
    """What a command answers in JSON."""
    argv = [sys.executable, "-c", "from hyflow.cli.main import main; main()", *arguments]
    environment = {**os.environ, "HYFLOW_HOME": str(home)}
    done = subprocess.run(argv, cwd=home.parent, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_every_key_of_the_json_forms_is_told_and_things_lie_where_the_page_says(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "tool.cwl").write_text(TOOL)
    assert list(asked(home, "run", "tool.cwl", "--", "--word", "hello")) == ["said"]
    status = asked(home, "status", "--json")
    assert {*status, *status["steps"][0]} <= ticked(section("status"))
    assert {*asked(home, "runs", "--json")[0]} == {*status} - {"steps"}
    job = asked(home, "logs", "/tool", "--json")
    assert {*job, *job["tries"][0]} <= ticked(section("logs"))
    assert {*asked(home, "why", "/tool", "--json")} - {*job} <= ticked(section("why"))
    waiting = made(home, None, [Started({})]).id
    assert {*asked(home, "why", waiting, "/merge", "--json")} - {*status["steps"][0]} <= ticked(section("why"))
    found = asked(home, "validate", "tool.cwl", "--json")
    assert {*found, *found["inputs"][0], *found["software"][0], *found["software"][0]["packages"][0]} <= ticked(section("validate"))
    layout = sections()["Where things are kept"]
    kept = [path.name for path in (*home.iterdir(), *(home / "runs" / status["run"]).iterdir())]
    assert [name for name in kept if name.partition("-")[0] not in layout] == []


def test_every_variable_that_is_read_is_told() -> None:
    found = {
        name
        for path in [*(ROOT / "hyflow").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]
        for name in re.findall(r"(?:environ(?:\.get\(|\[)|VARIABLE = )\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert found | {"COLUMNS"} == {line.split("`")[1] for line in sections()["Environment"].splitlines() if line.startswith("| `")}
