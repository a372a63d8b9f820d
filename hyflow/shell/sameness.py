"""Two ways to one directory: whether what is written there by the one is seen by the other."""

from __future__ import annotations

import secrets

from hyflow.errors import SiteError
from hyflow.shell.trips import Opens, trip

WRITE = 'printf %s "$2" >"$1/.seen-$2"'
SEEN = 'if [ -d "$1" ]; then [ ! -f "$1/.seen-$2" ] || cat "$1/.seen-$2"; fi'
REMOVE = 'rm -f "$1/.seen-$2"'


async def same(here: Opens, there: Opens, workdir: str, node: str = "") -> None:
    """Raises SiteError when `there`, the machine for files, does not see the workdir of `here`, which is that node of several."""
    token = secrets.token_hex(16)
    words = (workdir, token)
    await trip(here, ("sh", "-c", WRITE, "sh", *words), what=f"writing a mark into {workdir}")
    try:
        seen = await trip(there, ("sh", "-c", SEEN, "sh", *words), what=f"looking for the mark in {workdir}")
    finally:
        await trip(here, ("sh", "-c", REMOVE, "sh", *words), what=f"removing the mark from {workdir}")
    if seen != token.encode():
        what = f"the machine for files does not see the {workdir} of {f'the node {node}' if node else 'the one for jobs'}"
        hint = f"Name a `workdir` that {'all see, or leave this node out' if node else 'both see, or leave out `data_host`'}."
        raise SiteError(what, transient=False, hint=hint)
