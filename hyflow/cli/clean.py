"""`hyflow clean`: end and remove what runs have left that nobody drives any more."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hyflow.cli.arguments import home
from hyflow.cli.guard import finished
from hyflow.errors import HyflowError

if TYPE_CHECKING:
    from hyflow.clean import SiteCleaned
    from hyflow.journal import RunDir

HELP = "end and remove what a killed or failed run has left"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow clean`."""
    parser.add_argument("runs", nargs="*", metavar="RUN", default=[], help="ids or names, or beginnings (default: runs that were killed)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="an array of objects on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints a line for each run. Status 1 when something may be left; what, and where, goes to standard error."""
    from hyflow.clean import killed
    from hyflow.interruption import interruptible
    from hyflow.journal import find_run

    runs = list({(run := find_run(home(), text)).id: run for text in args.runs}.values()) if args.runs else killed(home())
    if not runs and not args.json:
        print("There is nothing to clean: no run was killed.", file=sys.stderr)
    results = finished(interruptible(lambda _: _all(runs, dry=args.dry_run, quiet=args.json)))
    if args.json:
        print(json.dumps([result for result, _ in results], indent=2))
    return int(not all(good for _, good in results))


async def _all(runs: Sequence[RunDir], *, dry: bool, quiet: bool) -> list[tuple[dict[str, Any], bool]]:
    """One run after the other: what was done as `--json` has it, and whether nothing is left."""
    from hyflow.clean import clean, unended

    results = []
    for run in runs:
        error: HyflowError | None = None
        sites: list[SiteCleaned] = []
        try:
            sites = unended(run) if dry else await clean(run)
        except HyflowError as caught:
            error = caught
        _tell(run, sites, error, dry=dry, quiet=quiet)
        results.append((_as_json(run, sites, error, dry=dry), error is None and not any(site.error for site in sites)))
    return results


def _tell(run: RunDir, sites: Sequence[SiteCleaned], error: HyflowError | None, *, dry: bool, quiet: bool) -> None:
    from hyflow.report.terminal import clean

    if not quiet and error is None:
        print(f"{run.id}: {_planned(sites) if dry else _done(sites)}", flush=True)
    if error is not None:
        print(f"hyflow: {clean(str(error))}", file=sys.stderr)
    for site in sites:
        if site.error is not None:
            hint = f"\n  when {site.site} can be reached again: hyflow clean {run.id}"
            print(f"hyflow: {run.id}: something may be left at {site.site}: {clean(site.error.what)}{hint}", file=sys.stderr)


def _planned(sites: Sequence[SiteCleaned]) -> str:
    jobs = sum(site.jobs for site in sites)
    names = ", ".join(site.site for site in sites)
    ends = f"{_counted(jobs, 'unfinished job')} would be ended, and " if jobs else ""
    return f"{ends}containers and working files would be removed at {names}" if sites else "it has left nothing at any site"


def _done(sites: Sequence[SiteCleaned]) -> str:
    from hyflow.model.quantities import size_text

    jobs, containers = sum(site.jobs for site in sites), sum(len(site.containers) for site in sites)
    freed = size_text(sum(site.freed for site in sites))
    return f"{_counted(jobs, 'unfinished job')} ended, {_counted(containers, 'container')} removed, {freed} freed"


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _as_json(run: RunDir, sites: Sequence[SiteCleaned], error: HyflowError | None, *, dry: bool) -> dict[str, Any]:
    """What a dry run cannot know is null."""
    found = [
        {
            "site": site.site,
            "jobs": site.jobs,
            "containers": None if dry else site.containers,
            "freed": None if dry else site.freed,
            "error": site.error.what if site.error else None,
        }
        for site in sites
    ]
    return {"run": run.id, "sites": found, "error": error.what if error else None}
