"""`hyflow logs`: the story of a run, or what one of its jobs said."""

from __future__ import annotations

import argparse

from hyflow.cli.arguments import home

HELP = "show what happened in a run, or what one of its jobs said"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow logs`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("step", nargs="?", metavar="STEP[INDEX]", help="a step, as /align, or one of its jobs, as /align[3]")
    parser.add_argument("--stdout", action="store_true", help="only the job's standard output")
    parser.add_argument("--stderr", action="store_true", help="only the job's standard error")
    parser.add_argument("--all", action="store_true", help="all of what a job said, on a terminal too")
    parser.add_argument("--failed", action="store_true", help="every job that failed, with its last words")
    parser.add_argument("--json", action="store_true", help="JSON on standard output: an object for a job, an object a line for more")


def main(args: argparse.Namespace) -> int:
    """Prints what was asked for. A first argument that starts with a slash is a step of the latest run."""
    from hyflow.journal import find_run
    from hyflow.report.logs import show

    text, step = (None, args.run) if args.step is None and (args.run or "").startswith("/") else (args.run, args.step)
    streams = [name for name in ("stdout", "stderr") if getattr(args, name)]
    show(find_run(home(), text), step, streams=streams, failed=args.failed, as_lines=args.json, whole=args.all)
    return 0
