"""What matters at a machine before a long run, as one look finds it: its kind, its tools, its room. How far away it is others measure."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from hyflow.connector import Finding
from hyflow.model.quantities import size_text
from hyflow.shell.probe import Machine
from hyflow.shell.trips import Opens, script, trip

EXAMINE = script("detached.sh", "examine.sh")
ENGINES = ("docker", "podman", "apptainer", "singularity")
SCARCE, NOTHING = 1 << 30, 16 << 20
"""Bytes that are few, and too few for anything."""
FEW, NONE = 10_000, 100
"""The same of files."""

Told: TypeAlias = Mapping[str, Sequence[str]]
_FAMILIES = (
    (r"(?:BusyBox v|\(busybox\) )([\w.]+)", "busybox"),
    (r"GNU coreutils\)\s+([\w.]+)", "GNU coreutils"),
    (r"uutils coreutils\)?\s+([\w.]+)", "uutils coreutils"),
    (r"GNU tar\)\s+([\w.]+)", "GNU tar"),
    (r"bsdtar ([\w.]+)", "bsdtar"),
    (r"toybox ([\w.]+)", "toybox"),
)
_DF = re.compile(r"(\d+) +(-?\d+) +(-?\d+) +(?:\d+%|-) +/", re.ASCII)
_QUOTA = re.compile(r"(\S+)\s+(\d+)\*?\s+(\d+)\s+(\d+)\s+\S+\s+(\d+)\*?\s+(\d+)\s+(\d+)", re.ASCII)


async def examine(site: Opens, there: Machine) -> list[Finding]:
    """Look at the machine, in one round trip. Raises SiteError."""
    argv = ("sh", "-c", EXAMINE, "sh", there.workdir, f".hyflow-check-{secrets.token_hex(8)}")
    return findings(told(await trip(site, argv, what="looking at the machine", long=True)), there)


def told(answer: bytes) -> Told:
    """The lines of examine.sh, by name."""
    known: dict[str, list[str]] = {}
    for line in os.fsdecode(answer).split("\n"):
        name, _, value = line.partition("=")
        known.setdefault(name, []).append(value.strip())
    return known


def findings(known: Told, there: Machine) -> list[Finding]:
    """What the answer means."""
    engines = [name for name in ENGINES if name in known.get("has", ())]
    return [
        Finding("machine", f"{there.host}, user {_one(known, 'user')}, {_one(known, 'system')}"),
        Finding("tools", _tools(known)),
        Finding("runtimes", ", ".join(engines) or "no container runtime is installed"),
        *_room(known, there),
        *_quotas(known),
        _programs(known),
        _home(known, there),
        _umask(_one(known, "umask")),
    ]


def _one(known: Told, name: str) -> str:
    return known.get(name, ["unknown"])[0]


def _tools(known: Told) -> str:
    present = known.get("has", ())
    families = dict.fromkeys((_family(known, "cat", "coreutils"), _family(known, "tar", "tar")))
    sums = [name for name in ("sha1sum", "sha256sum", "shasum") if name in present]
    setsid = "setsid" if "setsid" in present else "no setsid: jobs are detached by the shell"
    return f"{', '.join(families)}; {', '.join(sums)}; {setsid}"


def _family(known: Told, tool: str, kind: str) -> str:
    said = " ".join(known.get(tool, ()))
    for pattern, name in _FAMILIES:
        if (found := re.search(pattern, said)) is not None:
            return f"{name} {found[1]}"
    return f"{kind} of another kind"


def _room(known: Told, there: Machine) -> Iterator[Finding]:
    yield _left("space", there.disk, SCARCE, NOTHING, f"{size_text(there.disk)} free in the workdir")
    total, free = _df(_one(known, "inodes"))
    if total:  # some file systems make them as they need them, and count none
        yield _left("files", free, FEW, NONE, f"the workdir's file system has room for {free:,} more files")


def _left(name: str, left: int, few: int, none: int, words: str) -> Finding:
    return Finding(name, words, "problem" if left < none else "warning" if left < few else "ok")


def _df(line: str) -> tuple[int, int]:
    """How much there is and how much is free, in units of df; nothing when it does not say."""
    found = _DF.search(line)
    return (int(found[1]), int(found[3])) if found else (0, 0)


def _quotas(known: Told) -> Iterator[Finding]:
    """One for each limit that quota or lfs tells, whose blocks are KiB; 0 stands for none."""
    for where, used, soft, hard, files, few, many in _QUOTA.findall(" ".join(known.get("quota", ()))):
        if (limit := _limit(soft, hard)) is not None:
            left = max(0, limit - int(used)) * 1024
            yield _left("quota", left, SCARCE, NOTHING, f"{size_text(left)} of {size_text(limit * 1024)} left on {where}")
        if (limit := _limit(few, many)) is not None:
            left = max(0, limit - int(files))
            yield _left("quota", left, FEW, NONE, f"{left:,} of {limit:,} files left on {where}")


def _limit(soft: str, hard: str) -> int | None:
    """What may be used for good: the soft limit may be passed for some days only."""
    return min((limit for limit in (int(soft), int(hard)) if limit), default=None)


def _programs(known: Told) -> Finding:
    match _one(known, "programs"):
        case "run":
            return Finding("programs", "what is in the workdir can be executed")
        case "refused":
            words = "nothing in the workdir can be executed (noexec): jobs run, but not programs that are brought there as inputs"
            return Finding("programs", words, "warning")
    return Finding("programs", "no file can be made in the workdir", "problem")


def _home(known: Told, there: Machine) -> Finding:
    place = there.home or "HOME"
    if _one(known, "home") != "writable":
        words = f"{place} cannot be written to: container engines and modules that keep their files there may fail"
        return Finding("home", words, "warning")
    total, free = _df(_one(known, "homedisk"))
    if not total:
        return Finding("home", f"{place} is writable")
    return Finding("home", f"{place} is writable, {size_text(free * 1024)} free", "warning" if free * 1024 < SCARCE else "ok")


def _umask(mask: str) -> Finding:
    own = int(mask, 8) & 0o700 if re.fullmatch("[0-7]{1,6}", mask) else 0
    if own:
        return Finding("umask", f"{mask}: jobs may not be able to use files that they made themselves", "warning")
    return Finding("umask", mask)
