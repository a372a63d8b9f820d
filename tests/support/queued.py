"""Directories to type commands in whose jobs run on the lab's clusters; and what the clusters hold and hear of them."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commandline import Ended
from farsites import seen
from lab import LAB, setting
from slurmlab import Cluster
from warm import Warm, WarmShell


def queue(site: str = "cluster", lab: Path = LAB, **more: Any) -> dict[str, Any]:
    """The settings of that site's Slurm, which is quick to be asked. Commands run as they are, without containers."""
    way = {"type": "ssh", "host": site, "config": setting("SSH_CONFIG", lab)}
    return {"type": "slurm", "via": way, "poll": 0.2, "settle": 5, "container": {"runtime": "none"}, **more}


class Queued(WarmShell):
    """`there`: a directory of ada's at the site, `seen` the same from here; below it is the workdir. Its queue is not its own."""

    def __init__(self, warm: Warm, top: Path, site: str = "cluster", lab: Path = LAB) -> None:
        super().__init__(warm, top, top / "home")
        self.cluster = Cluster(site, lab)
        self.there = f"/scratch/ada/queued-{uuid.uuid4().hex}"
        self.seen = seen(self.there, site, lab)
        self.seen.mkdir()
        os.chown(self.seen, self.seen.parent.stat().st_uid, self.seen.parent.stat().st_gid)
        self.since = time.time()
        self.settings()

    def settings(self, bind: Mapping[str, Any] | None = None, workdir: str = "work", **more: Any) -> None:
        """The deployment file; `bind` is what the binding of everything says, and how tasks are tried again is up to `retry`."""
        retry = {"retry": more.pop("retry")} if "retry" in more else {}
        site = queue(self.cluster.name, self.cluster.lab, workdir=f"{self.there}/{workdir}", **more)
        bound = {"step": "/", "site": "there", **(bind or {})}
        self.write("deploy.json", json.dumps({"version": 1, "sites": {"there": site}, "bind": [bound], **retry}))

    def tool_words(self, script: str, *requirements: Mapping[str, Any], names: Sequence[str] = (), hints: Sequence[Any] = ()) -> list[str]:
        """To run a script, with `names` once for each of these, which is its $0; what it prints are the outputs."""
        tool = {
            "class": "CommandLineTool", "baseCommand": ["sh", "-c", script], "stdout": "said", "requirements": list(requirements),
            "hints": list(hints), "inputs": {"name": {"type": "string", "inputBinding": {}}}, "outputs": {"said": "stdout"},
        }  # fmt: skip
        step = {"run": tool, "scatter": "name", "in": {"name": "names"}, "out": ["said"]}
        self.write("flow.cwl", json.dumps({
            "cwlVersion": "v1.2", "$namespaces": {"cwltool": "http://commonwl.org/cwltool#"}, "class": "Workflow",
            "requirements": {"ScatterFeatureRequirement": {}}, "inputs": {"names": "string[]"}, "steps": {"each": step},
            "outputs": {"said": {"type": "File[]", "outputSource": "each/said"}},
        }))  # fmt: skip
        self.write("job.json", json.dumps({"names": list(names or ["it"])}))
        return ["run", "--quiet", "--no-reuse", "--outdir", "results", "flow.cwl", "deploy.json", "job.json"]

    def script(self, script: str, *requirements: Mapping[str, Any], names: Sequence[str] = (), hints: Sequence[Any] = ()) -> Ended:
        """Run it."""
        return self("hyflow", *self.tool_words(script, *requirements, names=names, hints=hints))

    def batches(self) -> set[str]:
        """What the queue calls them: those that are kept, of runs that have not been cleaned."""
        return {path.name for path in self.seen.glob("*/*/.batches/*")}

    def submissions(self) -> list[str]:
        """The arguments of each sbatch that was called for it."""
        return [call for call in self.cluster.calls("sbatch", self.since) if f"{self.there}/" in call]

    def in_queue(self) -> list[str]:
        """The jobs there, each element by itself, as `Cluster.jobs` tells them."""
        names = self.batches()
        return self.cluster.jobs(f"--name={','.join(names)}") if names else []


def said(done: Ended) -> list[str]:
    """What the jobs printed."""
    return [Path(file["path"]).read_text() for file in done.output["said"]]


def ran(shell: Queued) -> list[str]:
    """The names of jobs whose commands have started, each as often as that."""
    path = shell.seen / "ran"
    return sorted(path.read_text().split()) if path.exists() else []


def loud(shell: Queued, names: int, script: str = "true") -> list[str]:
    """To run a script so often, for n0, n1 and so on, and be told of it."""
    words = shell.tool_words(script, names=[f"n{number}" for number in range(names)])
    words.remove("--quiet")
    return words


def waits(shell: Queued) -> list[dict[str, Any]]:
    """What `hyflow status` says that jobs wait for."""
    done = shell("hyflow", "status", "--json")
    return list(json.loads(done.stdout)["waits"]) if done.status == 0 else []


@contextmanager
def held(shell: Queued) -> Iterator[None]:
    """What commands wait for that look for the file `go` there; in the end it is there, whatever happens."""
    try:
        yield
    finally:
        (shell.seen / "go").touch()
