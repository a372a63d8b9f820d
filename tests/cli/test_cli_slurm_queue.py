"""`hyflow run` on Slurm: short tasks share jobs, limits are waited for, and whatever ends a run leaves the queue as it was."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import until
from crashing import EVERY
from farsites import seen
from lab import LAB, setting
from queued import Queued, held, queue, ran, said
from screens import finish
from warm import Warm, warmed

SHORT = {"class": "ToolTimeLimit", "timelimit": 30}
WAIT = 'echo "$0" >>{top}/ran; until [ -e {top}/go ]; do sleep 0.1; done; echo "$0 is done"'
MANY = 1100 if EVERY == 1 else 12
COMMANDS = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo", "sacctmgr", "srun")


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> Queued:
    return Queued(warm, tmp_path)


def arrays(shell: Queued) -> list[str]:
    return [found[0] for call in shell.submissions() if (found := re.search(r"--array=\S+", call))]


def test_short_tasks_share_jobs_each_with_its_own_limit(shell: Queued) -> None:
    """One that goes on beyond its limit is ended, and nobody else."""
    shell.settings(submit={"pack": {"cores": 2}}, retry={"time": {"tries": 1}})
    script = f'echo "$0" >>{shell.there}/ran; [ "$0" != n7 ] || sleep 60; echo "$0"'
    limit = {"class": "ToolTimeLimit", "timelimit": 3}
    done = shell.script(script, limit, names=[f"n{number}" for number in range(40)])
    done.fails(1, "/each[7] failed: ", "  class   time\n")
    assert ran(shell) == sorted(f"n{number}" for number in range(40)) and done.stderr.count(" failed: ") == 1
    assert arrays(shell) == ["--array=0-9"]
    tries = [json.loads(line)["tries"] for line in shell("hyflow", "logs", "/each[7]", "--json").stdout.splitlines()]
    assert [len(each) for each in tries] == [1]


def test_a_job_that_is_lost_fails_only_what_it_had_not_finished(shell: Queued) -> None:
    shell.settings(submit={"max_jobs": 1, "rate": "9/s", "pack": {"cores": 1}}, retry={"infrastructure": {"tries": 2, "wait": "0s"}})
    script = f'echo "$0" >>{shell.there}/ran; [ "$0" != n1 ] || [ -e {shell.there}/go ] || sleep 25; echo "$0 is done"'
    names = [f"n{number}" for number in range(9)]
    with held(shell):
        process = shell.start("hyflow", *shell.tool_words(script, SHORT, names=names))
        until(lambda: "n1" in ran(shell) or process.poll() is not None, 60)
        (name,) = shell.batches()
        (shell.seen / "go").touch()
        shell.cluster.root("scancel", "--signal=KILL", "--full", f"--name={name}")
        until(lambda: process.poll() is not None, 90)
    ended = finish(process)
    assert sorted(said(ended)) == [f"{name} is done\n" for name in names]
    assert ran(shell) == sorted([*names, "n1"])


@pytest.mark.parametrize("limit", ["of the site's settings", "of the queue"])
def test_more_tasks_than_the_queue_may_have_wait(shell: Queued, limit: str) -> None:
    """None fails for that, and the queue is not asked in vain."""
    mine = {"submit": {"max_jobs": 3, "rate": "5/s"}} if limit == "of the site's settings" else {"defaults": {"qos": "limited"}}
    count = 8 if "submit" in mine else 24
    shell.settings(**mine)
    done = shell.script('echo "$0"', names=[f"n{number}" for number in range(count)])
    assert said(done) == [f"n{number}\n" for number in range(count)] and done.stderr == ""
    assert max(int(last) for array in arrays(shell) for last in re.findall(r"\d+$", array)) < (3 if "submit" in mine else 20)


def test_nothing_is_left_of_a_run_that_is_cancelled_and_others_are_left_alone(shell: Queued) -> None:
    """Some of its jobs run, some share one, some are held in the queue, and some never got there."""
    mine = shell.cluster.user(f"cd {shell.there} && sbatch --parsable --hold --job-name=mine --wrap='sleep 600'").stdout.decode().strip()
    shell.settings(submit={"max_jobs": 8, "rate": "9/s", "pack": {"cores": 1}})
    shell.write("deploy.json", json.dumps({
        **(deploy := json.loads((shell.top / "deploy.json").read_text())),
        "bind": [*deploy["bind"], {"step": "/held", "site": "there", "options": {"extra": ["--hold"]}}],
    }))  # fmt: skip
    shell.tool_words(WAIT.format(top=shell.there), names=[f"n{number}" for number in range(30)])
    flow = json.loads((shell.top / "flow.cwl").read_text())
    one = flow["steps"]["each"]
    alone = {"run": one["run"], "in": {"name": {"default": "held"}}, "out": []}
    flow["steps"] = {"held": alone, "packed": {**one, "run": {**one["run"], "requirements": [SHORT]}}, "each": one}
    shell.write("flow.cwl", json.dumps(flow))
    with held(shell):
        process = shell.start("hyflow", "run", "--quiet", "--no-reuse", "flow.cwl", "deploy.json", "job.json")
        until(lambda: (len(shell.in_queue()) == 8 and len(ran(shell)) >= 2) or process.poll() is not None, 90)
        done = shell("hyflow", "cancel", "last")
        assert (done.status, done.stdout.partition(": ")[2]) == (0, "cancelled, 61 jobs ended\n"), done.stderr
        until(lambda: not shell.in_queue(), 30)
        assert process.wait(30) == 130
        finish(process)
        begun = ran(shell)
    assert [line.split()[1] for line in shell.cluster.jobs(f"--jobs={mine}")] == ["PENDING"] and ran(shell) == begun
    shell.cluster.root("scancel", mine)
    assert shell("hyflow", "clean", "last", "--remote").status == 0
    assert [str(path) for path in (shell.seen / "work").rglob("*") if path.name not in ("stderr", "stdout") and not path.is_dir()
            and ".attempts" not in path.parts] == []  # fmt: skip


def test_a_bare_site_gets_arrays_of_the_length_that_it_takes_and_all_of_them_end_at_once(warm: Warm, tmp_path: Path) -> None:
    """More tasks than one array may have, each held in the queue."""
    shell = Queued(warm, tmp_path, "cloud")
    shell.settings(submit={"max_jobs": 5000, "array_max": 5000, "rate": "9/s"}, defaults={"extra": ["--hold"]})
    process = shell.start("hyflow", *shell.tool_words("true", names=[f"n{number}" for number in range(MANY)]))
    until(lambda: len(shell.in_queue()) == MANY or process.poll() is not None, 120)
    done = shell("hyflow", "cancel", "last")
    assert (done.status, done.stdout.partition(": ")[2]) == (0, f"cancelled, {MANY:,} jobs ended\n"), done.stderr
    assert finish(process).status == 130 and not shell.in_queue()
    assert sum(int(array.rpartition("-")[2]) + 1 for array in arrays(shell)) == MANY
    assert max(int(array.rpartition("-")[2]) for array in arrays(shell)) <= 1000


def test_ctrl_c_lets_go_of_what_runs_and_cleaning_leaves_nothing(shell: Queued) -> None:
    words = shell.tool_words(WAIT.format(top=shell.there), names=["n0", "n1", "n2"])
    with held(shell):
        process = shell.start("hyflow", *words)
        until(lambda: len(ran(shell)) == 3 or process.poll() is not None, 60)
        process.send_signal(signal.SIGINT)
        ended = finish(process)
        assert (ended.status, len(shell.in_queue())) == (130, 3), ended.stderr
    done = shell("hyflow", "resume", "--quiet")
    assert sorted(said(done)) == [f"n{number} is done\n" for number in range(3)] and ran(shell) == ["n0", "n1", "n2"]
    assert shell("hyflow", "clean", "last", "--remote").status == 0
    left = [*(shell.seen / "work").glob("*-*/.batches"), *(shell.seen / "work/.attempts").iterdir()]
    assert [path.name for path in left if path.is_dir()] == []


def test_on_the_login_node_itself_nothing_is_copied(shell: Queued) -> None:
    """Without `via`, this machine has the commands of the queue. What stands for a login node is this machine with the cluster's commands
    and files: these have the same paths there by a link."""
    root = Path(setting("SSH_CLUSTER_ROOT"))
    link = seen(str(root))
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("/")
    for name in COMMANDS:
        enter = f'exec bash {LAB.parent}/tests/lab/lab.sh site cluster exec {name} "$@"'
        shell.write(f"bin/{name}", f"#!/bin/sh\n{enter}\n")
        (shell.top / "bin" / name).chmod(0o755)
    here = root / "scratch" / shell.seen.name
    here.mkdir()
    settings = {**queue(), "workdir": str(here / "work"), "filesystem": "local"}
    del settings["via"]
    shell.write("deploy.json", json.dumps({"version": 1, "sites": {"there": settings}}))
    shell.environment["PATH"] = f"{shell.top}/bin:{os.environ['PATH']}"
    assert said(shell.script('echo "$0"; uname -n', names=["a"])) == ["a\ncluster\n"]
