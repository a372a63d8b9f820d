"""`hyflow runs`: all runs that are kept here, newest first."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.errors import JournalError

if TYPE_CHECKING:
    from hyflow.journal import RunDir
    from hyflow.report.summary import Summary

HELP = "list the runs, newest first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow runs`."""
    parser.add_argument("-n", "--limit", type=_count, metavar="N", help="only the latest N")
    parser.add_argument("--json", action="store_true", help="an array of objects on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints the table; a run whose record cannot be read is named on standard error and passed over."""
    from hyflow.journal import list_runs
    from hyflow.report.summary import as_json
    from hyflow.report.tables import runs_table

    runs = list_runs(home())[::-1][: args.limit]
    summaries = [summary for run in runs if (summary := _summary(run)) is not None]
    if args.json:
        print(json.dumps([as_json(summary) for summary in summaries], indent=2))
    elif summaries:
        print(runs_table(summaries))
    else:
        print("There are no runs yet: hyflow run WORKFLOW [JOB] starts one.", file=sys.stderr)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, not {text!r}")
    return int(text)


def _summary(run: RunDir) -> Summary | None:
    from hyflow.journal import Unmade
    from hyflow.report.summary import summarize
    from hyflow.report.terminal import clean

    try:
        return summarize(run)
    except JournalError as error:
        if isinstance(error, Unmade) and not (run.path / "sites").exists():
            return None  # it never began, or begins just now: there is nothing to tell
        print(f"hyflow: {clean(str(error))}", file=sys.stderr)
        return None
