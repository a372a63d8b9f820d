"""Slurm's words: what is typed, and what is made of recorded answers of Slurm 22.05 and 24.05, and of what is none."""

from __future__ import annotations

import pytest

from hyflow.batch.system import Accepted, Active, Full, Limits, Order, Over, Rejected, Shape, Unclear, Waiting
from hyflow.errors import SiteError
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import MIB, Resources
from hyflow_slurm.slurm import Slurm

LIMITS = """slurm 24.05.3
P|debug*|30:00|4|7800|(null)|2
P|gpu|1-00:00:00|16+|64000+|gpu:a100:2(S:0-1)|3
P|endless|infinite|4|7800|(null)|1
MaxArraySize|1001
MaxJobCount|10000
jobs|500
jobs|
"""
ORDER = Order("align-0a1b2c3d4e", 3, Shape(4, 2048 * MIB, 1, 90.0), "/w/b/job.sh", "/w", ("n1", "n2"))


def test_submission() -> None:
    assert " ".join(Slurm({}).submission(ORDER)) == (
        "sbatch --parsable --job-name=align-0a1b2c3d4e --export=NONE --no-requeue --chdir=/w --output=/dev/null --array=0-2 --ntasks=1"
        " --cpus-per-task=4 --mem=2048M --time=2 --gres=gpu:1 --exclude=n1,n2 /w/b/job.sh"
    )


def test_processes_and_options() -> None:
    options = (("extra", ("--nice=5",)), ("gres", "gpu:a100:2"), ("memory", "1GiB"), ("partition", "gpu"), ("time", "1h"))
    told = " ".join(Slurm({}).submission(Order("a-1", 1, Shape(8, None, 2, None, 4, options), "/j", "/w")))
    assert "--array=0-0 --ntasks=4 --cpus-per-task=2 --mem=1024M --time=60 --partition=gpu --gres=gpu:a100:2 --nice=5 /j" in told


@pytest.mark.parametrize(("code", "output", "said", "answer"), [
    (0, "12", "", Accepted("12")),
    (0, "12;cluster", "", Accepted("12")),
    (0, "a word of the site\n12", "sbatch: info", Accepted("12")),
    (0, "", "", Unclear("sbatch says ''")),
    (1, "", "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
     Rejected("Batch job submission failed: Invalid account or account/partition combination specified")),
    (1, "", "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size)",
     Full("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size)")),
    (1, "", "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
     Full("Slurm temporarily unable to accept job, sleeping and retrying")),
    (1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
     Unclear("Batch job submission failed: Socket timed out on send/recv operation")),
    (1, "", "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
     Unclear("Batch job submission failed: Unable to contact slurm controller (connect failure)")),
    (124, "", "", Unclear("sbatch ended with exit status 124")),
    (127, "", "sh: sbatch: not found", Unclear("sh: not found")),
])  # fmt: skip
def test_answers_of_sbatch(code: int, output: str, said: str, answer: object) -> None:
    assert Slurm({}).accepted(code, output, said) == answer


def test_limits() -> None:
    longest = {"debug": 1800.0, "gpu": 86400.0}
    largest = Resources(16, 64000 * MIB, gpus=2)
    assert Slurm({}).understood(LIMITS) == Limits(1001, 500, {**longest, "": 1800.0}, largest, 8)
    assert Slurm({"partition": "gpu"}).understood(LIMITS) == Limits(1001, 500, {**longest, "": 86400.0}, largest, 48)
    assert Slurm({}).understood("slurm 24.05.3\n") == Limits()


@pytest.mark.parametrize(("answer", "words"), [("missing\n", "no sbatch"), ("slurm 24.05.3\ndown\n", "does not answer")])
def test_a_system_that_is_not_there(answer: str, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        Slurm({}).understood(answer)


def test_what_squeue_sacct_and_scontrol_say() -> None:
    answer = """A|align-0a|12_2|NODE_FAIL|n1
A|align-0a|12_[3-4]|PENDING|None assigned
A|align-0a|12_5|CANCELLED by 1000|n2
S JobId=15 ArrayJobId=12 ArrayTaskId=1 JobName=align-0a UserId=ada(1000) JobState=FAILED Reason=NonZeroExitCode NodeList=n3
S JobId=16 JobName=fit-1b JobState=COMPLETED Reason=None NodeList=n3
Q|align-0a|12|0|RUNNING|n1|None
Q|align-0a|12|3-4,8-12:2%5|PENDING||Resources
Q|fit-1b|17|N/A|PENDING||DependencyNeverSatisfied
end"""
    told = [(entry.name, entry.id, entry.indices, entry.state) for entry in Slurm({}).entries(answer)]
    assert told == [
        ("align-0a", "12", [2], Over(FailureClass.INFRASTRUCTURE, "the node failed on n1", "n1", ambush=True)),
        ("align-0a", "12", [5], Over(FailureClass.CANCELLED, "its job was cancelled by somebody else on n2 (CANCELLED by 1000)", "n2")),
        ("align-0a", "12", [1], Over(FailureClass.INFRASTRUCTURE, "its job failed on n3 (NonZeroExitCode)", "n3", ambush=True)),
        ("fit-1b", "16", [0], Over(None, "Slurm says that it completed", "n3")),
        ("align-0a", "12", [0], Active("n1")),
        ("align-0a", "12", [3, 4, 8, 10, 12], Waiting("Resources (it is next, and waits for nodes to become free)")),
        ("fit-1b", "17", [0], Waiting("DependencyNeverSatisfied", hopeless=True)),
    ]


@pytest.mark.parametrize(("state", "kind"), [
    ("OUT_OF_MEMORY", FailureClass.MEMORY), ("TIMEOUT", FailureClass.TIME), ("DEADLINE", FailureClass.TIME),
    ("PREEMPTED", FailureClass.INFRASTRUCTURE), ("BOOT_FAIL", FailureClass.INFRASTRUCTURE), ("CANCELLED", FailureClass.CANCELLED),
])  # fmt: skip
def test_states_that_say_what_was_wrong(state: str, kind: FailureClass) -> None:
    (entry,) = Slurm({}).entries(f"Q|a|1|0|{state}|n1|None\nend")
    assert isinstance(entry.state, Over) and entry.state.kind is kind


@pytest.mark.parametrize("answer", [
    "", "Q|a|1|0|RUNNING|n1|None", "welcome\nend", "Q|a|1|0|DREAMING|n1|None\nend", "Q|a|1|x|RUNNING|n1|None\nend",
    "Q|a|x|0|RUNNING|n1|None\nend",
    "Q|a|1|0||n1|None\nend", "S JobId=16\nend", "squeue: error\nend",
])  # fmt: skip
def test_nonsense_is_no_answer(answer: str) -> None:
    with pytest.raises(ValueError, match=r"'|state"):
        Slurm({}).entries(answer)


def test_cancelling_and_nudging_name_elements_in_ranges() -> None:
    told = Slurm({}).cancel({"12": {0, 1, 2, 7}}, ["fit-1b"])
    assert "end '12_[0-2,7]'\n" in told and told.endswith("end '--name=fit-1b'")
    assert Slurm({}).nudge({"12": {3}}) == "scancel --signal=USR1 --batch '12_[3]' 2>/dev/null || :"


def test_elements_that_have_left_are_asked_about_too() -> None:
    told = Slurm({}).question(["fit-1b"], [("12", 0), ("12", 1)])
    assert "--jobs=12_0,12_1" in told and told.count("scontrol --oneliner show job 12 ") == 1 and told.endswith("echo end")


@pytest.mark.parametrize(("reason", "told"), [
    ("Priority", "Priority (other jobs come first)"),
    ("JobHeldUser", "JobHeldUser (it is on hold; scontrol release lets it go)"),
    ("QOSMaxJobsPerUserLimit", "QOSMaxJobsPerUserLimit (a limit of its quality of service (QOS) on a job or a user is reached)"),
    ("AssocGrpCpuLimit", "AssocGrpCpuLimit (a limit of its account on all its jobs is reached)"),
    ("ReqNodeNotAvail, UnavailableNodes:n[1-3]", "ReqNodeNotAvail, UnavailableNodes:n[1-3] (nodes that it asks for are down, or reserved)"),
    ("SomethingNew", "SomethingNew"), ("None", ""), ("", ""),
])  # fmt: skip
def test_why_a_job_waits_is_told_in_slurms_word_and_a_plain_one(reason: str, told: str) -> None:
    (entry,) = Slurm({}).entries(f"Q|a|1|0|PENDING||{reason}\nend")
    assert entry.state == Waiting(told)
