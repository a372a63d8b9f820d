"""`hyflow cancel`: end a run, whoever drives it, and if nobody does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.cli.guard import finished
from hyflow.errors import HyflowError, Interrupted

if TYPE_CHECKING:
    from hyflow.journal import Owner, RunDir

HELP = "end a run from any terminal, with all its jobs"

_HEARING = 5.0
"""Seconds that a driver has to begin to listen and to answer."""
_ENDING = 300.0
"""Seconds that it then has to end everything."""
_LETTING_GO = 10.0
"""Seconds that it may hold its lock after it has hung up."""


@dataclass(slots=True)
class Cancelled:
    """What became of one run: how many `jobs` were ended, None when it was over already; what may go on (`left`); why nothing was done
    (`error`)."""

    run: str
    jobs: int | None = None
    left: tuple[str, ...] = ()
    error: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow cancel`."""
    parser.add_argument("run", metavar="RUN", help="its id or name, or the beginning of one")
    parser.add_argument("runs", nargs="*", metavar="RUN", default=[], help="more of them")
    parser.add_argument("--json", action="store_true", help="an array of objects on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints a line for each run. Status 1 when something may go on; what, and where, goes to standard error."""
    from hyflow.interruption import interruptible
    from hyflow.journal import find_run

    runs = list({(run := find_run(home(), text)).id: run for text in (args.run, *args.runs)}.values())
    try:
        results = finished(interruptible(lambda _: _all(runs, quiet=args.json)))
    except Interrupted as error:
        error.hint = "what a living hyflow was asked to end, it ends; the same command may be typed again"
        raise
    if args.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    return int(any(result.error is not None or result.left for result in results))


async def _all(runs: Sequence[RunDir], *, quiet: bool) -> list[Cancelled]:
    """One run after the other, each told as it has ended."""
    from hyflow.report.terminal import clean

    results = []
    for run in runs:
        try:
            result = await _cancel(run)
        except HyflowError as error:
            result = Cancelled(run.id, error=str(error))
            print(f"hyflow: {clean(str(error))}", file=sys.stderr)
        for text in result.left:
            print(f"hyflow: {run.id}: {clean(text)}", file=sys.stderr)
        if not quiet and result.error is None:
            print(f"{run.id}: {_done(result)}", flush=True)
        results.append(result)
    return results


def _done(result: Cancelled) -> str:
    match result.jobs:
        case None:
            return "nothing to cancel"
        case 1:
            return "cancelled, 1 job ended"
    return f"cancelled, {result.jobs:,} jobs ended"


async def _cancel(run: RunDir) -> Cancelled:
    from hyflow.journal import holder

    owner = holder(run.lock)
    if owner is None:
        return await _undriven(run)
    if owner.host != socket.gethostname():
        hint = f"type hyflow cancel {run.id} on {owner.host}"
        raise HyflowError(f"run {run.id} is driven by {owner}, which can be asked from there alone", hint=hint)
    return await _driven(run, owner)


async def _undriven(run: RunDir) -> Cancelled:
    """Nobody drives it: this process ends what is left of it."""
    from hyflow.cancel import cancel

    sites = await cancel(run)
    left = [
        f"something may go on at {site.site}: {site.error.what}\n  when {site.site} can be reached again: hyflow cancel {run.id}"
        for site in sites if site.error is not None
    ]  # fmt: skip
    return Cancelled(run.id, sum(site.jobs for site in sites) if sites else None, tuple(left))


async def _driven(run: RunDir, owner: Owner) -> Cancelled:
    """Its driver is asked. One that dies meanwhile leaves the rest to this process."""
    from hyflow.control import CANCEL, Unheard, ask
    from hyflow.journal import holder, read_session

    try:
        async with asyncio.timeout(_ENDING):
            async with ask(run, CANCEL, _HEARING) as answer:
                await answer.ended()
            await _let_go(run, owner, _ENDING)  # leaving a site that gives no answer takes its time, too
    except TimeoutError as error:
        what = f"run {run.id} was told to end, and {owner} has not come to the end of it in {_ENDING:g} seconds"
        raise HyflowError(what, hint=f"hyflow status {run.id} shows how far it is") from error
    except Unheard as error:
        with contextlib.suppress(TimeoutError):
            await _let_go(run, owner, _LETTING_GO if error.hung_up else 0.0)
        if holder(run.lock) is not None:
            raise
    if not run.journal.exists():  # it had not begun, and is not kept
        return Cancelled(run.id, 0)
    if read_session(run.journal).ended is None:
        return await _undriven(run)
    return _by_the_record(run)


async def _let_go(run: RunDir, owner: Owner, patience: float) -> None:
    """Wait until it holds its lock no longer. Raises TimeoutError."""
    from hyflow.journal import holder

    async with asyncio.timeout(patience):
        while holder(run.lock) == owner:  # noqa: ASYNC110  # it is another process that lets go
            await asyncio.sleep(0.05)


def _by_the_record(run: RunDir) -> Cancelled:
    """What its driver has written down since it was told to stop, by this process or another."""
    from hyflow.journal import read_milestones
    from hyflow.model.events import Failed, Resumed, Stopping
    from hyflow.model.jobs import FailureClass

    events = [record.event for record in read_milestones(run.journal, Failed, Stopping, Resumed)]
    turns = [number for number, event in enumerate(events) if isinstance(event, Stopping | Resumed)]
    if not turns or isinstance(events[turns[-1]], Resumed):
        return Cancelled(run.id)  # it came to its end before it could be stopped
    after = events[turns[-1] :]
    failed = [event for event in after if isinstance(event, Failed) and event.key is not None]
    ends = [event for event in failed if event.failure.kind is FailureClass.CANCELLED]
    # Of a job that its site has ended there is no more to say than that.
    left = tuple(f"{end.job}: {end.failure.message}" for end in ends if not end.failure.message.startswith("cancelled"))
    return Cancelled(run.id, len(ends) - len(left), left)
