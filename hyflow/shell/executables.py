"""Fingerprints of what commands run at a site: the program that a name leads to, the files that words name, and what interprets them.

Content, not dates: another program under the same name has another fingerprint. What cannot be told for sure has none. Libraries that
a program loads, and programs that it starts, are not seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hyflow.shell.quoting import quote
from hyflow.shell.trips import Opens, Sections, script

_SCRIPT = script("executables.sh")
_DIVIDING = re.compile(r"""[\s=:,;@|&<>()\[\]{}'"`]+""")
_OPTION = re.compile(r"^[-+]\w(?=/)")


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked about. `program` as it stands on the command line, `files`: absolute paths that stand there besides. `path`: the PATH
    that the task sets itself, which counts beside that of the machine. `before`: the command by way of which it is started, as one that
    loads environment modules; it gets this command's words at its end."""

    program: str
    files: tuple[str, ...] = ()
    path: str | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`sha256` in hex of all that was told, "" where there is no telling; then `why` says so in words. `path`: the machine's PATH."""

    sha256: str
    path: str = ""
    why: str = ""


def command_of(argv: Sequence[str], own: Collection[str], environment: Mapping[str, str], before: tuple[str, ...] = ()) -> Command:
    """The command as `Executables` knows it. `own`: the directories of the attempt, whose contents its inputs say already; `environment`:
    what the task sets itself, whose values may name files as well as words may."""
    words = [*argv[1:], *(value for name, value in environment.items() if name != "PATH")]
    named = [part for word in words if "/" in word for part in _paths(word)]
    outside = [part for part in named if not any(f"{part}/".startswith(each.rstrip("/") + "/") for each in own)]
    return Command(argv[0] if argv else "", tuple(dict.fromkeys(outside)), environment.get("PATH"), before)


def _paths(word: str) -> Iterator[str]:
    """All that may be an absolute path in a word: the whole, and what follows the letter of an option, or a mark that divides words."""
    if word.startswith("/"):
        yield word
    for part in _DIVIDING.split(word):
        path = _OPTION.sub("", part)
        if path.startswith("/"):
            yield path


@dataclass(frozen=True, slots=True)
class _Part:
    """One question: a line of the script, and what is named in it; `before` as of the command."""

    line: str
    name: str
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """`told`: all that was said, None where that is not enough. `at`: the answer is no older (`time.monotonic`)."""

    at: float
    path: str
    told: bytes | None
    missing: str = ""


class Executables:
    """The fingerprints at one site. What was asked once is known; all that is asked at a time takes one round trip."""

    def __init__(self, site: Opens) -> None:
        self._site = site
        self._known: dict[_Part, _Answer] = {}
        self._wanted: set[_Part] = set()
        self._turn = asyncio.Lock()
        self._parts: dict[Command, tuple[_Part, ...]] = {}
        self._told: dict[Command, tuple[list[_Answer], Fingerprint]] = {}

    async def of(self, command: Command, since: float = 0.0) -> Fingerprint:
        """The fingerprint as it was at some time after `since` (`time.monotonic`): asked for again after a job, it tells whether it held
        while the job ran. Raises SiteError."""
        try:
            parts = self._parts.get(command) or self._parts.setdefault(command, tuple(_parts(command)))
        except ValueError:
            return Fingerprint("", why="a command with a NUL character cannot be started")
        if lacking := [part for part in parts if self._lacks(part, since)]:
            self._wanted.update(lacking)
            async with self._turn:
                await asyncio.sleep(0)  # what begins at the same time has its turn to ask
                # Whoever is first asks for all who wait; the others find it done.
                if any(self._lacks(part, since) for part in lacking):
                    await self._ask(self._wanted | set(lacking))
        answers = [self._known[part] for part in parts]
        known = self._told.get(command)
        if known is None or any(one is not other for one, other in zip(known[0], answers, strict=True)):
            known = self._told[command] = answers, _fingerprint(command, answers)
        return known[1]

    def _lacks(self, part: _Part, since: float) -> bool:
        known = self._known.get(part)
        return known is None or known.at < since

    async def _ask(self, parts: Collection[_Part]) -> None:
        """One round trip for all that are started in the same way."""
        for before in dict.fromkeys(part.before for part in parts):
            asked = [part for part in parts if part.before == before]
            began = time.monotonic()
            sections = Sections()
            for part in asked:
                sections.add(f"printf '%s/\\n' \"$PATH\"\n{part.line} && echo y")
            answers = await sections.run(self._site, what="looking at programs", long=True, argv=(*before, "sh"), preamble=_SCRIPT)
            self._known.update({part: _answer(part, answer, began) for part, answer in zip(asked, answers, strict=True)})
            self._wanted.difference_update(asked)


def _parts(command: Command) -> Iterator[_Part]:
    """What must be asked about a command. Raises ValueError for a NUL, with which nothing can be started."""
    yield _Part(f'program {quote([command.program])} "$PATH"', command.program, command.before)
    if command.path is not None:
        yield _Part(f"program {quote([command.program, command.path])}", command.program, command.before)
    for file in command.files:
        yield _Part(f"word {quote([file])}", file, command.before)


def _answer(part: _Part, answer: bytes, at: float) -> _Answer:
    path, _, told = answer.partition(b"/\n")
    if told == b"y\n" or told.endswith(b"\ny\n"):
        return _Answer(at, path.decode(errors="surrogateescape"), told)
    last = told.rstrip(b"\n").rpartition(b"\n")[2].decode(errors="replace")
    missing = last.removeprefix("no ").strip() if last.startswith("no ") else part.name
    return _Answer(at, path.decode(errors="surrogateescape"), None, missing or "its program")


def _fingerprint(command: Command, answers: Sequence[_Answer]) -> Fingerprint:
    path = answers[0].path
    if missing := next((answer.missing for answer in answers if answer.told is None), None):
        why = f"what its command runs cannot be told: {missing} cannot be read, or depends on the directory it runs in"
        return Fingerprint("", path, why)
    digest = hashlib.sha256(repr(command).encode())
    for answer in answers:
        digest.update(b"%d:%s" % (len(answer.told or b""), answer.told))
    return Fingerprint(digest.hexdigest(), path)
