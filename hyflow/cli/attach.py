"""`hyflow attach`: follow a run that another process drives, as if it had been started here."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.cli.guard import finished
from hyflow.errors import Interrupted, UnsupportedRequirement

if TYPE_CHECKING:
    from hyflow.journal import RunDir
    from hyflow.model.jobs import Failure, JobId
    from hyflow.report.observer import Observer

HELP = "follow a run that goes on in another terminal or in the background"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow attach`."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="its id or name, or the beginning of one (default: the latest run)")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json-log", action="store_true", help="tell what happens as one JSON object a line")


def main(args: argparse.Namespace) -> int:
    """Follows the run to its end; the output object is all that goes to standard output, and the exit status is that of the run."""
    from hyflow.interruption import interruptible
    from hyflow.journal import find_run, holder
    from hyflow.report.watch import observer

    run = find_run(home(), args.run)
    followed = holder(run.lock) is not None
    if followed:
        watcher = observer(sys.stderr, quiet=args.quiet, json_log=args.json_log)
        try:
            finished(interruptible(lambda _: _follow(run, watcher)))
        except Interrupted as error:
            if not args.json_log:  # there it would say that the run has ended
                watcher.end(())
            error.hint = f"the run goes on; hyflow attach {run.id} comes back to it"
            raise
        watcher.end(_failures(run))
    return _ended(run, followed=followed, quiet=args.quiet or args.json_log)


async def _follow(run: RunDir, watcher: Observer) -> None:
    from hyflow import plain
    from hyflow.journal import read_meta
    from hyflow.model.workflow import Program
    from hyflow.report.following import follow

    await follow(run, plain.loads(read_meta(run.journal).program, Program), watcher)


def _failures(run: RunDir) -> tuple[tuple[JobId, Failure], ...]:
    """The jobs that failed for good, and why."""
    from hyflow.journal import Phase, read_jobs, read_milestones
    from hyflow.model.events import Failed

    records = read_milestones(run.journal, Failed)
    if not records:
        return ()
    phases = read_jobs(run.journal)
    failures = {event.job: event.failure for record in records if isinstance(event := record.event, Failed) and event.again is None}
    return tuple((job, failure) for job, failure in failures.items() if phases.get(job) in (Phase.FAILED, Phase.CANCELLED))


def _ended(run: RunDir, *, followed: bool, quiet: bool) -> int:
    """Tell how the run ended; the status of that."""
    from hyflow.report.standing import RunState
    from hyflow.report.summary import summarize
    from hyflow.report.terminal import duration, one_line

    summary = summarize(run)
    took = f"after {duration(summary.elapsed)}"
    match summary.state:
        case RunState.DONE:
            if not (followed or quiet):
                print(f"run {run.id} has succeeded {took}; its results are in {one_line(summary.header.outdir)}", file=sys.stderr)
            print(json.dumps(_outputs(run), indent=4))
            return 0
        case RunState.FAILED:
            print(f"hyflow: run {run.id} has failed {took}\n  hyflow logs {run.id} --failed says why", file=sys.stderr)
            unsupported = any(failure.unsupported for _, failure in _failures(run))
            return UnsupportedRequirement.exit_status if unsupported else 1
    stopped = _stopped(run)
    how = f"was stopped ({one_line(stopped)})" if stopped else "is interrupted: its hyflow has died"
    then = summary.standing.next(run.id) if summary.standing.cleaned else f"hyflow resume {run.id} goes on with it"
    print(f"hyflow: run {run.id} {how} {took}\n  {then}", file=sys.stderr)
    return Interrupted.exit_status if stopped and followed else 1


def _outputs(run: RunDir) -> object:
    from hyflow.journal import read_milestones
    from hyflow.model.events import Delivered

    event = read_milestones(run.journal, Delivered)[-1].event
    return event.outputs if isinstance(event, Delivered) else None


def _stopped(run: RunDir) -> str | None:
    """Why the run was stopped; None when it was not, or has gone on since, or its hyflow died over it."""
    from hyflow.journal import read_milestones, read_session
    from hyflow.model.events import Resumed, Stopping

    events = [record.event for record in read_milestones(run.journal, Stopping, Resumed)]
    last = events[-1] if events and read_session(run.journal).ended is not None else None
    return last.reason if isinstance(last, Stopping) else None
