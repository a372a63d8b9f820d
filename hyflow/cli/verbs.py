"""What the command line offers: the verbs, and for each its parser. An argparse parser is the one description of a verb, of which
the reading of its words, its help, the completions and the manual pages are made. A verb's module is imported only when it is needed.
"""

from __future__ import annotations

import argparse
import importlib
from types import ModuleType

VERBS = {
    "run": "run a workflow to its end",
    "validate": "check a CWL document and say what it holds",
    "init": "write a deployment file to start from",
    "check": "check a deployment file, and with --connect its sites",
    "pull": "bring the container images of a workflow to its sites",
    "schema": "print the JSON Schemas of what hyflow reads",
    "resume": "go on with a run that was stopped or killed",
    "rerun": "run parts of a run again: what failed, or a step and all that follows from it",
    "runs": "list the runs, newest first",
    "status": "show how far a run is, step by step",
    "logs": "show what happened in a run, or what one of its jobs said",
    "why": "say why a job ran where it did, was reused, failed, or waits",
    "attach": "follow a run that goes on in another terminal or in the background",
    "cancel": "end a run from any terminal, with all its jobs",
    "clean": "give up runs and remove what they have left; prune what is kept for later runs",
    "completion": "print what makes a shell complete the commands",
    "man": "print the manual pages",
    "help": "say what hyflow can do, or what a verb takes",
}

EXAMPLES = {
    "run": [
        "workflow.cwl job.yml",
        "workflow.cwl deploy.yml job.yml --outdir results",
        "workflow.cwl job.yml --detach",
        "workflow.cwl -- --threads 4",
    ],
    "validate": ["workflow.cwl", "workflow.cwl job.yml"],
    "init": ["", "sites.yml --force"],
    "check": ["deploy.yml", "deploy.yml --connect", "deploy.yml --profile dev --set sites.box.workdir=/tmp/box"],
    "pull": ["workflow.cwl", "workflow.cwl deploy.yml"],
    "schema": ["", "deployment", "--write schemas"],
    "resume": ["", "RUN", "RUN --take-over"],
    "rerun": ["RUN --failed", "RUN --from /align"],
    "runs": ["", "-n 5"],
    "status": ["", "RUN --watch", "RUN --json"],
    "logs": ["", "RUN --follow", "RUN '/align[3]' --stderr"],
    "why": ["RUN /align", "RUN '/align[3]'"],
    "attach": ["", "RUN --quiet > output.json"],
    "cancel": ["last", "RUN --json"],
    "clean": ["", "RUN", "--older-than 30d --dry-run", "RUN --remote"],
    "completion": ["bash > ~/.local/share/bash-completion/completions/hyflow", "fish > ~/.config/fish/completions/hyflow.fish"],
    "man": ["", "cwl-runner", "--write /usr/local/share/man/man1"],
    "help": ["", "run"],
    "cwl-runner": ["workflow.cwl job.yml", "--outdir results workflow.cwl job.yml"],
}

SEPARATE = {
    "run": ("inputs", "the inputs of the workflow, by name: --threads 4 --reads a.fq --reads b.fq"),
    "completion": ("words", "a command line; what may stand in place of its last word is printed, for the scripts"),
}
"""The verbs for which what follows a `--` is a thing of its own, with its name in `args` and in the usage line, and what it is."""

RUNNER = "cwl-runner"


def module_of(verb: str) -> ModuleType:
    """The verb's own module: it has `add_arguments(parser)` and `main(args) -> exit status`."""
    return importlib.import_module(f"hyflow.cli.{verb}")


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of a verb, or of `cwl-runner`. It does not know of what may follow a `--`: see SEPARATE."""
    if verb == RUNNER:
        from hyflow.cli import cwl_runner

        return cwl_runner.parser()
    made = argparse.ArgumentParser(prog=f"hyflow {verb}", description=sentence(VERBS[verb]), allow_abbrev=False)
    module_of(verb).add_arguments(made)
    return made


def separate(command: str) -> tuple[str, str] | None:
    """What may follow a `--` of this command: its name and what it is."""
    return SEPARATE["run"] if command == RUNNER else SEPARATE.get(command)


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options, `--help` last."""
    found = [action for action in parser._actions if action.option_strings]
    return sorted(found, key=lambda action: "--help" in action.option_strings)


def arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What has no dashes, in its order; each has a metavar."""
    return [action for action in parser._actions if not action.option_strings]


def takes_value(option: argparse.Action) -> bool:
    """Whether an option has a value."""
    return option.nargs != 0


def several(argument: argparse.Action) -> bool:
    """Whether it may be given more than once."""
    return argument.nargs == "*" or isinstance(argument, argparse._AppendAction)


def pattern(argument: argparse.Action) -> str:
    """How a usage line shows what has no dashes."""
    match argument.nargs:
        case "?":
            return f"[{argument.metavar}]"
        case "*":
            return f"[{argument.metavar} ...]"
    return str(argument.metavar)


def usage(parser: argparse.ArgumentParser) -> str:
    """How the command is called, on one line. Options that always fit are not named one by one: there is a list of them."""
    command = parser.prog.split()[-1]
    rest = separate(command)
    parts = [parser.prog, *map(pattern, arguments(parser)), "[options]", *([f"[-- {rest[0]}]"] if rest else [])]
    return " ".join(parts)


def sentence(text: str) -> str:
    """A phrase with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
