"""`hyflow help`: what there is, or what a verb takes."""

from __future__ import annotations

import argparse

from hyflow.cli.layout import helped, overview, width
from hyflow.cli.verbs import RUNNER, VERBS, parser_of
from hyflow.errors import UsageError

HELP = "say what hyflow can do, or what a verb takes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow help`."""
    parser.add_argument("verb", nargs="?", metavar="VERB", choices=[*VERBS, RUNNER], help=f"a verb, or {RUNNER} (default: list the verbs)")


def main(args: argparse.Namespace) -> int:
    """Prints the overview, or what `hyflow VERB --help` prints."""
    print(overview(width()) if args.verb is None else shown(parser_of(args.verb)))
    return 0


def unknown(verb: str) -> UsageError:
    """There is no such verb, but another may have been meant."""
    from hyflow.nearest import nearest

    near = nearest(verb, [*VERBS, "--version"])
    return UsageError(f"there is no verb {verb!r}", hint=f"did you mean hyflow {near}?" if near else f"the verbs: {', '.join(VERBS)}")


def shown(parser: argparse.ArgumentParser) -> str:
    """The help of a command, for this terminal."""
    return helped(parser, width())
