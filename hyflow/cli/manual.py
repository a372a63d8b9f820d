"""The manual pages, in the language of man(7): what the parsers say of the commands, and around it what holds for all of them."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterable, Sequence

from hyflow import __version__
from hyflow.cli.layout import examples_of
from hyflow.cli.verbs import RUNNER, VERBS, arguments, options, parser_of, pattern, sentence, separate, takes_value

EXITS = {
    "0": "success",
    "1": "failure: a job failed; a document, the inputs or a deployment file is wrong; a site does not answer",
    "2": "wrong usage: the command line cannot be obeyed as it stands",
    "33": "the document requires something that hyflow does not support, or a container where no engine works",
    "130": "interrupted, by Ctrl-C, another signal that asked it to stop, or hyflow cancel",
}

VARIABLES = {
    "HYFLOW_HOME": "the directory in which hyflow keeps its records; by default $XDG_DATA_HOME/hyflow",
    "HYFLOW_REUSE_SIZE": "how much is kept for later runs, as in 50GiB; by default 10GiB, and with 0B nothing",
    "XDG_DATA_HOME": "by default ~/.local/share; only an absolute path counts",
    "XDG_RUNTIME_DIR": "where connections of the ssh program are shared, if they cannot be below HYFLOW_HOME",
    "PATH": "where commands on this machine are looked for",
    "TERM": "where it is dumb, the live table is plain lines",
    "COLUMNS": "how wide the terminal is, for help",
}

FILES = {
    "deploy.yml": "a deployment file, which says which machines may run which steps; hyflow init writes one to start from",
    "$HYFLOW_HOME/runs/": "a directory for each run: its record, and until it has succeeded the directories of its jobs",
    "$HYFLOW_HOME/cache/documents/": "compiled documents; deleting them costs only time",
    "$HYFLOW_HOME/crash/": "details of errors of hyflow's own",
}

DESCRIPTION = (
    "hyflow runs CWL workflows across clouds and clusters. The science is written once, in standard CWL; one deployment file says which "
    "machines may run which steps; hyflow places the steps, moves the data, and runs every step. Without a deployment file everything "
    "runs on this machine.",
    "Options and files may come in any order. Options are written in full. The output object of a run goes to standard output as JSON, "
    "and nothing else does; what hyflow has to say goes to standard error.",
)

_ESCAPES = {
    "\\": "\\e", "-": "\\-", "~": "\\(ti", "^": "\\(ha", "`": "\\(ga", "'": "\\(aq", '"': "\\(dq",
}  # fmt: skip


def page(command: str) -> str:
    """The page of `hyflow` or of `cwl-runner`."""
    lines = [f'.TH {_upper(command)} 1 "" "hyflow {__version__}" "User Commands"', *(_runner() if command == RUNNER else _hyflow())]
    other = "hyflow" if command == RUNNER else RUNNER
    lines += [*_listed("EXIT STATUS", EXITS), *_listed("ENVIRONMENT", VARIABLES), *_listed("FILES", FILES)]
    lines += [".SH SEE ALSO", f".BR {_plain(other)} (1)"]
    return "\n".join([*lines, ""])


def _hyflow() -> list[str]:
    lines = [".SH NAME", "hyflow \\- run CWL workflows across clouds and clusters", ".SH SYNOPSIS"]
    for verb in VERBS:
        lines += [*_synopsis(parser_of(verb)), ".br"]
    lines += [".B hyflow \\-\\-version", ".SH DESCRIPTION", *_paragraphs(DESCRIPTION), ".SH VERBS"]
    for verb, text in VERBS.items():
        lines += [f".SS {_plain(f'hyflow {verb}')}", *_synopsis(parser_of(verb)), ".PP", _plain(sentence(text)), *_items(parser_of(verb))]
    return [*lines, ".SH EXAMPLES", *_code(example for verb in VERBS for example in examples_of(verb) if verb not in ("man", "help"))]


def _runner() -> list[str]:
    parser = parser_of(RUNNER)
    about = f"{parser.description} It does what {{}} does, with the command line that the standard describes, for tools that expect it."
    lines = [".SH NAME", "cwl-runner \\- run a CWL document", ".SH SYNOPSIS", *_synopsis(parser)]
    lines += [".SH DESCRIPTION", _plain(about.format("hyflow run")), ".SH OPTIONS", *_items(parser)]
    return [*lines, ".SH EXAMPLES", *_code(examples_of(RUNNER))]


def _synopsis(parser: argparse.ArgumentParser) -> list[str]:
    """Bold is typed as it stands, and what stands for something is not."""
    rest = separate(parser.prog.split()[-1])
    parts = [*map(pattern, arguments(parser)), "[options]", *([f"[-- {rest[0]}]"] if rest else [])]
    return [f".B {_plain(parser.prog)}", _plain(" ".join(parts))]


def _items(parser: argparse.ArgumentParser) -> list[str]:
    lines: list[str] = []
    for argument in arguments(parser):
        lines += [".TP", f".I {_plain(str(argument.metavar))}", _plain(sentence(argument.help or ""))]
    for option in options(parser):
        names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in option.option_strings)
        value = f" \\fI{_plain(str(option.metavar))}\\fR" if takes_value(option) else ""
        lines += [".TP", names + value, _plain(sentence(option.help or ""))]
    if rest := separate(parser.prog.split()[-1]):
        lines += [".TP", f"\\fB\\-\\-\\fR \\fI{_plain(rest[0])}\\fR", _plain(sentence(rest[1]))]
    return lines


def _listed(title: str, parts: dict[str, str]) -> list[str]:
    lines = [f".SH {title}"]
    for name, text in parts.items():
        lines += [".TP", f".B {_plain(name)}", _plain(sentence(text))]
    return lines


def _paragraphs(texts: Sequence[str]) -> list[str]:
    return "\n.PP\n".join(map(_plain, texts)).splitlines()


def _code(lines: Iterable[str]) -> list[str]:
    return [".nf", *map(_plain, lines), ".fi"]


def _plain(text: str) -> str:
    """Text no character of which has a meaning for the formatter, in short lines of which each begins a sentence or goes on with one."""
    sentences = re.split(r"(?<=[a-z]\.) (?=[A-Z])", text)
    lines = [line for one in sentences for line in textwrap.wrap(one, 70, break_on_hyphens=False, break_long_words=False)]
    return "\n".join("\\&" * line.startswith((".", "'")) + "".join(_ESCAPES.get(char, char) for char in line) for line in lines)


def _upper(text: str) -> str:
    return _plain(text.upper())
