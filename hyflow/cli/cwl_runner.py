"""`cwl-runner`: the standard's own command line (CWL v1.2, Command Line Tool, section 4: Running a command)."""

from __future__ import annotations

import argparse
import sys

from hyflow import __version__


def parser() -> argparse.ArgumentParser:
    """What `cwl-runner` understands."""
    made = argparse.ArgumentParser(prog="cwl-runner", description="Run a CWL document; the output object goes to standard output.")
    made.add_argument("process", metavar="PROCESS", nargs="?", help="a CWL document: a path or an address, with #ID for one of several")
    made.add_argument("job", metavar="JOB", nargs="?", help="the input object, in YAML or JSON")
    made.add_argument("--outdir", metavar="DIR", default=".", help="where the results go (default: here)")
    made.add_argument("--quiet", action="store_true", help="say nothing but errors")
    made.add_argument("--container", metavar="RUNTIME", choices=["none", "auto"], help="the container runtime: none, auto")
    made.add_argument("--deploy", metavar="DEPLOY", help="a deployment file; without one everything runs on this machine")
    made.add_argument("--version", action="version", version=f"hyflow {__version__}")
    return made


def main() -> None:
    """The entry point."""
    from hyflow.cli.main import guarded

    arguments, flags = _split(sys.argv[1:])
    args = parser().parse_args(arguments)
    sys.exit(guarded(lambda: _run(args, flags)))


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """What comes before and after a --."""
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _run(args: argparse.Namespace, flags: list[str]) -> int:
    from hyflow.cli.run import Request, perform

    process, job = args.process, args.job
    return perform(Request(process, job, args.deploy, tuple(flags), outdir=args.outdir, container=args.container, quiet=args.quiet))
