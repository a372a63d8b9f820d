"""The command `hyflow`: finds the verb, hands over, and turns every end into a message and an exit status.

A verb's module is imported only when the verb is used, so that starting stays fast.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import errno
import importlib
import io
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

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
    _check_directory()
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


def _check_directory() -> None:
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UsageError("the working directory is gone", hint="change to one that is there") from error


def overview() -> str:
    """All verbs, on one screen."""
    return OVERVIEW.format(verbs="\n".join(f"    {verb:<10}{text}" for verb, text in VERBS.items()))


class _Parser(argparse.ArgumentParser):
    """Tells mistakes as all others are told."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help says what it takes"
        if self.prog == "hyflow run" and message.startswith("unrecognized arguments: --"):
            hint = "inputs of the workflow come after a --, options before it; " + hint
        raise UsageError(message, hint=hint)


def _verb(verb: str, rest: list[str]) -> int:
    """Options and files may come in any order. For `run`, what follows a -- is the workflow's own and becomes `args.inputs`."""
    module = importlib.import_module(f"hyflow.cli.{verb}")
    description = f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}."
    parser = _Parser(
        prog=f"hyflow {verb}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
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
    _prepare_streams()
    try:
        status = _status(work)
        sys.stdout.flush()
    except HyflowError as error:
        return _told(error)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a further one would end us in some other way than we say
        print("\nhyflow: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        return _refused(error)
    except Exception as error:
        return _bug(error)
    return status


def _prepare_streams() -> None:
    """Names of files may be no text; and whoever started us may have closed our output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # open for as long as the process lives
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _status(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as ended:  # argparse has said what there is to say
        return ended.code if isinstance(ended.code, int) else 1


def _refused(error: OSError) -> int:
    """The system would not do what was asked: our output has no reader, or a disk no room; all else should have been foreseen."""
    if isinstance(error, BrokenPipeError) and _is_unread():
        return _drop_output()
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return _bug(error)
    _drop_output()
    where = str(error.filename) if error.filename else None
    return _told(HyflowError(f"cannot write: {error.strerror}", where=where, hint="make room, then try again"))


def _is_unread() -> bool:
    """Whether it is our own output that nobody reads, and no other pipe."""
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False


def _told(error: HyflowError) -> int:
    from hyflow.report.terminal import clean

    print(f"hyflow: {clean(str(error))}", file=sys.stderr)
    return error.exit_status


def _drop_output() -> int:
    """Standard output can take no more; what is left of it must not fail once more when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return 1


def _bug(error: Exception) -> int:
    from hyflow.cli.crash import write_crash
    from hyflow.report.terminal import clean

    try:
        details = f"the details are in {write_crash(error)}"
    except OSError as trouble:
        details = f"the details cannot be kept: {trouble}"
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    print(f"hyflow: this is a bug in hyflow: {clean(what)} ({details})", file=sys.stderr)
    return 1
