"""Connections of the ssh program that others share: the user's own, and hyflow's. How one is found, and how hyflow logs in for one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hyflow.errors import SiteError, Unreachable
from hyflow_ssh.asking import PROGRAM, Said, said
from hyflow_ssh.hostkeys import refused
from hyflow_ssh.sockets import NAME, directory
from hyflow_ssh.target import SYSTEM_CONFIG, Target
from hyflow_ssh.transport import NotAdmitted

ANSWER = 10.0
"""Seconds that the ssh program may take for what it does on this machine alone."""
LOGIN = 60.0
HUMAN = 300.0
"""Seconds that a login may take where it asks nobody, and where somebody looks for a code meanwhile."""
INTERRUPTED = 2.0
STAYS = "10m"
"""How long a connection stands that nobody uses."""
PLAIN = (
    "-a", "-x", "-T",
    *(word for option in (
        "ClearAllForwardings=yes", "Tunnel=no", "RemoteCommand=none", "PermitLocalCommand=no", "LogLevel=INFO",
        "ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=3",
    ) for word in ("-o", option)),
)  # fmt: skip
"""Nothing of what a configuration may ask for beside the connection; and a server that is silent for 45 seconds is lost."""
_KEY = re.compile(r"Server host (?:key|certificate): (?:ssh-)?(\S+?)(?:-cert-v01@openssh\.com)? ([\w+/:=]+)")
_UNVERIFIED = "Host key verification failed"
_DENIED = ("Permission denied (", "Too many authentication failures")
_UNKNOWN = re.compile(r"host key is known for (\S+) and")


@dataclass(frozen=True, slots=True)
class Master:
    """The process that holds a connection: where it listens, and whom it is connected with as whom."""

    target: Target
    socket: str
    user: str

    def argv(self, *words: str) -> list[str]:
        """A command that goes through it or not at all: it never logs in by itself."""
        return [PROGRAM, "-F", os.devnull, "-S", self.socket, "-o", "ControlMaster=no", "-o", "ProxyCommand=false", *words]

    async def lives(self) -> bool:
        return await self._told("check")

    async def dismiss(self) -> None:
        """Let it end as soon as nobody uses it any more."""
        await self._told("stop")

    async def _told(self, word: str) -> bool:
        try:
            return (await said(self.argv("-O", word, "--", self.target.host), ANSWER)).code == 0
        except TimeoutError:
            return False


@dataclass(frozen=True, slots=True)
class Setting:
    """What the ssh program makes of a target: the socket that the user's configuration names, if any; hyflow's own; and the files with
    known hosts."""

    theirs: Master | None
    ours: Master
    known: tuple[str, ...]
    jumps: bool


async def setting(target: Target) -> Setting:
    """Raises SiteError. Whatever the configuration says goes into the name of hyflow's socket: another answer is another connection."""
    try:
        answer = await said([PROGRAM, *target.options, "-G", "--", target.host], ANSWER)
    except TimeoutError as error:
        raise Unreachable(f"ssh does not say within {ANSWER:g} seconds how it reaches {target}") from error
    if answer.code != 0:
        raise SiteError(f"ssh does not say how it reaches {target}: {last(answer.err)}", transient=False)
    words = dict(line.split(" ", 1) for line in answer.out.splitlines() if " " in line)
    theirs, user = words.get("controlpath", "none"), words.get("user", "")
    name = hashlib.sha256(f"{socket.gethostname()}\n{answer.out}".encode()).hexdigest()[:NAME]
    return Setting(
        None if theirs == "none" else Master(target, theirs, user),
        Master(target, str(await asyncio.to_thread(directory) / name), user),
        tuple(words.get("userknownhostsfile", "").split()),
        words.get("proxyjump", "none") != "none" or words.get("proxycommand", "none") != "none",
    )


async def login(where: Setting, at: int | None) -> None:
    """Have hyflow's own master, asking at the terminal `at` if there is one. Raises SiteError; NotAdmitted when the server lets nobody in
    without a question that cannot be asked."""
    master = where.ours
    with contextlib.suppress(FileNotFoundError):
        os.unlink(master.socket)  # it is known to be dead
    options = ("-M", "-o", f"ControlPersist={STAYS}", "-N", "-f")
    try:
        done = await _tried(where, ("-S", master.socket, *options), HUMAN if at is not None else LOGIN, at)
    except TimeoutError as error:
        if at is not None:
            raise SiteError(f"nobody has logged in at {master.target} within {HUMAN:g} seconds", transient=False) from error
        raise Unreachable(f"{master.target} did not answer in {LOGIN:g} seconds") from error
    if done.code == -signal.SIGINT:
        await asyncio.sleep(INTERRUPTED)  # whoever interrupts ssh at the terminal interrupts this process as well
    if done.code != 0:
        raise await _failure(where, done) if at is None else _said_already(master.target)


async def _tried(where: Setting, words: tuple[str, ...], within: float, at: int | None) -> Said:
    target = where.ours.target
    with tempfile.NamedTemporaryFile("w", dir=Path(where.ours.socket).parent, prefix="config-", encoding="utf-8") as file:
        file.write(configuration(target, asks=at is not None))
        file.flush()
        return await said([PROGRAM, "-F", file.name, *target.own_options, *PLAIN, *words, "--", target.host], within, at=at)


def configuration(target: Target, *, asks: bool) -> str:
    """The user's configuration below what must hold whatever it says, also for the hosts on the way: ssh takes the first that it reads.
    Where it asks nobody, a host whose key is not known is refused, also when all keys are to be forgotten (/dev/null)."""
    first = [f"BatchMode {'no' if asks else 'yes'}", f"StrictHostKeyChecking {'ask' if asks else 'yes'}"]
    first += ["NoHostAuthenticationForLocalhost no"]
    if target.config is None:
        rest = f"Include ~/.ssh/config\nHost *\nInclude {SYSTEM_CONFIG}\n"
    else:
        try:
            rest = Path(target.config).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise SiteError(f"{target.config} cannot be read: {error.strerror}", transient=False) from error
    return "\n".join([*first, rest])


async def _failure(where: Setting, done: Said) -> SiteError:
    """Why nobody was let in, where nobody was asked."""
    target, told = where.ours.target, done.err
    if not (denied := saying(told, *_DENIED)) and (where.jumps or _UNVERIFIED in told):
        told = await _more(where)
        denied = saying(told, *_DENIED)
    if _UNVERIFIED in told:
        return _refusal(where, told)
    if denied:
        what = f"ssh is not let in at {target} without a question, and there is no terminal to ask at: {denied}"
        hint = f"Log in first in a terminal, with hyflow check DEPLOY --connect; to see what is asked: {target.command}"
        return NotAdmitted(what, transient=False, hint=hint)
    what, hint = f"{target} cannot be reached: {last(told)}", f"Try it by hand: {target.command}"
    return SiteError(what, transient=False, hint=hint) if saying(told, "onfiguration", "Bad owner") else Unreachable(what, hint=hint)


async def _more(where: Setting) -> str:
    """ssh tells an unknown key's fingerprint to those alone who want to hear more; and what the ssh that goes to a host on the way says is
    heard nowhere when a connection is to stay."""
    try:
        return (await _tried(where, ("-v", "-S", "none"), LOGIN, None)).err
    except TimeoutError:
        return ""


def _refusal(where: Setting, told: str) -> SiteError:
    target = where.ours.target
    keys, unknown = _KEY.findall(told), _UNKNOWN.search(told)
    who = unknown[1] if where.jumps and unknown else str(target)
    return refused(target, who, ", ".join(keys[-1]) if keys else "of which nothing is known", where.known, changed="HAS CHANGED" in told)


def _said_already(target: Target) -> SiteError:
    return NotAdmitted(f"ssh could not log in at {target}; it has said above why", transient=False)


def last(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip() and not line.startswith("debug")), "it says nothing")


def saying(text: str, *words: str) -> str:
    """The last line that holds one of the words; "" if none does."""
    return next((line.strip() for line in reversed(text.splitlines()) if any(word in line for word in words)), "")
