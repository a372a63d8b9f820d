"""`hyflow run`: run a workflow to its end."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.cli.files import told_apart
from hyflow.cli.guard import finished
from hyflow.cli.inputs import accepted, given_by, located
from hyflow.errors import Interrupted, UsageError
from hyflow.model.containers import RUNTIMES, Runtime

if TYPE_CHECKING:
    from hyflow.cli.detach import Beginning
    from hyflow.cwl.inputs import JobDocument
    from hyflow.deployment import Deployment
    from hyflow.report.observer import Observer
    from hyflow.run import Result

HELP = "run a workflow to its end"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow run`."""
    parser.add_argument("workflow", metavar="WORKFLOW", help="a CWL document: a path or an address, with #ID for one process of several")
    parser.add_argument("files", metavar="FILE", nargs="*", default=[], help="a deployment and a job file, told apart by content")
    parser.add_argument("--job", metavar="FILE", help="the job file, when its content does not tell")
    parser.add_argument("--deploy", metavar="FILE", help="the deployment file, when its content does not tell")
    parser.add_argument("--name", metavar="NAME", help="a name for the run, of letters, digits and ._-")
    parser.add_argument("--outdir", metavar="DIR", default=".", help="where the results go (default: here)")
    parser.add_argument("--profile", metavar="NAME", help="a profile of the deployment file")
    parser.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], help="change a value of the deployment file")
    runtimes = ", ".join(RUNTIMES)
    parser.add_argument("--container", metavar="RUNTIME", choices=RUNTIMES, help=f"the container runtime for all sites: {runtimes}")
    parser.add_argument("--no-reuse", action="store_true", help="take no results of earlier runs, and keep none for later ones")
    parser.add_argument("--detach", action="store_true", help="go on in the background once the run has begun, and print its id")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json-log", action="store_true", help="tell what happens as one JSON object a line")


@dataclass(frozen=True, slots=True)
class Request:
    """What one command line asks for; made by `hyflow run` and by `cwl-runner`."""

    workflow: str | None
    job: str | None
    deploy: str | None
    flags: tuple[str, ...] = ()
    name: str | None = None
    outdir: str = "."
    profile: str | None = None
    sets: tuple[str, ...] = ()
    container: Runtime | None = None
    quiet: bool = False
    json_log: bool = False
    reuse: bool = False


def main(args: argparse.Namespace) -> int:
    """Runs; the output object, or with --detach the run's id, is all that goes to standard output. `args.inputs` holds what followed
    the --."""
    files = told_apart([args.workflow, *args.files], args.job, args.deploy)
    request = Request(
        files.document, files.job, files.deploy, tuple(args.inputs), args.name, args.outdir, args.profile,
        tuple(args.set), args.container, args.quiet, args.json_log, not args.no_reuse,
    )  # fmt: skip
    if not args.detach:
        return perform(request)
    from hyflow.cli.detach import detached

    return detached(lambda beginning: perform(request, beginning), home() / "runs", quiet=args.quiet or args.json_log)


def perform(request: Request, beginning: Beginning | None = None) -> int:
    """Carry out the request, print the output object, give the exit status. `beginning`: this process is in the background, and somebody
    waits to hear that the run has begun."""
    result = _performed(request, watching(request.quiet, request.json_log, beginning))
    if result.status == 0:
        print(json.dumps(result.outputs, indent=4))
    return result.status


def watching(quiet: bool, json_log: bool, beginning: Beginning | None) -> Observer:
    """Who tells of the run on standard error."""
    from hyflow.report.watch import observer

    found = observer(sys.stderr, quiet=quiet, json_log=json_log, live=beginning is None)
    if beginning is None:
        return found
    from hyflow.cli.detach import Detached

    return Detached(found, beginning)


def _performed(request: Request, watcher: Observer) -> Result:
    from hyflow.cwl.load import load
    from hyflow.cwl.processes import Processes
    from hyflow.run import Order, execute

    job = _job(request.job)
    document = request.workflow or job.tool
    if document is None:
        raise UsageError("no CWL document to run", hint="name one, or let the job file say cwl:tool")
    program = load(document, cache=home() / "cache" / "documents", overrides=job.requirements)
    for warning in program.warnings:
        watcher.warn(warning)
    processes = Processes(program)
    given = given_by(job, request.flags, processes)
    inputs = accepted(given, processes, watcher.warn)
    outdir = Path(os.path.abspath(request.outdir))
    sites = deployed(request.deploy, request.profile, request.sets, request.container)
    order = Order(program, inputs, sites, home(), outdir, request.name, tuple(sys.argv[1:]), request.reuse)
    with located(given):
        return finished(execute(order, watcher), lambda result: result.status == Interrupted.exit_status)


def _job(file: str | None) -> JobDocument:
    from hyflow.cwl.inputs import JobDocument, read_job

    return read_job(file) if file else JobDocument({})


def deployed(file: str | None, profile: str | None, sets: Sequence[str], container: Runtime | None) -> Deployment:
    """The deployment that a command line asks for; without a file, this machine. Raises DeploymentError, UsageError."""
    from hyflow import deployment

    if file is not None:
        found = deployment.read(file, profile, sets)
    elif profile or sets:
        raise UsageError("--profile and --set change a deployment file, and there is none", hint="name a deployment file")
    else:
        found = deployment.default()
    return found if container is None else found.with_runtime(container)
