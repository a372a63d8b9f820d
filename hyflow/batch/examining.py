"""What `hyflow check --connect` tells of a batch system: what it says of itself, and what a job of it sees of the workdir."""

from __future__ import annotations

import asyncio
import posixpath
import secrets
from collections.abc import Sequence

from hyflow.batch.errand import errand
from hyflow.batch.layout import text
from hyflow.batch.system import BatchSystem
from hyflow.connector import Finding
from hyflow.errors import SiteError
from hyflow.shell.trips import Opens, ask, trip

PATIENCE = 60.0
"""Seconds for which the job that looks may wait in the queue."""
_TRY = """
name=$2
cd "$1" || exit 1
(umask 077 && printf '%s\\n' "$3" >"$name") || exit 1
shift 3
"$@"
code=$?
[ ! -e "$name.answered" ] || echo comes
rm -f "$name" "$name.answer" "$name.answered"
exit $code
"""


async def examine(host: Opens, system: BatchSystem, workdir: str) -> Sequence[Finding]:
    """Look; takes as long as the queue does, within PATIENCE seconds. Raises SiteError."""
    answer = await ask(host, system.examine(), what=f"asking {system.name} about itself")
    return [*system.findings(answer.decode(errors="replace")), *await _seen(host, system, workdir)]


async def _seen(host: Opens, system: BatchSystem, workdir: str) -> Sequence[Finding]:
    """What a compute node sees of the workdir."""
    token, name = secrets.token_hex(8), f".hyflow-check-{secrets.token_hex(8)}"
    command = errand(system, "", ("sh", "-c", text("examine.sh"), "sh", workdir, posixpath.join(workdir, name), token))
    if command is None:
        return []
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await trip(host, ("sh", "-c", _TRY, "sh", workdir, name, token, *command), what="running a job", long=True)
    except TimeoutError:
        words = f"no job has begun within {PATIENCE:.0f} seconds: what compute nodes see of the workdir is not known"
        return [Finding("compute node", words, "warning")]
    except SiteError as error:
        return [Finding("compute node", f"no job could be run: {error.what}", "problem")]
    return [found(answer.decode(errors="replace").splitlines(), workdir)]


def found(said: Sequence[str], workdir: str) -> Finding:
    """What the job and the login node have seen of each other."""
    node = next((line for line in said[1:2]), "it")
    if "sees" not in said:
        words = f"{node} does not see the workdir {workdir} as the login node does: name one on a file system that both see"
        return Finding("compute node", words, "problem")
    if "writes" not in said or "comes" not in said:
        words = f"{node} sees the workdir {workdir}, but the login node does not see what is written there"
        return Finding("compute node", words, "problem")
    return Finding("compute node", f"{node} sees the workdir, and the login node what it writes there")
