"""`hyflow rerun`: what failed in a run, or a step of it with all that follows, is run again; everything else keeps its results."""

from __future__ import annotations

import argparse

from hyflow.cli.arguments import home
from hyflow.errors import UsageError

HELP = "run parts of a run again: what failed, or a step and all that follows from it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow rerun`."""
    from hyflow.cli.resume import add_common

    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("--failed", action="store_true", help="every job that failed, and what could not run for that")
    parser.add_argument("--from", dest="step", metavar="STEP", help="a step, as /align, and every step that takes something from it")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Drives the run to its end once more, as `hyflow run` does."""
    from hyflow.cli.resume import perform
    from hyflow.journal import find_run
    from hyflow.resuming import Wish

    if not args.failed and args.step is None:
        raise UsageError("what is to run again?", hint="--failed: every job that failed; --from STEP: a step and all that follows from it")
    step = None if args.step is None else "/" + args.step.strip("/")
    return perform(find_run(home(), args.run), Wish(args.failed, step, args.take_over, not args.no_reuse), args)
