"""`hyflow status`: how far a run is, step by step."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home

if TYPE_CHECKING:
    from hyflow.journal import RunDir

HELP = "show how far a run is, step by step"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow status`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("--watch", action="store_true", help="go on showing it until the run ends")
    parser.add_argument("--json", action="store_true", help="an object on standard output; with --watch one a line, at every change")


def main(args: argparse.Namespace) -> int:
    """Prints the status, once or until the run ends."""
    from hyflow.journal import find_run

    run = find_run(home(), args.run)
    if args.watch:
        _watch(run, as_lines=args.json)
    else:
        _show(run, as_object=args.json)
    return 0


def _show(run: RunDir, *, as_object: bool) -> None:
    from hyflow.report.summary import every_step, status_json, summarize
    from hyflow.report.tables import status_text

    summary = every_step(run, summarize(run))
    print(json.dumps(status_json(summary), indent=2) if as_object else status_text(summary))


def _watch(run: RunDir, *, as_lines: bool) -> None:
    """Drawn anew where standard output is a terminal that can move its cursor, line by line elsewhere."""
    if not as_lines and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from hyflow.cli.guard import finished
        from hyflow.interruption import interruptible
        from hyflow.report.screen import watch

        finished(interruptible(lambda _: watch(run)))
    else:
        from hyflow.report.changes import tell

        tell(run, as_lines=as_lines)
