"""`hyflow clean`: give runs up, end and remove what they have left; remove what is nobody's any more."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyflow.cli.arguments import home
from hyflow.cli.guard import finished
from hyflow.errors import HyflowError

if TYPE_CHECKING:
    from hyflow.clean import Cleaned
    from hyflow.journal import RunDir
    from hyflow.leftovers import Kept, Survey
    from hyflow.results import Results

HELP = "give up runs and remove what they have left; prune what is kept for later runs"


@dataclass(slots=True)
class _Said:
    """What `--json` has, and whether nothing is left that should have gone."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    tidied: list[dict[str, Any]] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    kept: dict[str, Any] | None = None
    good: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow clean`."""
    parser.add_argument("runs", nargs="*", metavar="RUN", default=[], help="ids or names, or beginnings (default: only what is nobody's)")
    parser.add_argument("--older-than", type=_age, metavar="AGE", help="all runs of which nothing was heard for so long, as 30d or 12h")
    parser.add_argument("--remote", action="store_true", help="at other sites, too, not on this machine alone")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and freed, and do nothing")
    parser.add_argument("--json", action="store_true", help="an object on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints a line for each run, and what is kept. Status 1 when something may be left; what, and where, goes to standard error."""
    from hyflow.interruption import interruptible

    said = finished(interruptible(lambda _: _clean(args, home())))
    if args.json:
        result = {"runs": said.runs, "tidied": said.tidied, "interrupted": said.interrupted, "kept": said.kept}
        print(json.dumps(result, indent=2))
    return int(not said.good)


def _age(text: str) -> int:
    from hyflow.model.quantities import parse_time

    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a length of time: {text!r} (write it as in 30d, 12h or 1h30m)") from error


def _warn(text: str) -> None:
    from hyflow.report.terminal import clean

    print(f"hyflow: {clean(text)}", file=sys.stderr)


async def _clean(args: argparse.Namespace, top: Path) -> _Said:
    from hyflow.journal import find_run
    from hyflow.keeping import index
    from hyflow.leftovers import is_older, older
    from hyflow.results import Results

    said = _Said()
    named = list({(run := find_run(top, text)).id: run for text in args.runs}.values())
    if args.older_than is not None:
        chosen = [run for run in named if is_older(run, args.older_than)] if named else older(top, args.older_than)
        if not chosen:
            _warn("there is nothing to clean: no such run is as old")
    else:
        chosen = named
    results = Results(index(top), _warn)
    try:
        await _runs(args, chosen, results, said)
        if not named and args.older_than is None:
            await _unclaimed(args, top, results, said)
    finally:
        results.close()
    return said


async def _runs(args: argparse.Namespace, runs: Sequence[RunDir], results: Results, said: _Said) -> None:
    """Give them up, one after the other."""
    from hyflow.clean import Cleaned, clean, foreseen

    for run in runs:
        error: HyflowError | None = None
        found = Cleaned()
        try:
            found = foreseen(run, results, remote=args.remote) if args.dry_run else await clean(run, results, remote=args.remote)
        except HyflowError as caught:
            error = caught
        except OSError as refused:
            error = _refused(refused)
        _tell(run, found, error, args)
        said.runs.append(_as_json(run, found, error, dry=args.dry_run))
        said.good &= error is None and found.whole


def _refused(error: OSError) -> HyflowError:
    return HyflowError(f"it cannot be removed: {error.strerror or 'the disk refuses it'}", where=str(error.filename or "") or None)


async def _unclaimed(args: argparse.Namespace, top: Path, results: Results, said: _Said) -> None:
    """What nobody wants any more, of all runs; those that somebody may want to go on with are named."""
    from hyflow.leftovers import bounded, survey

    found = survey(top)
    for error in found.unreadable:
        _warn(str(error))
        said.good = False
    await _runs(args, found.given_up, results, said)
    await _tidied(args, found, results, said)
    kept = await bounded(top, results, remote=args.remote, dry=args.dry_run)
    if kept.error is not None:
        _warn(f"results that are kept no longer are still there: {kept.error}")
        said.good = False
    elif kept.left:
        _warn(f"{_counted(kept.left, 'result')} that should go {'is' if kept.left == 1 else 'are'} at other sites: add --remote")
    if not args.json:
        print(_kept(kept, dry=args.dry_run))
    said.kept = {"results": kept.size.results, "bytes": kept.size.bytes, "most": kept.most,
                 "left": kept.left, "gone": {"results": kept.gone.results, "bytes": kept.gone.bytes}}  # fmt: skip
    for run, stands in found.interrupted:
        said.interrupted.append(run.id)
        goes_on = f"; {stands.goes_on}" if stands.goes_on else ""
        _warn(f"run {run.id} {stands.sentence.replace('is ', 'was ', 1)}{goes_on}\n"
              f"  hyflow resume {run.id} goes on, hyflow clean {run.id} gives it up")  # fmt: skip


async def _tidied(args: argparse.Namespace, found: Survey, results: Results, said: _Said) -> None:
    from hyflow.leftovers import tidy
    from hyflow.model.quantities import size_text

    for run in found.done:
        try:
            freed = await tidy(run, results, dry=args.dry_run)
        except HyflowError as error:
            said.good = False
            _warn(f"{run.id}: {error}")
            continue
        except OSError as refused:
            said.good = False
            _warn(f"{run.id}: {_refused(refused)}")
            continue
        if freed:
            said.tidied.append({"run": run.id, "freed": freed})
            if not args.json:
                would = "would be freed" if args.dry_run else "freed"
                print(f"{run.id}: done, and not all tidied up: {size_text(freed)} {would}", flush=True)


def _kept(kept: Kept, *, dry: bool) -> str:
    from hyflow.model.quantities import size_text

    text = f"kept for later runs: {_counted(kept.size.results, 'result')}, {size_text(kept.size.bytes)} of at most {size_text(kept.most)}"
    if not kept.gone.results:
        return text
    gone = f"{_counted(kept.gone.results, 'result')} ({size_text(kept.gone.bytes)})"
    return f"{text}; {gone} {'would be removed' if dry else 'removed'}"


def _tell(run: RunDir, found: Cleaned, error: HyflowError | None, args: argparse.Namespace) -> None:
    from hyflow.clean import told

    if error is not None:
        _warn(str(error))
    elif not args.json:
        print(f"{run.id}: {_planned(found) if args.dry_run else _done(found)}", flush=True)
    for left in found.left:
        _warn(f"{run.id}: {told(left)}")
    for site in found.sites:
        if site.error is not None:
            hint = f"\n  when {site.site} can be reached again: hyflow clean --remote {run.id}"
            _warn(f"{run.id}: something may be left at {site.site}: {site.error.what}{hint}")


def _planned(found: Cleaned) -> str:
    from hyflow.model.quantities import size_text

    if not found.sites:
        return "it has left nothing at any site that would be asked"
    jobs, names = sum(site.jobs for site in found.sites), ", ".join(site.site for site in found.sites)
    ends = f"{_counted(jobs, 'unfinished job')} would be ended, and " if jobs else ""
    freed = f", {size_text(found.freed)} of it on this machine" if found.freed else ""
    return f"{ends}containers and working files would be removed at {names}{freed}"


def _done(found: Cleaned) -> str:
    from hyflow.model.quantities import size_text

    jobs, containers = sum(site.jobs for site in found.sites), sum(len(site.containers) for site in found.sites)
    freed = size_text(sum(site.freed for site in found.sites))
    return f"{_counted(jobs, 'unfinished job')} ended, {_counted(containers, 'container')} removed, {freed} freed"


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _as_json(run: RunDir, found: Cleaned, error: HyflowError | None, *, dry: bool) -> dict[str, Any]:
    """What a dry run cannot know is null."""
    sites = [
        {
            "site": site.site,
            "jobs": site.jobs,
            "containers": None if dry else site.containers,
            "freed": None if dry else site.freed,
            "error": site.error.what if site.error else None,
        }
        for site in found.sites
    ]
    left = [{"site": one.site, "jobs": one.jobs} for one in found.left]
    would = found.freed if dry and error is None else None
    return {"run": run.id, "sites": sites, "left": left, "would_free": would, "error": error.what if error else None}
