"""`cwl-runner`: the standard's own command line (CWL v1.2, Command Line Tool, section 4: Running a command)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hyflow import __version__
from hyflow.cli.verbs import RUNNER
from hyflow.model.containers import RUNTIMES


def parser() -> argparse.ArgumentParser:
    """What `cwl-runner` understands."""
    made = argparse.ArgumentParser(prog=RUNNER, description="Run a CWL document; the output object goes to standard output.")
    made.add_argument("process", metavar="PROCESS", nargs="?", help="a CWL document: a path or an address, with #ID for one of several")
    made.add_argument("job", metavar="JOB", nargs="?", help="the input object, in YAML or JSON")
    made.add_argument("--outdir", metavar="DIR", default=".", help="where the results go (default: here)")
    made.add_argument("--quiet", action="store_true", help="say nothing but errors")
    made.add_argument("--container", metavar="RUNTIME", choices=RUNTIMES, help=f"the container runtime: {', '.join(RUNTIMES)}")
    made.add_argument("--deploy", metavar="DEPLOY", help="a deployment file; without one everything runs on this machine")
    made.add_argument("--version", action="version", version=f"hyflow {__version__}", help="say which version this is")
    return made


def main() -> None:
    """The entry point."""
    from hyflow.cli.guard import entered

    entered(lambda: run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Do what the words say; the exit status. What follows a -- are inputs. Raises HyflowError, and SystemExit after --help, --version."""
    from hyflow.cli.files import check_document, check_optional
    from hyflow.cli.run import Request, perform
    from hyflow.cli.usage import read

    own = list(words[: words.index("--")]) if "--" in words else list(words)
    args = read(parser(), own)
    check_document(args.process, RUNNER)
    check_optional(args.job, "job", "JOB")
    check_optional(args.deploy, "deployment", "--deploy")
    flags = tuple(words[len(own) + 1 :])
    return perform(Request(args.process, args.job, args.deploy, flags, outdir=args.outdir, container=args.container, quiet=args.quiet))
