"""`hyflow rerun`: what failed in a run, or a step of it with all that follows, is run again; everything else keeps its results."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.errors import UsageError

if TYPE_CHECKING:
    from hyflow.journal import RunDir

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
    from hyflow.resuming import Wish, check

    run = find_run(home(), args.run)
    if not args.failed and args.step is None:
        raise UsageError("what is to run again?", hint="--failed: every job that failed; --from STEP: a step and all that follows from it")
    step = None if args.step is None else "/" + args.step.strip("/")
    wish = Wish(args.failed, step, args.take_over, not args.no_reuse)
    check(run, wish)
    _check_step(run, step or "")
    return _nothing_failed(run) if step is None and _has_no_failures(run) else perform(run, wish, args)


def _check_step(run: RunDir, step: str) -> None:
    """Raises UsageError for a job of a step, as /align[3]: what is rerun from there is the step with all its jobs."""
    from hyflow.report.outline import outline
    from hyflow.report.summary import program_of
    from hyflow.report.terminal import one_line

    whole, bracket, _ = step.rpartition("[")
    program = program_of(run)
    if program is None or not bracket or not step.endswith("]"):
        return
    if not any(f"{line.path}/".startswith(f"{step}/") for line in outline(program)):
        hint = f"hyflow rerun {run.id} --from {one_line(shlex.quote(whole))} runs all its jobs again; --failed only those that failed"
        raise UsageError(f"--from takes a step without an index, not {one_line(step)}", hint=hint)


def _has_no_failures(run: RunDir) -> bool:
    """Whether no job has failed, and neither has the run for any other reason."""
    from hyflow.report.standing import RunState, standing
    from hyflow.rerunning import failed

    return standing(run).state is not RunState.FAILED and not failed(run)


def _nothing_failed(run: RunDir) -> int:
    from hyflow.resuming import outputs_of

    print(f"no job of run {run.id} has failed: nothing is run again", file=sys.stderr)
    if (outputs := outputs_of(run)) is None:
        print(f"  hyflow resume {run.id} goes on with it", file=sys.stderr)
    else:
        print(json.dumps(outputs, indent=4))
    return 0
