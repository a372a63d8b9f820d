"""A stand-in for OpenPBS: its commands in a directory for the PATH, which really run the jobs on this machine.

It speaks as the manuals and reports of OpenPBS have it, long lines broken as qstat breaks them; nobody has held it against a real PBS.
Jobs get what MoM gives them and nothing of the submitter's environment, an array's elements run four at a time, qdel sends SIGTERM and
later SIGKILL to the whole session, and a finished job is known to `qstat -x` alone. A file `refusal` in the directory is what qsub says
instead of taking a job.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMANDS = ("qsub", "qstat", "qdel", "qselect", "pbsnodes")
SERVER = "standin"
WIDTH = 78
AT_ONCE = 4
KILL_DELAY = 5.0
USER = pwd.getpwuid(os.getuid()).pw_name
ASKED = """Server: standin
    server_state = Active
    server_host = standin.example.org
    default_queue = workq
    max_array_size = 10000
    max_queued = [u:PBS_GENERIC=500]
    pbs_version = 23.06.06

"""
QUEUES = """Queue: workq
    queue_type = Execution
    resources_max.walltime = 24:00:00
    enabled = True
    started = True

Queue: long
    queue_type = Execution
    resources_max.walltime = 168:00:00
    enabled = True
    started = True

"""
NODES = """node1
     Mom = node1.example.org
     ntype = PBS
     state = free
     pcpus = 4
     resources_available.arch = linux
     resources_available.host = node1
     resources_available.mem = 8388608kb
     resources_available.ncpus = 4
     resources_available.vnode = node1
     resources_assigned.mem = 0kb
     resources_assigned.ncpus = 0

"""


def installed(folder: Path) -> Path:
    """The directory for the PATH; what the stand-in knows lies in `folder`."""
    place = folder / "bin"
    place.mkdir(parents=True)
    for name in COMMANDS:
        command = place / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} {folder} {name} "$@"\n')
        command.chmod(0o755)
    return place


def submissions(folder: Path) -> list[list[str]]:
    """The arguments of each call of qsub."""
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


class Standin:
    """What is known lies in files: a directory for each job, in it `job.json` and for each element a file that says how it stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def qsub(self, words: list[str]) -> int:
        with (self.folder / "calls").open("a") as calls:
            calls.write(json.dumps(words) + "\n")
        import argparse  # here, as the other commands are to start fast

        parser = argparse.ArgumentParser(add_help=False)
        for flag in "NmjoJrlqAp":
            parser.add_argument(f"-{flag}", action="append")
        end = words.index("--")
        given, command = parser.parse_args(words[:end]), words[end + 1:]
        refusal = self.folder / "refusal"
        if refusal.exists():
            return complain("qsub", refusal.read_text().strip(), 38)
        array = given.J[0] if given.J else None
        if array and (given.r or not re.fullmatch(r"0-[1-9]\d*", array)):
            return complain("qsub", "illegal -J value", 2)
        count = int(array.partition("-")[2]) + 1 if array else 1
        number = self._place({"name": given.N[0], "array": bool(array), "count": count, "select": given.l[0], "command": command})
        print(f"{number}{'[]' if array else ''}.{SERVER}")
        subprocess.Popen([sys.executable, "-I", __file__, str(self.folder), "serve", str(number)], start_new_session=True, cwd="/",
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        return 0

    def _place(self, job: dict[str, Any]) -> int:
        number = 100
        while True:
            place = self.folder / "jobs" / str(number)
            with contextlib.suppress(FileExistsError):
                place.mkdir(parents=True)
                break
            number += 1
        for index in range(job["count"]):
            self.put(number, index, state="Q")
        (place / "job.part").write_text(json.dumps(job))
        (place / "job.part").rename(place / "job.json")
        return number

    def put(self, number: int, index: int, **how: Any) -> None:
        file = self.folder / "jobs" / str(number) / str(index)
        part = file.with_name(f"{index}.{os.getpid()}.{time.monotonic_ns()}")
        part.write_text(json.dumps(how))
        part.rename(file)

    def at(self, number: int, index: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "jobs" / str(number) / str(index)).read_text())
        return found

    def jobs(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for file in sorted(self.folder.glob("jobs/*/job.json")):
            yield int(file.parent.name), json.loads(file.read_text())

    def alive(self, number: int, job: dict[str, Any]) -> bool:
        return any(self.at(number, index)["state"] in "QR" for index in range(job["count"]))

    def serve(self, words: list[str]) -> int:
        from concurrent.futures import ThreadPoolExecutor

        number = int(words[0])
        job = dict(self.jobs())[number]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda index: self._run(number, job, index), range(job["count"])))
        return 0

    def _run(self, number: int, job: dict[str, Any], index: int) -> None:
        if self.at(number, index)["state"] != "Q":
            return
        id = f"{number}{f'[{index}]' if job['array'] else ''}.{SERVER}"
        home = pwd.getpwuid(os.getuid()).pw_dir
        environment = {"PATH": os.defpath, "HOME": home, "USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh", "PBS_JOBID": id,
                       "PBS_ENVIRONMENT": "PBS_BATCH", "PBS_O_WORKDIR": "/"}  # fmt: skip
        if job["array"]:
            environment["PBS_ARRAY_INDEX"] = str(index)
        process = subprocess.Popen(job["command"], cwd=home, env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.put(number, index, state="R", pid=process.pid)
        process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.returncode
        self.put(number, index, state="X" if job["array"] else "F", code=256 - code if code < 0 else code)

    def named(self, words: list[str]) -> Iterator[tuple[str, int, dict[str, Any] | None, list[int]]]:
        """Each job that the words name, with the elements that are meant."""
        known = dict(self.jobs())
        for word in words:
            found = re.fullmatch(r"(\d+)(?:\[(?:(\d+)(?:-(\d+))?)?\])?\.\w+", word)
            assert found, word
            job = known.get(int(found[1]))
            first, last = int(found[2] or 0), int(found[3] or found[2] or (job["count"] - 1 if job else 0))
            yield word, int(found[1]), job, list(range(first, last + 1))

    def qdel(self, words: list[str]) -> int:
        code = 0
        for word, number, job, indices in self.named(words):
            if job is None or not self.alive(number, job):
                code = complain("qdel", f"{'Unknown Job Id' if job is None else 'Job has finished'} {word}", 35)
                continue
            for index in indices:
                how = self.at(number, index)
                if how["state"] == "Q":
                    self.put(number, index, state="X" if job["array"] else "F", substate=91)
                elif how["state"] == "R":
                    end = f"kill -TERM -{how['pid']}; sleep {KILL_DELAY}; kill -KILL -{how['pid']}"
                    subprocess.Popen(["/bin/sh", "-c", end], cwd="/", start_new_session=True, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        return code

    def qselect(self, words: list[str]) -> int:
        assert words == ["-u", USER], words
        for number, job in self.jobs():
            if self.alive(number, job):
                print(f"{number}{'[]' if job['array'] else ''}.{SERVER}")
        return 0

    def qstat(self, words: list[str]) -> int:
        flags = [word for word in words if word.startswith("-")]
        if flags == ["-B", "-f"]:
            print(ASKED, end="")
            return 0
        if flags == ["-Q", "-f"]:
            print(QUEUES, end="")
            return 0
        assert set(flags) <= {"-x", "-f", "-t"} and "-f" in flags, words
        code = 0
        for word, number, job, indices in self.named([word for word in words if not word.startswith("-")]):
            if job is None or ("-x" not in flags and not self.alive(number, job)):
                code = complain("qstat", f"{'Unknown Job Id' if job is None else 'Job has finished, use -x or -H'} {word}", 35)
                continue
            if "[]" in word:
                self._tell(word, job, {"state": "B"})
            if "[]" not in word or "-t" in flags:
                for index in indices:
                    self._tell(f"{number}{f'[{index}]' if job['array'] else ''}.{SERVER}", job, self.at(number, index))
        return code

    def _tell(self, id: str, job: dict[str, Any], how: dict[str, Any]) -> None:
        lines = {"Job_Name": job["name"], "Job_Owner": f"{USER}@standin.example.org", "job_state": how["state"], "queue": "workq",
                 "server": SERVER, **({"exec_host": "node1/0*1"} if how["state"] == "R" else {}), "Resource_List.select": job["select"],
                 **({"Exit_status": how["code"]} if "code" in how else {}), "substate": how.get("substate", 42),
                 "Variable_List": ",".join(f"PBS_O_{name}=/a/long/value/of/{name}" for name in ("PATH", "SHELL", "MAIL"))}  # fmt: skip
        print(f"Job Id: {id}")
        for name, value in lines.items():
            print(broken(f"    {name} = {value}"))
        print()

    def pbsnodes(self, words: list[str]) -> int:
        assert words == ["-a"], words
        print(NODES, end="")
        return 0


def broken(line: str) -> str:
    """The line as qstat writes long ones: the rest after a line end and a tab."""
    head, rest = line[:WIDTH], line[WIDTH:]
    return "\n\t".join([head, *(rest[start:start + WIDTH] for start in range(0, len(rest), WIDTH))])


def complain(who: str, words: str, code: int) -> int:
    print(f"{who}: {words}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(getattr(Standin(Path(sys.argv[1])), sys.argv[2])(sys.argv[3:]))
