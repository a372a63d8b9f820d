"""Reads the words of a command line by the command's parser. argparse describes what there is; the words are read here, so that every
mistake among them is told at once, in our own words, with the nearest name that is known.

Options and files may come in any order. Options are written in full, as `--name value` or `--name=value`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from hyflow.cli.verbs import arguments, pattern, several, takes_value, usage
from hyflow.errors import HyflowError, UsageError

_NUMBER = re.compile(r"-[0-9]*\.?[0-9]+")


def read(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """What the words say. Raises UsageError with all that is wrong, SystemExit after an option that only prints (--help, --version)."""
    reader = _Reader(parser)
    values = reader.read(list(words))
    if reader.wrong:
        raise UsageError(reader.wrong) if len(reader.wrong) > 1 else reader.wrong[0]
    return argparse.Namespace(**values)


class _Reader:
    """One pass over the words."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.wrong: list[HyflowError] = []
        self._parser = parser
        self._options = {name: action for action in parser._actions for name in action.option_strings}
        self._given: dict[str, str] = {}
        self._values = {one.dest: one.default for one in parser._actions if one.default is not argparse.SUPPRESS}

    def read(self, words: list[str]) -> dict[str, object]:
        plain: list[str] = []
        while words:
            word = words.pop(0)
            if word == "--":
                plain += words
                break
            if word.startswith("-") and word != "-":
                self._option(word, words)
            else:
                plain.append(word)
        self._place(plain)
        return self._values

    def _option(self, word: str, rest: list[str]) -> None:
        name, equals, value = word.partition("=")
        if not word.startswith("--"):
            name, equals, value = word[:2], word[2:], word[2:].removeprefix("=")
        action = self._options.get(name)
        if action is None:
            self._unknown(word, rest)
        elif isinstance(action, argparse._HelpAction | argparse._VersionAction):
            self._print(action)
        elif takes_value(action):
            self._take(action, name, value if equals else self._next(action, name, rest))
        elif equals:
            self._complain(f"{name} takes no value", f"leave out {word[len(name) :]!r}")
        else:
            self._values[action.dest] = action.const

    def _next(self, action: argparse.Action, name: str, rest: list[str]) -> str | None:
        """The word that follows, unless it is another option."""
        if rest and (not rest[0].startswith("-") or rest[0] == "-" or (action.type is not None and _NUMBER.fullmatch(rest[0]))):
            return rest.pop(0)
        dashed = bool(rest) and rest[0] != "--"
        hint = f"{action.metavar}: {told(action)}"
        self._complain(f"{name} lacks its value", f"{hint}; one that begins with a dash: {name}={rest[0]}" if dashed else hint)
        return None

    def _take(self, action: argparse.Action, name: str, text: str | None) -> None:
        if text is None:
            return
        if name in self._given and not several(action):
            self._complain(f"{name} is given twice: {self._given[name]} and {text}", "give it once")
        elif not text and not several(action):
            self._complain(f"the value of {name} is empty", "is a variable of the shell not set?")
        self._given[name] = text
        value = self._checked(action, name, text)
        self._values[action.dest] = [*(self._values[action.dest] or []), value] if several(action) else value

    def _checked(self, action: argparse.Action, name: str, text: str) -> object:
        if action.choices is not None and text and text not in action.choices:
            from hyflow.nearest import suggestion

            self._complain(f"{name} cannot be {text!r}", suggestion(text, map(str, action.choices), called="there are"))
        if action.type is None or not callable(action.type):
            return text
        try:
            converted: object = action.type(text)
        except argparse.ArgumentTypeError as error:
            self._complain(f"{name}: {error}", f"{action.metavar}: {told(action)}")
            return None
        return converted

    def _place(self, plain: list[str]) -> None:
        """Give the words without dashes to what they stand for."""
        if "" in plain:
            self._complain("one of the words is empty", "is a variable of the shell not set?")
        for argument in arguments(self._parser):
            if argument.nargs == "*":
                self._values[argument.dest], plain = plain, []
            elif plain:
                self._values[argument.dest] = self._checked(argument, str(argument.metavar), plain.pop(0))
            elif argument.nargs is None and not self.wrong:
                self._complain(f"{argument.metavar} is missing: {told(argument)}", self._help())
        if plain and not self.wrong:
            takes = " ".join(map(pattern, arguments(self._parser))) or "options only"
            self._complain(f"{plain[0]!r} is one too many: {self._parser.prog} takes {takes}", self._help())

    def _unknown(self, word: str, rest: list[str]) -> None:
        """What follows may be its value: it is looked at no more."""
        from hyflow.nearest import nearest

        name = word.partition("=")[0]
        near = nearest(name, self._options)
        hint = f"did you mean {near}?" if near else f"{self._parser.prog} --help says what it takes"
        if not near and not name.startswith("--"):
            hint += f"; a file of that name: ./{word}"
        elif not near and "[-- inputs]" in usage(self._parser):
            hint = f"inputs of the workflow come after a --, options before it; {hint}"
        self._complain(f"there is no option {name}", hint)
        if "=" not in word and rest and not rest[0].startswith("-") and (not near or takes_value(self._options[near])):
            rest.pop(0)

    def _print(self, action: argparse.Action) -> None:
        from hyflow.cli.help import shown

        print(action.version if isinstance(action, argparse._VersionAction) else shown(self._parser))
        raise SystemExit(0)

    def _help(self) -> str:
        return f"usage: {usage(self._parser)}\n  {self._parser.prog} --help says more"

    def _complain(self, what: str, hint: str) -> None:
        self.wrong.append(UsageError(what, hint=hint))


def told(action: argparse.Action) -> str:
    """What the help says of it."""
    return action.help or ""
