"""The supervisor's one thread: hears requests, starts commands, reaps them, tells how they ended. It sleeps until something happens."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections import deque
from typing import Any

from . import processes
from .alarms import Alarms
from .aside import Aside
from .client import Client
from .enclosed import ENDING, HURRIED, Aftermath, end_of
from .errands import run_all
from .jobs import Job, encode
from .layout import Trouble, is_heavy
from .record import Record
from .room import Room
from .spares import Spares
from .spawn import NotStarted, spawn

GRACE = 2.0
"""Seconds between the gentle signal and the last one."""
ANNOUNCE = 0.1
"""A job that has ended sooner is not announced as running: that would cost more than it tells."""
GAUGE, YOUNG = 0.1, 2.0
"""Seconds between two looks at what a container uses while it is young, and how long it is that; then it is a second."""
BATCH = 8
"""Commands that are started before the loop looks around again."""
LINGER = 0.01
"""Seconds for which news are gathered while enough commands wait here to keep the machine busy."""


class Supervisor:
    """Parent of every job. `run` returns when it was told to end, or when its client is gone and its last job has ended.

    Without a client everything goes on as with one, also what waits for room.
    """

    def __init__(self, listener: socket.socket, record: Record, null: int) -> None:
        self._listener, self._record, self._null = listener, record, null
        self._path = os.environ.get("PATH", os.defpath)
        self._client: Client | None = None
        self._served = self._over = self._told = False
        self._jobs: dict[str, Job] = {}
        self._by_pid: dict[int, Job] = {}
        self._waiting: deque[Job] = deque()
        self._watched: set[str] = set()
        self._cancels: list[tuple[int, set[str]]] = []
        self._alarms = Alarms(self._jobs)
        self._room = Room()
        self._aside = Aside()
        self._spares = Spares()
        self._oom = processes.oom_kills()
        self._aftermath = Aftermath(null, self._aside, self._alarms.after)
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        self._register()
        while not self._finished():
            for key, _ in self._selector.select(self._patience()):
                key.data()
            if self._told and not self._over:
                self._end()
            self._launch()
            self._ring()
            if self._client:
                self._send_out()
        self.leave()

    def _register(self) -> None:
        woken, waker = socket.socketpair()
        woken.setblocking(False)
        waker.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._waker = waker
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._woken(woken))
        self._selector.register(self._aside.wakes, selectors.EVENT_READ, self._aside.settle)

    def _told_to_end(self, *_: object) -> None:
        """Only leaves word: the loop, which the signal wakes, may be in the middle of anything."""
        self._told = True

    def _finished(self) -> bool:
        if self._jobs or self._aside.pending:
            return False
        return self._over or (self._served and self._client is None)

    def _patience(self) -> float | None:
        if self._waiting and self._may_start(self._waiting[0]):
            return 0
        due = [] if self._alarms.next is None else [self._alarms.next]
        if self._client and self._client.since:
            due.append(self._client.since + LINGER)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def leave(self) -> None:
        """Leave nothing behind: not what runs or escaped from its job, nor the socket."""
        strays = processes.family([os.getpid()], processes.snapshot())
        del strays[os.getpid()]
        processes.kill_known(strays, signal.SIGKILL)
        run_all([end for job in self._jobs.values() if job.pid and (end := end_of(job.task))], ENDING, HURRIED)  # none, unless we failed
        self._spares.drop()
        self._shut()
        self._tell({"bye": True})
        if self._client:
            self._client.finish()

    def _shut(self) -> None:
        """Take no new client: whoever comes now waits for our end, and starts another supervisor."""
        if self._listener.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            address = self._listener.getsockname()
            os.unlink(address)
            os.rmdir(os.path.dirname(address))  # one that was made for it alone; any other holds something
        with contextlib.suppress(KeyError):  # we may have failed before it was in there
            self._selector.unregister(self._listener)
        self._listener.close()

    # ---- the client

    def _accept(self) -> None:
        """A new client takes the place of the one before, which must be dead. What that one has still said counts."""
        if self._over:
            return  # since a moment ago, and the listener is closed
        connection, _ = self._listener.accept()
        while self._client and self._client.has_more():
            self._hear()
        if self._over:
            connection.close()
            return
        self._drop()
        self._client, self._served = Client(connection), True
        self._selector.register(connection, selectors.EVENT_READ, self._hear)

    def _drop(self) -> None:
        if self._client:
            self._selector.unregister(self._client.connection)
            self._client.connection.close()
            self._client = None
            self._watched.clear()
            self._cancels.clear()

    def _send_out(self) -> None:
        client = self._client
        if client is None or (len(self._waiting) > BATCH and time.monotonic() < client.since + LINGER):
            return
        more = client.flush()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if more else 0)
        if self._selector.get_key(client.connection).events != wanted:
            self._selector.modify(client.connection, wanted, self._hear)

    def _hear(self) -> None:
        client = self._client
        if client is None:
            return
        tasks: list[dict[str, Any]] = []
        for line in client.lines():
            request = json.loads(line)
            if "argv" in request:
                tasks.append(request)
            else:
                self._take(tasks)
                tasks = []
                self._obey(request)
        self._take(tasks)
        if client.gone:
            self._drop()

    def _tell(self, answer: dict[str, Any]) -> None:
        if self._client:
            self._client.send(encode(answer).encode("ascii") + b"\n")

    def _obey(self, request: dict[str, Any]) -> None:
        if "path" in request:
            self._path = request["path"]
            self._room.settle(request["room"])
            self._spares.settle_in(request["spares"])
            self._tell({"hello": os.getpid()})
        elif "watch" in request:
            for key in request["watch"]:
                self._watch(key)
        elif "find" in request:
            self._tell({"id": request["id"], "keys": [key for key in request["find"] if self._knows(key)]})
        elif "cancel" in request:
            live = {key for key in request["cancel"] if key in self._jobs}
            self._cancels.append((request["id"], live))
            self._end_jobs([self._jobs[key] for key in live], "cancel")
            self._answer_cancels()
        elif "end" in request:
            self._end()

    def _knows(self, key: str) -> bool:
        return key in self._jobs or self._record.has_ended(key)

    def _watch(self, key: str) -> None:
        job, last = self._jobs.get(key), self._record.ended(key)
        if self._client is None:
            return
        if job is not None:
            self._watched.add(key)
            if job.pid:
                self._client.send(job.running())
        else:
            never = {"key": key, "lost": "this machine's supervisor never heard of the attempt"}
            self._client.send(last or encode(never).encode("ascii") + b"\n")

    def _end(self) -> None:
        self._over = True
        self._shut()
        self._end_jobs(list(self._jobs.values()), "cancel")

    # ---- the life of a job

    def _take(self, tasks: list[dict[str, Any]]) -> None:
        """Claim the keys that are new, all in one write, before anything is done for them."""
        fresh = []
        for task in tasks:
            if self._knows(task["key"]):
                self._watch(task["key"])
            elif not self._over:
                job = self._jobs[task["key"]] = Job(task, self._spares)
                self._watched.add(job.key)
                fresh.append(job)
        if fresh:
            self._record.claim([job.key for job in fresh], {job.key: end for job in fresh if (end := end_of(job.task))})
            self._waiting += fresh

    def _launch(self) -> None:
        for _ in range(BATCH):
            if not self._waiting or not self._may_start(self._waiting[0]):
                return
            job = self._waiting.popleft()
            job.give(self._room.take(job.task["resources"]))
            if is_heavy(job.task):
                self._aside.do(job.prepare, lambda trouble, job=job: self._start(job, trouble))  # type: ignore[misc]  # a default binds it
            else:
                self._start(job, job.prepare())

    def _may_start(self, job: Job) -> bool:
        """Whether there is room; what only has to be told that it never will needs none."""
        return bool(job.ending) or self._room.has(job.task["resources"])

    def _start(self, job: Job, trouble: str | None) -> None:
        job.began, job.clock, before = time.time(), time.monotonic(), processes.ticks()
        job.trouble = trouble
        if job.task.get("enclosure"):
            job.kills = processes.oom_kills()
        if trouble is None and not job.ending:
            try:
                job.pid = spawn(job.task, self._path, self._null)
            except Trouble as error:
                job.trouble = str(error)
            except NotStarted as error:
                job.status = error.code << 8
        if not job.pid:
            job.status = signal.SIGTERM if job.ending else job.status
            job.ended = time.time()
            self._room.give_back(job.task["resources"], job.devices)
            self._conclude(job)
            return
        self._by_pid[job.pid] = job
        self._record.started(job.key, job.pid, (before, processes.ticks()), job.began)
        self._alarms.after(ANNOUNCE, job, self._announce)
        if job.gauge:
            self._alarms.after(GAUGE, job, self._measure)
        if job.task["time_limit"] is not None:
            self._alarms.after(job.task["time_limit"], job, lambda late: self._end_jobs([late], "time"))

    def _woken(self, woken: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            woken.recv(4096)
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = processes.reap()
            except ChildProcessError:
                return
            if not pid:
                return
            job = self._by_pid.pop(pid, None)
            if job is not None:
                self._exited(job, status, usage)
            else:
                self._aftermath.reaped(pid, status)

    def _exited(self, job: Job, status: int, usage: Any) -> None:
        processes.kill_known(job.family, signal.SIGKILL)
        job.exited(status, usage)
        job.out_of_memory = self._was_out_of_memory(job)
        self._aftermath.settle(job, lambda: self._over_and_out(job))

    def _over_and_out(self, job: Job) -> None:
        """Nothing of the job runs any more."""
        self._room.give_back(job.task["resources"], job.devices)
        self._conclude(job)

    def _measure(self, job: Job) -> None:
        """Look what its container uses, often at first."""
        if job.gauge and not job.ended:
            job.gauge.look()
            self._alarms.after(GAUGE if time.monotonic() - job.clock < YOUNG else 1.0, job, self._measure)

    def _was_out_of_memory(self, job: Job) -> bool:
        """Whether the kernel killed it for want of memory: killed by nobody here, while the kernel counted one more."""
        if job.ending or not job.killed():
            return False
        if job.task.get("enclosure"):  # it may say so of its own accord
            return processes.oom_kills() > job.kills
        before, self._oom = self._oom, processes.oom_kills()
        return self._oom > before

    def _conclude(self, job: Job) -> None:
        line = job.report(quick=True)
        if line is not None:
            self._close(job, line)
        else:
            self._aside.do(lambda: job.report(quick=False), lambda line: self._close(job, line))

    def _close(self, job: Job, line: bytes) -> None:
        self._record.end(job.key, line)
        del self._jobs[job.key]
        if job.key in self._watched:
            self._watched.discard(job.key)
            if self._client:
                self._client.send(line)
        if self._cancels:
            self._answer_cancels()

    def _answer_cancels(self) -> None:
        left = []
        for number, keys in self._cancels:
            keys &= self._jobs.keys()
            if keys:
                left.append((number, keys))
            else:
                self._tell({"id": number, "keys": []})
        self._cancels = left

    # ---- ends and timers

    def _end_jobs(self, jobs: list[Job], why: str) -> None:
        """End the jobs with all their processes, gently at first. One that is not started yet never will be."""
        if why == "cancel":
            self._aftermath.hurry(job.key for job in jobs)
        jobs = [job for job in jobs if not job.ending and not job.ended]
        for job in jobs:
            job.ending = why
        self._waiting = deque(sorted(self._waiting, key=lambda job: not job.ending))
        self._signal([job for job in jobs if job.pid], signal.SIGTERM)
        for job in jobs:
            if job.pid:
                self._alarms.after(GRACE, job, lambda late: self._signal([late], signal.SIGKILL))

    def _signal(self, jobs: list[Job], number: int) -> None:
        jobs = [job for job in jobs if not job.ended]
        every = processes.snapshot() if jobs else {}
        for job in jobs:
            heads = {job.pid, *(pid for pid, start in job.family.items() if pid in every and every[pid].start == start)}
            job.family = processes.family(heads, every)
            processes.kill_group(job.pid, number)
            strays = {pid: start for pid, start in job.family.items() if every[pid].group != job.pid}
            processes.kill_known(strays, number)

    def _announce(self, job: Job) -> None:
        if job.key in self._watched and self._client and not job.ended:
            self._client.send(job.running())

    def _ring(self) -> None:
        """Do what is due; first see who has ended: if we were stopped, a command that kept its time may have been dead for long."""
        if self._alarms.next is not None and self._alarms.next <= time.monotonic():
            self._reap()
            self._alarms.ring()
