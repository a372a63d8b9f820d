"""`hyflow completion`: the scripts by which a shell completes `hyflow` and `cwl-runner`, and the answers to what they ask.

The scripts know nothing of verbs and options: for every word they ask the hyflow that is installed, which has it from the parsers.
They pass on what was typed as it was typed, and evaluate neither that nor the answer.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
_SPECIAL = re.compile(r"([^\w@%+=:,./-])")
_WITHIN = re.compile(r'(["$`\\])')

HELP = "print what makes a shell complete the commands"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `hyflow completion`."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"{', '.join(SHELLS)}")


def main(args: argparse.Namespace) -> int:
    """Prints the script, or what may stand in place of the last of the words that follow a --."""
    if args.words:
        print("\n".join(answer(args.shell, args.words)))
    else:
        print(script(args.shell), end="")
    return 0


def script(shell: str) -> str:
    """What to put where the shell looks for completions, or to source."""
    return Path(__file__).with_name("completions").joinpath(f"hyflow.{shell}").read_text(encoding="utf-8")


def answer(shell: str, words: Sequence[str]) -> list[str]:
    """The lines that a script reads: what is wanted (`words`, `directories`, or `files` and the ends of their names); the last word
    without its quotes, or of an option its value; then the words there are, each with what it is after a tab.

    `words` come as they were typed from bash and fish, and without their quotes from zsh.
    """
    from hyflow.cli.candidates import offer

    plain = [*words] if shell == "zsh" else [unquoted(word) for word in words]
    offered = offer(plain)
    last = plain[-1]
    value = last.partition("=")[2] if last.startswith("--") and "=" in last else last
    lines = [offered.wanted, value]
    for word, text in offered.words:
        if word.startswith(last) and (word + text).isprintable():
            lines.append(f"{_as_typed(words[-1], word) if shell == 'bash' else word}\t{text}")
    return lines


def unquoted(word: str) -> str:
    """A word as the shell would see it, were it complete. Nothing is expanded: `$HOME` is those five characters."""
    plain, quote, escaped = "", "", False
    for one in word:
        if escaped:
            plain += one if not quote or one in '"$`\\' else f"\\{one}"
            escaped = False
        elif one == "\\" and quote != "'":
            escaped = True
        elif one == quote:
            quote = ""
        elif one in "'\"" and not quote:
            quote = one
        else:
            plain += one
    return plain


def _as_typed(typed: str, word: str) -> str:
    """The word for bash, in the quotes that were opened."""
    match typed[:1]:
        case "'":
            return word.replace("'", r"'\''")
        case '"':
            return _WITHIN.sub(r"\\\1", word)
    return _SPECIAL.sub(r"\\\1", word)
