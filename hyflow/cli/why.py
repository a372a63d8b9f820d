"""`hyflow why`: why a job ran where it ran, why it was reused or not, why it failed or does not run yet."""

from __future__ import annotations

import argparse

from hyflow.cli.arguments import home, run_and_step
from hyflow.errors import UsageError

HELP = "say why a job ran where it did, was reused, failed, or waits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow why`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("step", nargs="?", metavar="STEP[INDEX]", help="a step, as /align, or one of its jobs, as /align[3]")
    parser.add_argument("--json", action="store_true", help="an object on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints one page. A first argument that starts with a slash is a step of the latest run."""
    from hyflow.journal import find_run
    from hyflow.report.why import explain

    text, step = run_and_step(args.run, args.step)
    run = find_run(home(), text)
    if step is None:
        named = text or "RUN"
        raise UsageError("which step, or which of its jobs?", hint=f"hyflow why {named} /STEP, or hyflow why {named} '/STEP[3]'")
    explain(run, step, as_object=args.json)
    return 0
