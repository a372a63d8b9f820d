"""`hyflow man`: the manual pages, made from the parsers, in the form that `man` reads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hyflow.cli.verbs import RUNNER
from hyflow.errors import UsageError

PAGES = ("hyflow", RUNNER)

HELP = "print the manual pages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow man`."""
    parser.add_argument("page", nargs="?", metavar="PAGE", choices=PAGES, help=f"{', '.join(PAGES)} (default: hyflow)")
    parser.add_argument("--write", metavar="DIR", help="write PAGE.1, or every page, to this directory instead of printing")


def main(args: argparse.Namespace) -> int:
    """Prints or writes."""
    from hyflow.cli.manual import page

    if args.write is None:
        print(page(args.page or "hyflow"), end="")
        return 0
    folder = Path(args.write)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in [args.page] if args.page else PAGES:
            (folder / f"{name}.1").write_text(page(name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(error.filename or folder)) from error
    print(f"wrote to {args.write}; to read: man -l {Path(args.write, args.page or 'hyflow')}.1", file=sys.stderr)
    return 0
