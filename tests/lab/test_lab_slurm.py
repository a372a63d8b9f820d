"""The lab's clusters run jobs within their limits, know them after a reboot, fail as they are told to, and leave nothing when down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from commandline import until
from lab import deployment, setting
from ownlab import Lab, copy, left
from slurmlab import Cluster
from sshlab import Site


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab whose clusters are up."""
    lab = copy(tmp_path_factory.mktemp("checkout"))
    done = lab.run("up", "slurm")
    try:
        assert done.returncode == 0, done.stderr
        setting("SLURM_FAULTS", lab.root / ".lab")
        yield lab
    finally:
        lab.run("down")


@pytest.fixture(params=["cluster", "cloud"])
def cluster(request: pytest.FixtureRequest, checkout: Lab) -> Cluster:
    return Cluster(request.param, checkout.root / ".lab")


def said(cluster: Cluster, command: str, user: str = "ada") -> str:
    done = cluster.user(command, user)
    return (done.stdout + done.stderr).decode(errors="replace")


def test_a_job_runs_as_its_owner_within_its_memory(cluster: Cluster) -> None:
    assert said(cluster, "sbatch --quiet --wait --output=out --wrap 'id -un; uname -n'; cat out").split() == ["ada", cluster.name]
    greedy = "python3 -c \"x = bytearray(300 << 20)\""
    assert cluster.user(f"sbatch --wait --mem=50M --job-name=greedy --wrap '{greedy}'").returncode != 0
    assert "JobState=OUT_OF_MEMORY" in said(cluster, "scontrol show job $(squeue --noheader --states=all --name=greedy --format=%i)")


def test_one_has_accounting_and_the_other_small_limits(checkout: Lab) -> None:
    full, bare = Cluster("cluster", checkout.root / ".lab"), Cluster("cloud", checkout.root / ".lab")
    assert "accounting storage is disabled" in said(bare, "sacct")
    assert "JobID" in said(full, "sacct")
    assert "Invalid job array" in said(bare, "sbatch --array=0-1001 --wrap true")
    assert "QOSMaxSubmitJobPerUserLimit" in said(full, "sbatch --array=0-20 --qos=limited --wrap true")


def test_bob_may_end_adas_jobs_where_there_is_accounting(checkout: Lab) -> None:
    cluster = Cluster("cluster", checkout.root / ".lab")
    said(cluster, "sbatch --wrap 'sleep 100'")
    assert said(cluster, "scancel --user=ada", "bob") == ""
    cluster.until_empty()


def test_jobs_of_low_are_pre_empted(checkout: Lab) -> None:
    cluster = Cluster("cluster", checkout.root / ".lab")
    said(cluster, "sbatch --no-requeue --partition=low --nodes=2 --ntasks-per-node=2 --wrap 'sleep 100'")
    until(lambda: "RUNNING" in " ".join(cluster.jobs()))
    said(cluster, "sbatch --wait --partition=high --nodes=2 --ntasks-per-node=2 --wrap true")
    assert "PREEMPTED" in said(cluster, "scontrol show job $(squeue --noheader --states=all --partition=low --format=%i)")


def test_it_knows_its_jobs_after_a_reboot(cluster: Cluster) -> None:
    held = said(cluster, "sbatch --parsable --hold --job-name=remembered --wrap true").strip()
    cluster.until_saved("remembered")
    cluster.site.steer("reboot")
    cluster.until_idle()
    assert cluster.jobs() == [f"{held} PENDING JobHeldUser"]
    said(cluster, f"scancel {held}")


def test_a_lost_node_takes_its_jobs_along_and_comes_back(cluster: Cluster) -> None:
    said(cluster, "sbatch --no-requeue --nodelist=n2 --job-name=lost --wrap 'sleep 1006'")
    until(lambda: "sleep 1006" in cluster.root("ps", "ax"))
    with cluster.without_node("n2"):
        assert "sleep 1006" not in cluster.root("ps", "ax")
        assert "NODE_FAIL" in said(cluster, "scontrol show job $(squeue --noheader --states=all --name=lost --format=%i)")
    cluster.until_idle()


def test_no_question_is_answered_without_a_controller(cluster: Cluster) -> None:
    with cluster.without_controller():
        assert "Unable to contact slurm controller" in said(cluster, "squeue")
    assert said(cluster, "squeue --noheader") == ""


def test_commands_fail_as_they_are_told_to_and_are_counted(cluster: Cluster) -> None:
    began = time.time()
    with cluster.fault("sbatch", "lose", 1), cluster.fault("squeue", "fail no such luck"), cluster.fault("scancel", "nonsense", 1):
        assert "Socket timed out" in said(cluster, "sbatch --hold --wrap true")
        assert "no such luck" in said(cluster, "squeue; squeue")
        assert "503" in said(cluster, "scancel --user=ada")
        assert len(cluster.jobs()) == 1  # it was accepted
        assert cluster.taken("sbatch") == 1
        assert said(cluster, "scancel --user=ada") == ""
    assert cluster.calls("squeue", began) == ["", ""]
    assert cluster.calls("sbatch", began) == ["--hold --wrap true"]
    with cluster.fault("squeue", "hang", 1):
        assert cluster.user("timeout 1 squeue").returncode == 124
    assert said(cluster, "squeue --noheader") == ""


def test_the_deployment_files_name_the_clusters(checkout: Lab) -> None:
    for target, host in (("slurm", "cluster"), ("slurm-bare", "cloud")):
        site = yaml.safe_load(deployment(target, checkout.root / ".lab").read_text(encoding="utf-8"))["sites"]["slurm"]
        assert (site["type"], site["via"]["host"]) == ("slurm", host)


def test_nothing_is_left_when_they_are_down(checkout: Lab) -> None:
    lab = checkout.root / ".lab"
    cluster, state = Cluster("cluster", lab), Path(setting("SSH_CONFIG", lab)).parents[2]
    said(cluster, "sbatch --wrap 'sleep 1007'")
    until(lambda: "sleep 1007" in cluster.root("ps", "ax"))
    assert checkout.run("down", "slurm").returncode == 0
    listed = Site("cluster", lab).steer("exec", "ps", "axo", "args")
    assert [line for line in listed.splitlines() if any(word in line for word in ("slurm", "mariadbd", "munged", "1007"))] == []
    assert not any((state / f"ssh/cluster/root/{place}").exists() for place in ("etc/slurm", "srv/slurm", "var/lib/slurm", "var/lib/mysql"))
    assert (checkout.status()["ssh"], checkout.status()["slurm"]) == ("up", "down")
    assert checkout.run("down").returncode == 0
    assert left(state, "no namespace") == []
