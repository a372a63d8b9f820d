"""Lays out help for a terminal of any width: the overview, and what one command takes."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Sequence

from hyflow.cli.verbs import EXAMPLES, RUNNER, VERBS, arguments, options, separate, takes_value, usage

WIDEST, NARROWEST = 80, 24
_INDENT = 2
_LONGEST = 24
"""Columns that a name may take before its text begins on the line below."""


def width() -> int:
    """Columns to fill: those of the terminal (or of COLUMNS), at most 80."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


def overview(columns: int) -> str:
    """All verbs, on one screen."""
    ways = [
        ("hyflow run workflow.cwl job.yml", "on this machine"),
        ("hyflow run workflow.cwl deploy.yml job.yml", "where the deployment file says"),
        ("hyflow VERB --help", "what a verb takes, with examples"),
        ("hyflow --version", "which version this is"),
    ]
    parts = ["usage: hyflow VERB ...", "Runs CWL workflows across clouds and clusters.", _listed(list(VERBS.items()), columns)]
    return "\n\n".join([*parts, _listed(ways, columns, longest=44)])


def helped(parser: argparse.ArgumentParser, columns: int) -> str:
    """What a command takes, with examples."""
    command = parser.prog.split()[-1]
    plain = [(str(one.metavar), one.help or "") for one in arguments(parser)]
    if rest := separate(command):
        plain.append((f"-- {rest[0]}", rest[1]))
    dashed = [(named(one), one.help or "") for one in options(parser)]
    longest = min(_LONGEST, max(len(name) for name, _ in [*plain, *dashed]))
    parts = [_wrapped(f"usage: {usage(parser)}", columns, " " * 7), textwrap.fill(parser.description or "", columns)]
    parts += [f"{title}:\n{_listed(rows, columns, longest)}" for title, rows in (("arguments", plain), ("options", dashed)) if rows]
    parts.append("\n".join(["examples:", *(" " * _INDENT + example for example in examples_of(command))]))
    return "\n\n".join(parts)


def examples_of(command: str) -> list[str]:
    """Lines to type."""
    program = command if command == RUNNER else f"hyflow {command}"
    return [f"{program} {example}".rstrip() for example in EXAMPLES[command]]


def named(option: argparse.Action) -> str:
    """An option with all its names and what stands for its value."""
    value = f" {option.metavar}" if takes_value(option) else ""
    return ", ".join(option.option_strings) + value


def _listed(rows: Sequence[tuple[str, str]], columns: int, longest: int | None = None) -> str:
    """Names and texts side by side; a text begins below its name where that is long or the terminal narrow."""
    column = _INDENT + (longest or max(len(name) for name, _ in rows)) + 2
    if columns - column < 24:
        column = _INDENT + 4
    return "\n".join(_row(name, text, column, columns) for name, text in rows)


def _row(name: str, text: str, column: int, columns: int) -> str:
    head, margin = " " * _INDENT + name, " " * column
    if len(head) + 2 <= column:
        return _wrapped(f"{head:<{column}}{text}", columns, margin)
    return "\n".join([head, *textwrap.wrap(text, columns, initial_indent=margin, subsequent_indent=margin)])


def _wrapped(text: str, columns: int, margin: str) -> str:
    return textwrap.fill(text, columns, subsequent_indent=margin, break_on_hyphens=False, break_long_words=False)
