"""`hyflow pull`: bring the images that a workflow asks for to its sites, ahead of time."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hyflow.cli.arguments import home
from hyflow.cli.files import told_apart
from hyflow.cli.guard import finished
from hyflow.cli.run import deployed
from hyflow.errors import UnsupportedRequirement, UsageError
from hyflow.model.containers import RUNTIMES

if TYPE_CHECKING:
    from hyflow.pull import SitePulled

HELP = "bring the container images of a workflow to its sites"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow pull`."""
    parser.add_argument("workflow", metavar="WORKFLOW", help="a CWL document: a path or an address, with #ID for one process of several")
    parser.add_argument("deploy", metavar="DEPLOY", nargs="?", help="the deployment file (default: this machine alone)")
    parser.add_argument("--profile", metavar="NAME", help="a profile of the deployment file")
    parser.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], help="change a value of the deployment file")
    runtimes = ", ".join(RUNTIMES)
    parser.add_argument("--container", metavar="RUNTIME", choices=RUNTIMES, help=f"the container runtime for all sites: {runtimes}")
    parser.add_argument("--json", action="store_true", help="an array of objects on standard output")


def main(args: argparse.Namespace) -> int:
    """Prints what is where. Status 1 when an image cannot be had, 33 when a site has no engine that works."""
    from hyflow.cwl.load import load
    from hyflow.cwl.processes import Processes
    from hyflow.pull import pull
    from hyflow.report.lines import Lines
    from hyflow.report.terminal import clean

    document, deploy = _files(args)
    listener = Lines(sys.stderr)
    program = load(document, cache=home() / "cache" / "documents")
    for warning in program.warnings:
        listener.warn(warning)
    sites = finished(pull(Processes(program), deployed(deploy, args.profile, args.set, args.container), listener))
    if args.json:
        print(json.dumps([_as_json(site) for site in sites], indent=2))
    elif sites:
        print(clean("\n".join(line for site in sites for line in _text(site))))
    else:
        print("No site needs an image.", file=sys.stderr)
    for failure in _failures(sites):
        print(f"hyflow: {clean(failure)}", file=sys.stderr)
    if any(site.unsupported for site in sites):
        return UnsupportedRequirement.exit_status
    return int(any(_failures(sites)))


def _files(args: argparse.Namespace) -> tuple[str, str | None]:
    """The document and the deployment file, in whichever order."""
    files = told_apart([args.workflow, *([args.deploy] if args.deploy is not None else [])])
    if files.document is None or files.job is not None:
        hint = "images do not depend on inputs: leave it out"
        raise UsageError("this is a job file, and hyflow pull takes a CWL document and a deployment file", where=files.job, hint=hint)
    return files.document, files.deploy


def _text(site: SitePulled) -> list[str]:
    engine = f"  ({site.engine})" if site.engine else ""
    return [f"{site.site}{engine}", *(f"  {image.image}  {image.digest or 'FAILED'}" for image in site.images)]


def _failures(sites: Sequence[SitePulled]) -> list[str]:
    """Each with the steps that ask for the image."""
    found = []
    for site in sites:
        if site.error is not None:
            names = ", ".join(dict.fromkeys(image.image for image in site.images))
            steps = ", ".join(dict.fromkeys(step for image in site.images for step in image.steps))
            found.append(f"{steps}: {names} was not brought to {site.site}: {site.error}")
        found += [f"{', '.join(image.steps)}: {image.error}" for image in site.images if image.error is not None]
    return found


def _as_json(site: SitePulled) -> dict[str, Any]:
    images = [{"image": one.image, "digest": one.digest, "steps": list(one.steps), "error": one.error} for one in site.images]
    return {"site": site.site, "engine": site.engine, "images": images, "error": site.error.what if site.error else None}
