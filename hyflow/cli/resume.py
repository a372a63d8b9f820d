"""`hyflow resume`: go on with a run that was stopped, or whose hyflow was killed."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.cli.guard import finished
from hyflow.cli.run import watching
from hyflow.errors import Interrupted

if TYPE_CHECKING:
    from hyflow.cli.detach import Beginning
    from hyflow.journal import RunDir
    from hyflow.resuming import Wish

HELP = "go on with a run that was stopped or killed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow resume`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    add_common(parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """What `hyflow rerun` takes as well."""
    parser.add_argument("--take-over", action="store_true", help="although another host drove it: you know that it no longer does")
    parser.add_argument("--no-reuse", action="store_true", help="take no results of earlier runs, and keep none for later ones")
    parser.add_argument("--detach", action="store_true", help="go on in the background once the run has begun, and print its id")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json-log", action="store_true", help="tell what happens as one JSON object a line")


def main(args: argparse.Namespace) -> int:
    """Drives the run to its end, as `hyflow run` does."""
    from hyflow.journal import find_run
    from hyflow.resuming import Wish, outputs_of

    run = find_run(home(), args.run)
    outputs = outputs_of(run)
    if outputs is not None:
        print(f"run {run.id} is done already", file=sys.stderr)
        print(json.dumps(outputs, indent=4))
        return 0
    return perform(run, Wish(take_over=args.take_over, reuse=not args.no_reuse), args)


def perform(run: RunDir, wish: Wish, args: argparse.Namespace) -> int:
    """Drive the run to its end, here or in the background; the exit status."""
    if not args.detach:
        return _driven(run, wish, args)
    from hyflow.cli.detach import detached

    return detached(lambda beginning: _driven(run, wish, args, beginning), run.path.parent, quiet=args.quiet or args.json_log)


def _driven(run: RunDir, wish: Wish, args: argparse.Namespace, beginning: Beginning | None = None) -> int:
    """Drive the run to its end, print the output object, give the exit status."""
    from hyflow.run import resume

    watcher = watching(args.quiet, args.json_log, beginning)
    result = finished(resume(run, wish, watcher), lambda result: result.status == Interrupted.exit_status)
    if result.status == 0:
        print(json.dumps(result.outputs, indent=4))
    return result.status
