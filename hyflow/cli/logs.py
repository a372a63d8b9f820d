"""`hyflow logs`: the story of a run, or what one of its jobs said."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home, run_and_step
from hyflow.cli.guard import finished
from hyflow.errors import UsageError

if TYPE_CHECKING:
    from hyflow.journal import RunDir
    from hyflow.report.follow import Looks
    from hyflow.report.said import Missing

HELP = "show what happened in a run, or what one of its jobs said"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow logs`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("step", nargs="?", metavar="STEP[INDEX]", help="a step, as /align, or one of its jobs, as /align[3]")
    parser.add_argument("--stdout", action="store_true", help="only the job's standard output")
    parser.add_argument("--stderr", action="store_true", help="only the job's standard error")
    parser.add_argument("--all", action="store_true", help="all of what a job said, on a terminal too, and from where it ran")
    parser.add_argument("--failed", action="store_true", help="every job that failed, with its last words")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it grows, to the end of the run or of the job")
    parser.add_argument("--json", action="store_true", help="JSON on standard output: an object for a job, an object a line for more")


def main(args: argparse.Namespace) -> int:
    """Prints what was asked for. A first argument that starts with a slash is a step of the latest run."""
    from hyflow.journal import find_run

    text, step = run_and_step(args.run, args.step)
    streams = [name for name in ("stdout", "stderr") if getattr(args, name)]
    if args.follow:
        from hyflow.report.follow import follow

        if args.failed:
            raise UsageError("--failed is about what has failed, --follow about what goes on", hint="give one of them")
        run = find_run(home(), text)
        _follow(run, follow(run, step, streams=streams, as_lines=args.json, whole=args.all))
        return 0
    from hyflow.report.logs import show

    run = find_run(home(), text)
    _show(run, show(run, step, streams=streams, failed=args.failed, as_lines=args.json, whole=args.all), fetching=args.all)
    return 0


def _follow(run: RunDir, looks: Looks) -> None:
    """Look for as long as there is something to see. Once it has to be brought from elsewhere, those go on who can do that."""
    from hyflow.report.follow import PERIOD

    for distant in looks:
        if distant is not None:
            from hyflow.following import go_on

            finished(go_on(run, distant, looks))
            return
        time.sleep(PERIOD)


def _show(run: RunDir, shown: Iterator[Missing], *, fetching: bool) -> None:
    """The same of what is printed once, and is `fetching` from elsewhere only when asked to."""
    for missing in shown:
        from hyflow.following import fetch, site_of

        if fetching:
            finished(fetch(run, missing, shown))
            return
        missing.say("" if site_of(run, missing.site) is None else "; --all fetches it")
