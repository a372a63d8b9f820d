"""`hyflow status`: how far a run is, step by step."""

from __future__ import annotations

import argparse
import json

from hyflow.cli.arguments import home

HELP = "show how far a run is, step by step"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow status`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("--json", action="store_true", help="an object on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints the status."""
    from hyflow.journal import find_run
    from hyflow.report.summary import as_json, every_step, step_json, summarize
    from hyflow.report.tables import status_text

    run = find_run(home(), args.run)
    summary = every_step(run, summarize(run))
    if args.json:
        print(json.dumps(as_json(summary) | {"steps": [step_json(step) for step in summary.steps]}, indent=2))
    else:
        print(status_text(summary))
    return 0
