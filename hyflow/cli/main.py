"""The command `hyflow`: finds the verb, hands over, and turns every end into a message and an exit status.

A verb's module is imported only when the verb is used, so that starting stays fast.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from hyflow import __version__
from hyflow.cli.guard import entered
from hyflow.cli.usage import read
from hyflow.cli.verbs import VERBS, module_of, parser_of, separate
from hyflow.errors import UsageError


def main() -> None:
    """The entry point."""
    entered(lambda: perform(sys.argv[1:]))


def perform(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit status. Raises HyflowError, and SystemExit where all that was asked for is printed."""
    from hyflow.cli.help import unknown
    from hyflow.cli.layout import overview, width

    if not arguments:
        print(overview(width()), file=sys.stderr)
        return UsageError.exit_status
    _check_directory()
    verb, *rest = arguments
    if verb in ("-h", "--help"):
        print(overview(width()))
        return 0
    if verb == "--version":
        print(f"hyflow {__version__}")
        return 0
    if verb not in VERBS:
        raise _no_option(verb) if verb.startswith("-") else _file(verb) or unknown(verb)
    return _verb(verb, rest)


def _no_option(word: str) -> UsageError:
    from hyflow.nearest import nearest

    near = nearest(word, ("--help", "--version"))
    return UsageError(f"there is no option {word} before a verb", hint=f"did you mean {near}?" if near else "hyflow VERB [options]")


def _file(word: str) -> UsageError | None:
    if not os.path.isfile(word):
        return None
    return UsageError(f"{word} is a file, where a verb is expected", hint=f"to run it: hyflow run {shlex.quote(word)}")


def _check_directory() -> None:
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise UsageError("the working directory is gone", hint="change to one that is there") from error


def _verb(verb: str, rest: list[str]) -> int:
    """For some verbs, what follows a -- is a thing of its own."""
    parser, after = parser_of(verb), separate(verb)
    words = rest
    if after is not None and "--" in rest:
        words = rest[: rest.index("--")]
    args = read(parser, words)
    if after is not None:
        setattr(args, after[0], rest[len(words) + 1 :])
    status: int = module_of(verb).main(args)
    return status
