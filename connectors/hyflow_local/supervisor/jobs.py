"""One attempt inside the supervisor: its state, and the report that it ends in."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import Any

from .enclosed import DOUBTFUL, end_of, relink
from .gauge import Gauge
from .layout import Trouble, describe, is_full, prepare, take_away
from .outputs import Collection, TooMuch, tail
from .spares import Spares
from .spawn import stream_path

HOST = os.uname().nodename
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
FOREIGN = "; the container has left files that belong to another user, and the command that makes them ours failed"
encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Job:
    """An attempt from its claim to its report. `ending`: why we end it ("time" or "cancel"), `family`: whom we end with it, `foreign`:
    whether it has left files of another user that could not be made ours, `kills`: how often the kernel had been short of memory before."""

    __slots__ = ("_spares", "began", "clock", "devices", "ended", "ending", "family", "foreign", "gauge", "key", "kills",
                 "out_of_memory", "pid", "relinked", "status", "task", "trouble", "usage")

    def __init__(self, task: dict[str, Any], spares: Spares) -> None:
        self._spares = spares
        self.key: str = task["key"]
        self.task = task
        self.pid = self.kills = 0
        self.began = self.ended = self.clock = 0.0
        self.ending = ""
        self.family: dict[int, str] = {}
        self.status: int | None = None
        self.out_of_memory = self.foreign = self.relinked = False
        self.trouble: str | None = None
        self.usage: dict[str, Any] = {}
        enclosure = task.get("enclosure")
        self.gauge = Gauge(f"{task['dir']}/{enclosure['id_file']}") if enclosure and enclosure["id_file"] else None

    def give(self, devices: list[int]) -> None:
        """Let the command see these GPUs, and no others, as far as it asks CUDA."""
        self.devices = devices
        if devices:
            self.task["environment"] = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices)), **self.task["environment"]}

    def prepare(self) -> str | None:
        """Make its directories; what went wrong, in words."""
        try:
            prepare(self.task, self._spares)
        except Trouble as trouble:
            return str(trouble)
        except Exception as error:  # on a thread of its own nobody else would tell
            return f"the attempt's directory could not be laid out: {error!r}"
        return None

    def exited(self, status: int, usage: resource.struct_rusage) -> None:
        """The command is over, with a wait status and what it used."""
        self.ended = time.time()
        self.status = status
        peak = usage.ru_maxrss
        # A child begins as an image of the supervisor, so a peak that is no higher says nothing about the command.
        own = own_peak()
        self.usage = {"wall": time.monotonic() - self.clock, "cpu": usage.ru_utime + usage.ru_stime,
                      "memory": peak * RSS_UNIT if peak > own else None}
        if self.gauge:  # what the client of an engine used is nothing that its command did
            self.gauge.look()
            self.usage |= {"cpu": self.gauge.cpu, "memory": self.gauge.memory}

    @property
    def code(self) -> int | None:
        """The exit status, of a command that has ended by itself."""
        return os.WEXITSTATUS(self.status) if self.status is not None and os.WIFEXITED(self.status) else None

    def killed(self) -> bool:
        """Whether the command, or the one in its container, was ended by SIGKILL."""
        if self.status is not None and os.WIFSIGNALED(self.status):
            return os.WTERMSIG(self.status) == signal.SIGKILL
        return self.task.get("enclosure") is not None and self.code == 128 + signal.SIGKILL

    def left_running(self) -> bool:
        """Whether a container of the job may go on although the client has ended."""
        return bool(end_of(self.task)) and (bool(self.ending) or self.code is None or self.code >= DOUBTFUL)

    def report(self, *, quick: bool) -> bytes | None:
        """The last line of the attempt, its directories cleaned up. None: with `quick`, when that takes more than a moment."""
        try:
            manifest = self._manifest(quick=quick)
        except TooMuch:
            if quick:
                return None
            self.trouble, manifest = "the output directory holds too much to be listed", self._nothing()
        except FileNotFoundError as error:
            gone = not os.path.isdir(f"{self.task['dir']}/out")
            why = "the command removed its own working directory" if gone else describe("the output directory could not be read", error)
            self.trouble, manifest = why, self._nothing()
        except OSError as error:
            why = describe("the output directory could not be read", error)
            self.trouble, manifest = why + (FOREIGN if self.foreign else ""), self._nothing()
        except Exception as error:  # on a thread of its own nobody else would tell
            self.trouble, manifest = f"the output directory could not be read: {error!r}", self._nothing()
        if self.gauge:
            self.gauge.remove()
        if not take_away(self.task["dir"], self.task["stage"], self._spares, deep=not quick):
            return None
        return encode({"key": self.key, "outcome": self._outcome(), "manifest": manifest}).encode("ascii") + b"\n"

    def _manifest(self, *, quick: bool) -> dict[str, Any]:
        if self.trouble is not None or self.ending == "cancel":
            return self._nothing()
        out, enclosure = f"{self.task['dir']}/out", self.task.get("enclosure")
        if enclosure and enclosure["paths"] and not self.relinked:
            relink(out, enclosure["paths"], quick=quick)
            self.relinked = True  # a text may be that of a further pair now
        return Collection(out, quick=quick).manifest(self.task["collect"])

    def _nothing(self) -> dict[str, Any]:
        return {"entries": {}, "matches": [[] for _ in self.task["collect"]], "output_json": None}

    def _outcome(self) -> dict[str, Any]:
        outcome: dict[str, Any] = {"usage": self.usage, "started": self.began, "ended": self.ended, "host": HOST,
                                   "stdout": tail(stream_path(self.task, "stdout")), "stderr": tail(stream_path(self.task, "stderr"))}
        if self.trouble is not None:
            outcome["trouble"] = self.trouble
        if self.ending == "time":
            outcome["timed_out"] = True
        elif self.status is not None and os.WIFSIGNALED(self.status):
            outcome["signal"] = os.WTERMSIG(self.status)
        elif self.status is not None:
            outcome["code"] = os.WEXITSTATUS(self.status)
        if self.out_of_memory:
            outcome["out_of_memory"] = True
        if self.ending == "cancel":
            outcome["cancelled"] = True
        if self.status and not self.ending and is_full(self.task["dir"]):
            outcome["disk_full"] = True
        return outcome

    def running(self) -> bytes:
        return encode({"key": self.key, "running": {"at": self.began, "host": HOST}}).encode("ascii") + b"\n"


def own_peak() -> int:
    """The peak of this process, in the unit of ru_maxrss. That of Linux counts what the process was before it became the supervisor
    (a large hyflow, say); the kernel's figure for the program itself does not."""
    try:
        with open("/proc/self/status", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"VmHWM:"))
    except (OSError, StopIteration, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
