"""`hyflow run`: run a workflow to its end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyflow.cli.arguments import home
from hyflow.errors import UsageError

if TYPE_CHECKING:
    from hyflow.cwl.inputs import JobDocument
    from hyflow.cwl.processes import Processes
    from hyflow.deployment import Deployment
    from hyflow.deployment.kinds import Kind
    from hyflow.model.values import Inputs
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
    parser.add_argument("--container", metavar="RUNTIME", choices=["none", "auto"], help="the container runtime for all sites: none, auto")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json-log", action="store_true", help="tell what happens as one JSON object a line")
    parser.epilog = "Inputs may follow a --: hyflow run workflow.cwl -- --threads 4 --reads a.fq --reads b.fq"


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
    container: str | None = None
    quiet: bool = False
    json_log: bool = False


def main(args: argparse.Namespace) -> int:
    """Runs; the output object is all that goes to standard output. `args.inputs` holds what followed the --."""
    workflow, job, deploy = _told_apart([args.workflow, *args.files], args.job, args.deploy)
    return perform(
        Request(
            workflow, job, deploy, tuple(args.inputs), args.name, args.outdir, args.profile,
            tuple(args.set), args.container, args.quiet, args.json_log,
        )
    )  # fmt: skip


def _told_apart(files: list[str], job: str | None, deploy: str | None) -> tuple[str, str | None, str | None]:
    """Which of the files is the document, which the job and which the deployment. The document comes first or is told by its content."""
    workflow, rest = files[0], [(file, _kind(file)) for file in files[1:]]
    documents = [file for file, kind in rest if kind == "workflow"]
    if documents and os.path.isfile(workflow) and (first := _kind(workflow)) != "workflow":
        rest = [(workflow, first), *((file, kind) for file, kind in rest if file != documents[0])]
        workflow = documents.pop(0)
    if documents:
        raise UsageError(f"{workflow} and {documents[0]} are both CWL documents: one is run at a time")
    for file, kind in rest:
        if kind == "deployment" or (kind == "unclear" and _is_deployment(file)):
            deploy = _only(file, deploy, "deployment file", "--deploy")
        else:
            job = _only(file, job, "job file", "--job")
    return workflow, job, deploy


def _kind(file: str) -> Kind:
    from hyflow.deployment.kinds import kind_of

    # What can be read only once is not looked into: of the three, a job is what people pipe.
    return "job" if _is_pipe(file) else kind_of(file)


def _is_pipe(file: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(file).st_mode)
    except OSError:
        return False


def _only(file: str, other: str | None, what: str, option: str) -> str:
    if other is not None:
        raise UsageError(f"{other} and {file} both look like the {what}", hint=f"name one of them; {option} FILE says which is which")
    return file


def _is_deployment(file: str) -> bool:
    """Let the person at the terminal say it; where there is none, the command line must."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        what = "its content does not tell whether this is a job or a deployment file"
        raise UsageError(what, where=file, hint="say --job FILE or --deploy FILE")
    while True:
        print(f"Is {file} the [j]ob file or the [d]eployment file? ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip().lower()
        if not answer:
            raise UsageError("neither was chosen", where=file)
        if "deployment".startswith(answer) or "job".startswith(answer):
            return "deployment".startswith(answer)


def perform(request: Request) -> int:
    """Carry out the request, print the output object, give the exit status."""
    result = _performed(request)
    if result.status == 130:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever types Ctrl-C three times has been heard
    if result.status == 0:
        print(json.dumps(result.outputs, indent=4))
    return result.status


def _performed(request: Request) -> Result:
    from hyflow.cwl.load import load
    from hyflow.cwl.processes import Processes
    from hyflow.report.watch import observer
    from hyflow.run import Order, execute

    job = _job(request.job)
    document = request.workflow or job.tool
    if document is None:
        raise UsageError("no CWL document to run", hint="name one, or let the job file say cwl:tool")
    watcher = observer(sys.stderr, quiet=request.quiet, json_log=request.json_log)
    program = load(document, cache=home() / "cache" / "documents", overrides=job.requirements)
    for warning in program.warnings:
        watcher.warn(warning)
    inputs = job.inputs | (_flags(request.flags, Processes(program)) if request.flags else {})
    outdir = Path(os.path.abspath(request.outdir))
    order = Order(program, inputs, _deployment(request), home(), outdir, request.name, request.container, tuple(sys.argv[1:]))
    return asyncio.run(execute(order, watcher))


def _job(file: str | None) -> JobDocument:
    from hyflow.cwl.inputs import JobDocument, read_job

    return read_job(file) if file else JobDocument({})


def _flags(flags: tuple[str, ...], processes: Processes) -> Inputs:
    from hyflow.cwl.inputs import from_flags

    return from_flags(flags, {port.name: port.type for port in processes.input_types()})


def _deployment(request: Request) -> Deployment:
    from hyflow import deployment

    if request.deploy is not None:
        return deployment.read(request.deploy, request.profile, request.sets)
    if request.profile or request.sets:
        raise UsageError("--profile and --set change a deployment file, and there is none", hint="name a deployment file")
    return deployment.default()
