"""What may stand at the end of a command line: by the parsers, and by what is there (runs, steps, profiles, inputs). Reads, runs nothing.
It is asked at every press of a key: nothing slow, and no mistake is told.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hyflow.cli.arguments import home
from hyflow.cli.verbs import RUNNER, VERBS, arguments, options, parser_of, separate, several, takes_value
from hyflow.errors import HyflowError

Words: TypeAlias = list[tuple[str, str]]

DOCUMENT, SETTINGS, ANY, DIRECTORY, NOTHING = "files cwl yml yaml json", "files yml yaml json", "files", "directories", "words"
WANTED = {
    "workflow": DOCUMENT, "process": DOCUMENT, "files": SETTINGS, "file": SETTINGS, "job": SETTINGS, "deploy": SETTINGS,
    "outdir": DIRECTORY, "write": DIRECTORY, "run": "runs", "runs": "runs", "step": "steps", "profile": "profiles",
    "set": "paths", "name": NOTHING, "limit": NOTHING, "older_than": NOTHING,
}  # fmt: skip
"""What the value of an argument is, by its name in the parser, where it has no choices."""

_MOST = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """`wanted`: "words", "directories", or "files" and the ends of their names. The words, each with what it is, may come on top."""

    wanted: str
    words: Words


def offer(words: Sequence[str]) -> Offer:
    """What may stand in place of the last word. The first is the command."""
    command, before, last = os.path.basename(words[0]), list(words[1:-1]), words[-1]
    if command != RUNNER:
        if not before:
            return Offer(NOTHING, [*VERBS.items(), *([("--help", "list the verbs"), ("--version", "")] if last.startswith("-") else [])])
        command, *before = before
        if command not in VERBS:
            return Offer(NOTHING, [])
    parser = parser_of(command)
    if "--" in before:
        return _after(parser, before) if separate(command) else Offer(NOTHING, [])
    return _Line(parser, before).offer(last)


class _Line:
    """The words before the last one, by what they are."""

    def __init__(self, parser: argparse.ArgumentParser, before: Sequence[str]) -> None:
        self._parser = parser
        self._options = {name: action for action in options(parser) for name in action.option_strings}
        self._given: set[str] = set()
        self.plain: list[str] = []
        self._values: list[str] = []
        self._open: argparse.Action | None = None
        for word in before:
            self._take(word)

    def _take(self, word: str) -> None:
        name, _, value = word.partition("=")
        action = self._options.get(name)
        if self._open is not None:
            self._values.append(word)
            self._open = None
        elif action is not None:
            self._given.update(action.option_strings)
            self._values.append(value)
            self._open = action if takes_value(action) and "=" not in word else None
        elif not word.startswith("-"):
            self.plain.append(word)

    def offer(self, last: str) -> Offer:
        if self._open is not None:
            return self._value(self._open)
        name, equals, _ = last.partition("=")
        if equals and name in self._options and takes_value(self._options[name]):
            found = self._value(self._options[name])
            return Offer(found.wanted, [(f"{name}={word}", text) for word, text in found.words])
        if last.startswith("-"):
            return Offer(NOTHING, self._dashed())
        return self._next()

    def _dashed(self) -> Words:
        rest = separate(self._parser.prog.split()[-1])
        names = [(action.option_strings[-1], action) for action in options(self._parser)]
        offered = [(name, action.help or "") for name, action in names if name not in self._given or several(action)]
        return [*offered, *([("--", rest[1])] if rest else [])]

    def _next(self) -> Offer:
        """What has no dashes. Of `hyflow logs`, a step may stand where the run does."""
        expected = arguments(self._parser)
        number = len(self.plain)
        if number < len(expected):
            found = self._value(expected[number])
            if [one.dest for one in expected[number : number + 2]] == ["run", "step"]:
                found = Offer(found.wanted, [*found.words, *_steps(None)])
            return found
        return self._value(expected[-1]) if expected and several(expected[-1]) else Offer(NOTHING, [])

    def _value(self, action: argparse.Action) -> Offer:
        if action.choices is not None:
            return Offer(NOTHING, [(str(choice), "") for choice in action.choices])
        match WANTED.get(action.dest, NOTHING):
            case _ if action.dest == "files" and not any(word.endswith(".cwl") for word in self.plain):
                return Offer(DOCUMENT, [])
            case "paths":
                return Offer(NOTHING, [(f"{path}=", "") for file in self._files() for path in _paths(_document(file))][:_MOST])
            case "runs":
                return Offer(NOTHING, _runs())
            case "steps":
                return Offer(NOTHING, _steps(self.plain[0]))
            case "profiles":
                return Offer(NOTHING, [(name, "a profile") for file in self._files() for name in _profiles(file)])
            case wanted:
                return Offer(wanted, [])

    def _files(self) -> list[str]:
        """Whatever may be a deployment file."""
        return [*self.plain, *self._values]


def _runs() -> Words:
    """Names and ids, the latest first."""
    from hyflow.journal.runs import list_runs

    with contextlib.suppress(HyflowError):
        runs = list_runs(home())[::-1][:_MOST]
        named = [(run.name, run.id) for run in runs if run.name is not None]
        return [("last", "the latest run"), *named, *((run.id, run.name or "") for run in runs)] if runs else []
    return []


def _steps(run: str | None) -> Words:
    from hyflow.journal import find_run
    from hyflow.report.summary import every_step, summarize

    with contextlib.suppress(HyflowError):
        found = find_run(home(), run)
        return [(step.path, f"{step.total} jobs") for step in every_step(found, summarize(found)).steps[:_MOST]]
    return []


def _profiles(file: str) -> list[str]:
    profiles = _document(file).get("profiles")
    return list(profiles) if isinstance(profiles, dict) else []


def _document(file: str) -> dict[str, Any]:
    """What a file says that may be a deployment; nothing, where it is none."""
    from hyflow.deployment.document import MOST_BYTES, parse

    with contextlib.suppress(HyflowError, OSError, ValueError):
        if file.endswith((".yml", ".yaml", ".json")) and os.path.getsize(file) <= MOST_BYTES:
            with open(file, encoding="utf-8") as opened:
                parts = parse(opened.read(), file).plain()
            return parts if isinstance(parts, dict) and "sites" in parts else {}
    return {}


def _paths(part: Any, before: str = "") -> Iterator[str]:
    """The ways to the plain values, as `--set` has them."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, value in items:
        path = f"{before}.{name}" if before else str(name)
        if isinstance(value, dict | list):
            yield from _paths(value, path)
        elif path != "version":
            yield path


def _after(parser: argparse.ArgumentParser, before: Sequence[str]) -> Offer:
    """Inputs of the workflow; after one of them its value, which may be a file."""
    at = before.index("--")
    line = _Line(parser, before[:at])
    if parser.prog == "hyflow completion" or not line.plain:
        return Offer(NOTHING, [])
    if len(before) > at + 1 and before[-1].startswith("--") and "=" not in before[-1]:
        return Offer(ANY, [])
    document = next((word for word in line.plain if word.partition("#")[0].endswith(".cwl")), line.plain[0])
    return Offer(NOTHING, list(_inputs(document)))


def _inputs(document: str) -> Iterator[tuple[str, str]]:
    """The document's inputs, if it was compiled before."""
    from hyflow.cwl import cache
    from hyflow.cwl.load import address
    from hyflow.cwl.processes import Processes
    from hyflow.cwl.types import describe

    with contextlib.suppress(HyflowError, OSError):
        if (program := cache.lookup(home() / "cache" / "documents", address(document), ())) is not None:
            for port in Processes(program).input_types():
                yield f"--{port.name}", f"{describe(port.type)}  {port.doc}".strip().replace("\n", " ")
