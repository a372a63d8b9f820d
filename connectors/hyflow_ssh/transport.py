"""What the pool asks of whoever speaks SSH."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hyflow.errors import SiteError
from hyflow.shell.reach import Channel


class NotAdmitted(SiteError):
    """The server does not let us in. Asking it often may lock the account."""


class NoRoom(Exception):
    """The server takes no further session on this connection."""


class LiveChannel(Channel, Protocol):
    """A channel on which `framing.WAITING` runs. `heard` is called whenever something comes on standard error."""

    heard: Callable[[], None]

    @property
    def alive(self) -> bool:
        """Whether it can still be used, as far as is known here."""

    def signal(self, name: str) -> None:
        """Send a signal, as TERM, to the group of what runs, if that is possible. Nobody hears whether it was."""


@dataclass(frozen=True, slots=True)
class Login:
    """`by`: who speaks SSH, "asyncssh" or "ssh". `host_key`: type and fingerprint of the key that was verified, "" where ssh has verified
    it and does not tell which."""

    by: str
    user: str
    host_key: str


class Link(Protocol):
    """One connection that is logged in. `only`: sessions share it whatever is done; another one beside it would be the same."""

    only: bool
    login: Login

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known here."""

    async def channel(self) -> LiveChannel:
        """One more session, in bounded time. Raises NoRoom, and SiteError when the connection is lost."""

    async def close(self) -> None:
        """End the connection. Takes seconds at most."""


class Transport(Protocol):
    """A way to speak SSH with one host as one user."""

    async def connect(self) -> Link:
        """Raises SiteError: not transient where somebody has to act; NotAdmitted where the login failed."""
