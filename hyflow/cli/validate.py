"""`hyflow validate`: check a CWL document, and say what it holds, without running it."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hyflow.cli.arguments import home
from hyflow.cli.files import told_apart
from hyflow.cli.inputs import accepted, given_by, located
from hyflow.errors import UsageError

if TYPE_CHECKING:
    from hyflow.cwl.processes import Processes
    from hyflow.model.workflow import Program

HELP = "check a CWL document and say what it holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow validate`."""
    parser.add_argument("workflow", metavar="WORKFLOW", help="a CWL document: a path or an address, with #ID for one process of several")
    parser.add_argument("job", metavar="JOB", nargs="?", help="a job file, whose inputs are checked against the document")
    parser.add_argument("--json", action="store_true", help="an object on standard output")


def main(args: argparse.Namespace) -> int:
    """Exit status 0 when the document is valid and hyflow can run it; what is wrong is raised as errors."""
    from hyflow.cwl.load import load
    from hyflow.cwl.processes import Processes
    from hyflow.report.terminal import clean

    document, job = _files(args)
    program = load(document, cache=home() / "cache" / "documents")
    processes = Processes(program)
    for need in processes.containers():
        processes.container(need.process)
    if job is not None:
        _check_job(job, processes)
    for warning in program.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    found = described(program, processes)
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print(clean(_text(document, found)))
    return 0


def _files(args: argparse.Namespace) -> tuple[str, str | None]:
    """The document and the job, in whichever order; a job alone may name its document."""
    files = told_apart([args.workflow, *([args.job] if args.job is not None else [])])
    if files.deploy is not None:
        raise UsageError("a deployment file is no job file", where=files.deploy, hint=f"hyflow check {shlex.quote(files.deploy)} checks it")
    if files.document is not None:
        return files.document, files.job
    from hyflow.cwl.inputs import read_job

    return str(read_job(str(files.job)).tool), files.job


def _check_job(file: str, processes: Processes) -> None:
    import asyncio

    from hyflow.cwl.inputs import read_job
    from hyflow.run import check_inputs

    given = given_by(read_job(file), (), processes)
    inputs = accepted(given, processes, lambda warning: print(f"warning: {warning}", file=sys.stderr))
    with located(given):
        asyncio.run(check_inputs(processes, inputs))


def described(program: Program, processes: Processes) -> dict[str, Any]:
    """What `--json` prints: inputs (name, type, required, doc), steps by path, containers asked for (step, image, required),
    software asked for (step, packages: name, versions, specs; required)."""
    from hyflow.cwl.types import describe

    return {
        "document": program.source,
        "inputs": [
            {"name": port.name, "type": describe(port.type), "required": port.required, "doc": port.doc} for port in processes.input_types()
        ],
        "steps": list(processes.step_paths()),
        "containers": [{"step": need.label, "image": need.image, "required": need.required} for need in processes.containers()],
        "software": [
            {"step": need.label, "packages": [asdict(package) for package in need.packages], "required": need.required}
            for need in processes.software()
        ],
        "warnings": list(program.warnings),
    }


def _text(workflow: str, found: dict[str, Any]) -> str:
    from hyflow.model.software import Package

    lines = [f"{workflow} is valid.", "inputs:"]
    for port in found["inputs"]:
        lines.append(f"  {port['name']}: " + (port["type"] if port["required"] else f"{port['type'].removeprefix('null or ')}  (optional)"))
    lines += ["steps:", *(f"  {path}" for path in found["steps"])]
    if found["containers"]:
        lines.append("containers:")
        lines += [f"  {need['step']}: {need['image']}" + ("" if need["required"] else "  (a hint)") for need in found["containers"]]
    if found["software"]:
        lines.append("software:")
        for need in found["software"]:
            packages = ", ".join(str(Package(**package)) for package in need["packages"])
            lines.append(f"  {need['step']}: {packages}" + ("" if need["required"] else "  (a hint)"))
    return "\n".join(lines)
