"""The first question to a machine: has it the tools that are needed, and what is it like? Its directories and scripts are put there too."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass

from hyflow.errors import SiteError
from hyflow.shell.bundle import RUNNER, RUNNER_NAME, STARTER, STARTER_NAME, Member, pack
from hyflow.shell.trips import Opens, script, trip

PROBE = script("probe.sh")
BASE = ".attempts"
REFUSED = {
    "foreign": "belongs to another user", "open": "can be changed by other users",
    "unusable": "cannot be used: {}",
}  # fmt: skip
"""What may be wrong with the directory to work in, by the name that the probe gives it."""
INSTEAD = "Name another `workdir`, one that is yours alone and has room."


@dataclass(frozen=True, slots=True)
class Machine:
    """`workdir` with its links resolved; `base` below it holds all bundles. `memory` and `disk` (free in the workdir) in bytes;
    `boot` names the time since the machine was started ("-": not known); `clock` is its time, seconds since the epoch."""

    workdir: str
    base: str
    home: str
    host: str
    boot: str
    cores: float
    memory: int
    disk: int
    clock: float


async def probe(site: Opens, workdir: str, node: str = "") -> Machine:
    """Look at the machine and make `workdir` (0700) ready. `node`: which of those it is that see this directory and have their own bundles.
    Raises one SiteError that names everything that is missing."""
    scripts = pack([Member(RUNNER_NAME, RUNNER, mode=0o600), Member(STARTER_NAME, STARTER, mode=0o600)])
    base = f"{BASE}-{node}" if node else BASE
    argv = ("sh", "-c", PROBE, "sh", workdir, base, RUNNER_NAME, STARTER_NAME)
    answer = await trip(site, argv, scripts, what=f"making the directory {workdir} ready")
    known: dict[str, str] = {}
    missing: list[str] = []
    # The working directory comes last, because its name may hold anything.
    told, _, real = os.fsdecode(answer).partition("workdir=")
    for line in told.splitlines():
        name, _, value = line.partition("=")
        if name == "missing":
            missing.append(value)
        known[name] = value
    if missing:
        raise SiteError(
            f"the machine lacks {', '.join(missing)}", transient=False, hint="hyflow needs a POSIX shell with coreutils or busybox there."
        )
    for name, why in REFUSED.items():
        if name in known:
            raise SiteError(f"the directory {workdir} {why.format(known[name])}", transient=False, hint=INSTEAD)
    return machine(known, real.removesuffix("\n"), base)


def machine(known: dict[str, str], workdir: str, base: str = BASE) -> Machine:
    try:
        return Machine(
            workdir=workdir,
            base=posixpath.join(workdir, base),
            home=known["home"],
            host=known["host"],
            boot=known["boot"],
            cores=float(int(known["cores"])),
            memory=int(known["memory"]) * 1024,
            disk=int(known["disk"]) * 1024,
            clock=float(int(known["clock"])),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise SiteError("what the machine says of itself cannot be read", transient=False, hint="See the site's `command`.") from error
