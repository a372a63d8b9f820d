"""The file that outlives the supervisor: which keys were claimed, which processes run, how each attempt ended.

One JSON object a line, only ever appended to: {"boot", "host"} when a supervisor begins, {"claim": [key], "ends"} before anything is done
for these keys ("ends": the commands that end their containers, by key), {"key", "pid", "start", "at"} when a command has started (`start`:
between which ticks of the kernel), {"key", "outcome", "manifest"} or {"key", "lost"} at the end.
A line that a crash cut short is passed over.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from .enclosed import ENDING, HURRIED
from .errands import run_all
from .jobs import HOST
from .layout import write_all
from .processes import boot_id, end_for_good, same, snapshot, ticks, working_directories

_REPORT = re.compile(rb'\{"key":"([A-Za-z0-9._-]+)","outcome":\{')
"""How a line begins that tells of an attempt's end."""


class Record:
    """Open for the life of one supervisor; `fd` holds its lock, so that no two have it at once."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._boot = boot_id()
        self._ended: dict[str, tuple[int, int]] = {}
        self._doubtful: tuple[str, bytes, dict[str, Any] | None] | None = None
        self._size = os.fstat(self._fd).st_size
        unfinished, torn = self._replay() if self._size else ({}, b"")
        lost = self._settle(unfinished) if unfinished else {}  # before anything is written: the disk may be full
        self._append(torn + _line({"boot": self._boot, "host": HOST}))
        for key, line in lost.items():
            self.end(key, line)

    def _replay(self) -> tuple[dict[str, dict[str, Any]], bytes]:
        """Read what earlier supervisors wrote; returns the keys that have no end, with what is known of their processes, and what the last
        line lacks."""
        unfinished: dict[str, dict[str, Any]] = {}
        since: dict[str, Any] = {"boot": ""}
        at, line = 0, b""
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(0)
            for line in file:
                since = self._replay_line(line, at, since, unfinished)
                at += len(line)
        self._check_last(unfinished)
        return unfinished, b"" if line.endswith(b"\n") else b"\n"

    def _replay_line(self, line: bytes, at: int, since: dict[str, Any], unfinished: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """`since`: what the last supervisor before this line said of its machine; the same for the next line."""
        if (report := _REPORT.match(line)) is not None:  # there may be very many, and long ones
            key = report[1].decode("ascii")
            self._doubtful = key, line, unfinished.pop(key, None)
            self._ended[key] = (at, len(line))
            return since
        try:
            entry = json.loads(line)
        except ValueError:
            return since
        if "boot" in entry:
            self._check_last(unfinished)
        key = entry.get("key")
        if "claim" in entry:
            ends = entry.get("ends") or {}
            unfinished.update((key, {**since, "end": ends.get(key)}) for key in entry["claim"])
        elif "pid" in entry:
            unfinished[key] = {**entry, **since, "end": unfinished.get(key, {}).get("end")}
        elif key is not None:
            unfinished.pop(key, None)
            self._ended[key] = (at, len(line))
        return entry if "boot" in entry else since

    def _check_last(self, unfinished: dict[str, dict[str, Any]]) -> None:
        """Of what a supervisor wrote only its last line may have been cut short: a report that was is none."""
        if self._doubtful is None:
            return
        key, line, known = self._doubtful
        self._doubtful = None
        try:
            json.loads(line)
        except ValueError:
            del self._ended[key]
            if known is not None:
                unfinished[key] = known

    def _settle(self, unfinished: dict[str, dict[str, Any]]) -> dict[str, bytes]:
        """End what the attempts of a dead supervisor left running; the last line of each."""
        every = snapshot()
        _find_unrecorded(unfinished, self._boot)
        alive = {entry["pid"] for entry in unfinished.values() if entry["boot"] == self._boot and "pid" in entry
                 and _is_left(entry, every)}
        gone = end_for_good(alive) if alive else True
        if ends := [entry["end"] for entry in unfinished.values() if entry["end"]]:
            run_all(ends, ENDING, HURRIED)
        return {key: _line({"key": key, "lost": _evidence(entry, self._boot, alive, gone=gone)}) for key, entry in unfinished.items()}

    def claim(self, keys: list[str], ends: dict[str, list[str]]) -> None:
        """`ends`: the commands that end the containers of those that have one, by key."""
        self._append(_line({"claim": keys, "ends": ends} if ends else {"claim": keys}))

    def started(self, key: str, pid: int, start: tuple[int, int], at: float) -> None:
        self._append(_line({"key": key, "pid": pid, "start": start, "at": at}))

    def end(self, key: str, line: bytes) -> None:
        """The last line of an attempt."""
        self._ended[key] = (self._size, len(line))
        self._append(line)

    def ended(self, key: str) -> bytes | None:
        """The last line of an attempt, None when it has not ended (or is not known)."""
        where = self._ended.get(key)
        return None if where is None else os.pread(self._fd, where[1], where[0])

    def has_ended(self, key: str) -> bool:
        return key in self._ended

    def _append(self, line: bytes) -> None:
        write_all(self._fd, line)
        self._size += len(line)


def _is_left(entry: dict[str, Any], every: dict[int, Any]) -> bool:
    """Whether the command still runs, or has left processes of its session (whose number cannot have been given away)."""
    pid = entry["pid"]
    if pid in every:
        return same(every[pid], tuple(entry["start"]), entry["at"])
    return any(process.session == pid or process.group == pid for process in every.values())


def _find_unrecorded(unfinished: dict[str, dict[str, Any]], boot: str) -> None:
    """Note the processes of attempts whose supervisor died between starting them and writing that down: they work in their directory."""
    unknown = {key: entry for key, entry in unfinished.items() if "pid" not in entry and entry["boot"] == boot}
    for pid, directory in working_directories() if unknown else ():
        entry = unknown.get(os.path.basename(os.path.dirname(directory)))
        if entry is not None and "pid" not in entry:
            entry.update(pid=pid, start=[0, ticks()], at=0.0)


def _evidence(entry: dict[str, Any], boot: str, alive: set[int], *, gone: bool) -> str:
    if entry["boot"] != boot:
        if entry.get("host", HOST) == HOST:
            return "the machine was restarted while the attempt ran"
        return f"the attempt ran on another machine, {entry['host']}, and cannot be taken up from this one, {HOST}"
    if "pid" not in entry:
        return "the supervisor died before it had started the command"
    if entry["pid"] in alive:
        what = "has been ended" if gone else "could not be ended"
        return f"the supervisor died; the command (process {entry['pid']}) still ran and {what}"
    return f"the supervisor died, and so did the command (process {entry['pid']})"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
