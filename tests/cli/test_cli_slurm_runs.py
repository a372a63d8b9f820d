"""`hyflow run` on Slurm: what is said for a site or a step reaches the queue and the commands, whatever names things have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Ended, until
from queued import Queued, held, said
from screens import finish, read_until
from warm import Warm, warmed

MPI = {"class": "cwltool:MPIRequirement", "processes": 2}


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture
def shell(warm: Warm, tmp_path: Path) -> Queued:
    return Queued(warm, tmp_path)


def failure(done: Ended) -> str:
    done.fails(1)
    return done.stderr


def test_what_a_prologue_exports_commands_get_and_what_else_it_does_is_no_harm(shell: Queued) -> None:
    words = "export GREETING=\"it's a good day\" EMPTY="
    shell.settings(prologue="\n".join([words, "echo noise; echo noise >&2; exec </dev/null; cd /", "umask 027; HIDDEN=1; trap '' TERM"]))
    tell = 'echo "$GREETING,${EMPTY-unset},${HIDDEN-unset}"; pwd; umask; env | grep -c -e ^SLURM -e ^HYFLOW; echo *'
    done = shell.script(tell, names=["a", "b"])
    for text, name in zip(said(done), "ab", strict=True):
        greeting, directory, mask, found, files = text.splitlines()
        assert (greeting, found, files) == ("it's a good day,,unset", "0", "said"), name
        assert directory.startswith(f"{shell.there}/work/") and mask == "0027"


def test_a_prologue_that_fails_is_a_failure_of_the_site_in_its_words(shell: Queued) -> None:
    """Not one of the command, which never starts."""
    shell.settings(prologue="echo 'there is no module blast/2.15' >&2\nfalse", retry={"infrastructure": {"tries": 1}})
    told = failure(shell.script("echo started >>$0", names=[f"{shell.there}/started"]))
    assert "the site's prologue failed: there is no module blast/2.15\n  class   infrastructure\n" in told
    assert not (shell.seen / "started").exists()


def test_what_site_and_binding_say_reaches_the_queue_and_the_environment_does_not(shell: Queued) -> None:
    options = {"partition": "short", "constraint": "big|small", "extra": ["--nice=7"]}
    bind = {"options": options, "resources": {"cores": 2, "memory": "200MiB", "time": "90s"}}
    shell.settings(bind, defaults={"partition": "low", "account": "lab", "extra": ["--comment=of ada"]})
    process = shell.start("hyflow", *shell.tool_words("echo done"))
    until(lambda: shell.submissions() or process.poll() is not None, 60)  # no node of `short` has such a feature: it is refused
    told = finish(process).stderr
    (call,) = shell.submissions()
    words = ("--export=NONE", "--no-requeue", "--partition=short", "--account=lab", "--constraint=big|small", "--nice=7", "--ntasks=1",
             "--cpus-per-task=2", "--mem=200M", "--array=0-0")  # fmt: skip
    assert [word for word in words if word not in call.split()] == [] and "--comment" not in call, told
    why = "Slurm does not take it: Batch job submission failed: Invalid feature specification"
    assert f"/each[0] failed: {why}\n  class   submission\n" in told


def test_programs_of_several_processes_are_started_by_srun(shell: Queued) -> None:
    done = shell.script('echo "$SLURM_PROCID of $SLURM_NTASKS"', {**MPI}, names=["x"])
    assert [sorted(text.splitlines()) for text in said(done)] == [["0 of 2", "1 of 2"]]


def test_hostile_names_of_directories(shell: Queued) -> None:
    shell.settings(workdir="it's \"100%\" $HOME `x` %a;*&é", prologue="export WORD='%j'")
    done = shell.script('printf "%s of %s\\n" "$WORD" "$0"', names=["%A_%a 'quoted' \"\\n\"", "*"])
    assert said(done) == ["%j of %A_%a 'quoted' \"\\n\"\n", "%j of *\n"]
    assert (Path(done.output["said"][0]["path"]).name, done.stderr) == ("said", "")


def test_a_job_that_failed_is_told_by_the_queues_name_for_it_and_its_node(shell: Queued) -> None:
    told = failure(shell.script("echo 'so it goes' >&2; exit 3"))
    assert re.search(r"\n  where   there \(job \d+_0 on n[1-4]\)\n  \| so it goes\n", told), told
    assert re.search(r"\nAt .* attempt 1 at there \(job \d+_0 on n[1-4]\) failed after ", shell("hyflow", "why", "/each[0]").stdout)
    (one,) = json.loads(shell("hyflow", "logs", "/each[0]", "--json").stdout)["tries"]
    assert re.fullmatch(r"job \d+_0", one["name"]) and one["host"] in ("n1", "n2", "n3", "n4")


def test_what_a_job_writes_is_followed(shell: Queued) -> None:
    words = shell.tool_words('for n in one two; do echo $n >&2; until [ -e "$0" ]; do sleep 0.1; done; done', names=[f"{shell.there}/go"])
    with held(shell):
        process = shell.start("hyflow", *words)
        until(lambda: (shell.in_queue() and shell("hyflow", "status", "--json").output["running"]) or process.poll() is not None, 60)
        follower = shell.start("hyflow", "logs", "/each[0]", "-f", "--stderr")
        heard = read_until(follower, "one")
    ended = finish(follower)
    assert ("".join(heard) + ended.stdout, ended.status) == ("one\ntwo\n", 0)
    assert re.fullmatch(r"/each\[0\]: done, attempt 1 at there \(job \d+_0 on n\d\)\n", ended.stderr)
    assert finish(process).status == 0


@pytest.mark.parametrize(("site", "limits"), [("cluster", (20001, 50000)), ("cloud", (1001, 2000))])
def test_what_checking_tells_of_a_queue(warm: Warm, tmp_path: Path, site: str, limits: tuple[int, int]) -> None:
    shell = Queued(warm, tmp_path, site)
    (there,) = shell("hyflow", "check", "deploy.json", "--connect", "--json").output["connections"]
    found = {one["name"]: one["words"] for one in there["findings"]}
    assert {one["level"] for one in there["findings"]} <= {"ok", "warning"}, found
    assert found["queue"].startswith("slurm") and re.search(r"^debug.*; largest node: 2 cores, 3.91GiB$", found["partitions"])
    assert found["limits"] == f"arrays of {limits[0]} jobs, {limits[1]} jobs in the queue" and "to start at" in found["trial"]
    assert re.fullmatch(r"\S+ sees the workdir, and the login node what it writes there", found["compute node"])
    assert not list((shell.seen / "work").glob(".hyflow-check*"))
