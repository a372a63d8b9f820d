"""The command `hyflow`: finds the verb, hands over, and turns every end into a message and an exit status.

A verb's module is imported only when the verb is used, so that starting stays fast.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from hyflow import __version__
from hyflow.errors import HyflowError, UsageError

VERBS = {
    "run": "run a workflow to its end",
    "validate": "check a CWL document and say what it holds",
    "init": "write a deployment file to start from",
    "check": "check a deployment file, and with --connect its sites",
    "schema": "print the JSON Schemas of what hyflow reads",
    "runs": "list the runs, newest first",
    "status": "show how far a run is, step by step",
    "logs": "show what happened in a run, or what one of its jobs said",
}

EXAMPLES = {
    "run": ["workflow.cwl job.yml", "workflow.cwl deploy.yml job.yml --outdir results", "workflow.cwl -- --threads 4"],
    "validate": ["workflow.cwl"],
    "init": ["", "sites.yml --force"],
    "check": ["deploy.yml", "deploy.yml --connect", "deploy.yml --profile dev --set sites.box.workdir=/tmp/box"],
    "schema": ["", "deployment", "--write schemas"],
    "runs": ["", "-n 5"],
    "status": ["", "RUN --json"],
    "logs": ["", "RUN /align", "RUN '/align[3]' --stderr"],
}

OVERVIEW = """usage: hyflow VERB ...

Runs CWL workflows across clouds and clusters.

{verbs}

    hyflow run workflow.cwl job.yml               on this machine
    hyflow run workflow.cwl deploy.yml job.yml    where the deployment file says
    hyflow VERB --help                            what a verb takes, with examples
    hyflow --version"""


def main() -> None:
    """The entry point."""
    sys.exit(guarded(lambda: perform(sys.argv[1:])))


def perform(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit status. Raises HyflowError, and SystemExit from argparse."""
    if not arguments:
        print(overview(), file=sys.stderr)
        return UsageError.exit_status
    verb, *rest = arguments
    if verb in ("-h", "--help", "help"):
        print(overview())
        return 0
    if verb == "--version":
        print(f"hyflow {__version__}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean hyflow {near[0]}?" if near else f"the verbs: {', '.join(VERBS)}"
        raise UsageError(f"there is no verb {verb!r}", hint=hint)
    return _verb(verb, rest)


def overview() -> str:
    """All verbs, on one screen."""
    return OVERVIEW.format(verbs="\n".join(f"    {verb:<10}{text}" for verb, text in VERBS.items()))


def _verb(verb: str, rest: list[str]) -> int:
    """Options and files may come in any order. For `run`, what follows a -- is the workflow's own and becomes `args.inputs`."""
    module = importlib.import_module(f"hyflow.cli.{verb}")
    parser = argparse.ArgumentParser(
        prog=f"hyflow {verb}", description=f"{VERBS[verb].capitalize()}.", formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )  # fmt: skip
    module.add_arguments(parser)
    examples = "\n".join(f"  hyflow {verb} {example}".rstrip() for example in EXAMPLES[verb])
    parser.epilog = "\n\n".join([*([parser.epilog] if parser.epilog else []), f"examples:\n{examples}"])
    inputs: list[str] = []
    if verb == "run" and "--" in rest:
        rest, inputs = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    args = parser.parse_intermixed_args(rest)
    args.inputs = inputs
    status: int = module.main(args)
    return status


def guarded(work: Callable[[], int]) -> int:
    """Do the work; every way in which it may end becomes an exit status, with one message on standard error and never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a file name may be no text; both are TextIOWrappers
    try:
        status = work()
        sys.stdout.flush()
    except HyflowError as error:
        return _told(error)
    except KeyboardInterrupt:
        print("\nhyflow: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return _unread()
    except Exception as error:
        return _bug(error)
    return status


def _told(error: HyflowError) -> int:
    from hyflow.report.terminal import clean

    print(f"hyflow: {clean(str(error))}", file=sys.stderr)
    return error.exit_status


def _unread() -> int:
    """Nobody reads standard output any more; what is left of it must not fail once more when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return 1


def _bug(error: Exception) -> int:
    from hyflow.cli.crash import write_crash

    what = f"{type(error).__name__}: {error}".splitlines()[0]
    print(f"hyflow: this is a bug in hyflow: {what} (the details are in {write_crash(error)})", file=sys.stderr)
    return 1
