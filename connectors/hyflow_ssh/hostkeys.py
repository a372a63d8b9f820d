"""Host keys are verified always. What is said when one is not known, or is another than before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import asyncssh

from hyflow.errors import SiteError
from hyflow_ssh.target import Target

KNOWN = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
"""Where ssh looks unless it is told otherwise."""


class Visitor(asyncssh.SSHClient):
    """Looks a server's key up in the files, and remembers one that is not there. `files`: in OpenSSH's known_hosts format."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = [os.path.expanduser(file) for file in files]
        self.shown: asyncssh.SSHKey | None = None
        self.authority: asyncssh.SSHKey | None = None
        """Who has signed the key that the server has, where nobody here knows that authority."""
        self.expected = 0
        """How many keys are known for this host."""

    def known(self, host: str, addr: str, port: int | None) -> Any:
        """What `asyncssh.connect` takes for known_hosts. Files that are not there know nothing."""
        there = [file for file in self.files if os.path.isfile(file) and os.access(file, os.R_OK)]
        matched = asyncssh.match_known_hosts(asyncssh.read_known_hosts(there), host, addr, port)
        self.expected = len(matched[0])
        return matched

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Asked when the key is in none of the files: then it is not accepted."""
        self.shown = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Asked when a certificate came whose authority is in none of the files."""
        self.authority = key
        return False


def refusal(target: Target, visitor: Visitor, said: str) -> SiteError:
    """The error for a host whose key was not accepted."""
    key = visitor.shown or visitor.authority
    if key is None:
        return SiteError(f"the host key of {target} is not valid: {said}", transient=False)
    words = fingerprint(key) if visitor.shown else f"signed by {fingerprint(key)}"
    return refused(target, str(target), words, visitor.files, changed=bool(visitor.expected))


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Its type and its fingerprint."""
    return f"{key.get_algorithm().removeprefix('ssh-')}, {key.get_fingerprint()}"


def refused(target: Target, who: str, shown: str, known: Sequence[str], *, changed: bool) -> SiteError:
    """`who`: the host with that key, which may be one on the way to the target; `shown`: the key's type and fingerprint; `known`: the
    files in which keys are looked up."""
    files = " or ".join(file for file in known if os.path.isfile(file)) or known[0]
    if changed:
        return SiteError(
            f"the host key of {who} is another than before ({shown}): somebody may be in between", transient=False,
            hint=f"If its administrators say that it was changed, remove the old one from {files} and accept the new one: {target.command}",
        )  # fmt: skip
    return SiteError(
        f"the host key of {who} is not known ({shown})", transient=False,
        hint=f"Compare it with what its administrators say, then accept it: {target.command} true",
    )  # fmt: skip


def files_known(configured: Any) -> list[str]:
    """The files that hold known hosts, of what asyncssh read in the SSH configuration: a list, nothing, or None for `none`."""
    system = [file for file in KNOWN if file.startswith("/")]
    if configured is None:
        return system
    return [*configured, *system] if configured else list(KNOWN)
