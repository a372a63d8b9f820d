"""What the runner left of an attempt -> Done. The parts by name: `exit`, those of the manifest, `cpu0`, `cpu1`, `stdout`, `stderr`.

In place of `cpu0` and `cpu1` there is `used` where the command was the client of a container engine: what its control group says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from hyflow.connector import Done, Lost
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import Usage
from hyflow.model.tasks import Manifest, Outcome
from hyflow.shell.manifest import Damaged, parse_manifest

_minutes = re.compile(r"(\d{1,9})m(\d{1,2}(?:[.,]\d{1,9})?)s", re.ASCII)
_moment = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_used = re.compile(r" *(\d{1,18}|-) +(\d{1,18}|-)\n", re.ASCII)
_code = re.compile(r"\d{1,3}", re.ASCII)
EMPTY = Manifest({}, ())


def parse_outcome(parts: Mapping[str, bytes]) -> Done | Lost:
    """How the attempt ended and what it left; what cannot be read is told as trouble. Lost: it was cancelled."""
    first, _, words = os.fsdecode(parts.get("exit", b"")).partition("\n")
    how, code, started, ended, host = (first.split(" ", 4) + [""] * 5)[:5]
    if how == "cancelled":
        return Lost("cancelled", FailureClass.CANCELLED)
    if how == "lost":  # written off by hyflow, which keeps why in place of the status
        return Lost(words, FailureClass(code) if code in list(FailureClass) else FailureClass.INFRASTRUCTURE)
    begin, end = seconds(started), seconds(ended)
    if how == "outputs" and _code.fullmatch(code):
        full = words.endswith("the disk is full")
        outcome = Outcome(code=int(code), trouble=words, disk_full=full, started=begin, ended=end, host=host, stderr=_text(parts, "stderr"))
        return Done(outcome, EMPTY)
    if how not in ("code", "signal", "timeout") or not _code.fullmatch(code):
        return Done(Outcome(trouble=words or f"its record cannot be read: {first!r}", started=begin, ended=end, host=host), EMPTY)
    try:
        manifest = parse_manifest(parts)
    except Damaged as error:
        return Done(Outcome(trouble=f"the record of its outputs is damaged: {error}", started=begin, ended=end, host=host), EMPTY)
    outcome = Outcome(
        code=int(code) if how == "code" else None,
        signal=int(code) if how == "signal" else None,
        timed_out=how == "timeout",
        disk_full=how == "code" and words == "full",
        out_of_memory=how == "code" and words == "memory",
        usage=usage(max(0.0, end - begin), parts),
        started=begin,
        ended=end,
        host=host,
        stderr=_text(parts, "stderr"),
        stdout=_text(parts, "stdout"),
    )
    return Done(outcome, manifest)


def _text(parts: Mapping[str, bytes], name: str) -> str:
    return parts.get(name, b"").decode(errors="replace")


def seconds(text: str) -> float:
    """A moment as `date +%s.%N` gives it; where date knows no %N, in whole seconds."""
    known = _moment.match(text)
    return float(known[0]) if known else 0.0


def usage(wall: float, parts: Mapping[str, bytes]) -> Usage:
    if "used" not in parts:
        return Usage(wall, cpu(parts))
    known = _used.fullmatch(parts["used"].decode("ascii", "replace"))
    if known is None:
        return Usage(wall)
    memory, spent = (None if told == "-" else int(told) for told in known.groups())
    return Usage(wall, None if spent is None else spent / 1e6, memory)


def cpu(parts: Mapping[str, bytes]) -> float | None:
    """CPU seconds of the command: what `times` says of the runner's children, after less before."""
    before, after = (children(parts.get(name, b"")) for name in ("cpu0", "cpu1"))
    return None if before is None or after is None else max(0.0, after - before)


def children(data: bytes) -> float | None:
    lines = data.decode("ascii", "replace").splitlines()
    known = [_minutes.fullmatch(part) for part in lines[1].split()] if len(lines) > 1 else []
    spent = [int(part[1]) * 60 + float(part[2].replace(",", ".")) for part in known if part is not None]
    return sum(spent) if len(spent) == 2 else None
