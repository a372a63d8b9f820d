"""PBS's words: what is typed, and what is made of the answers. The answers are written after the manuals and reports of OpenPBS and PBS
Professional; no PBS was run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typed import Commands

from hyflow.batch.system import Accepted, Active, Full, Limits, Order, Over, Rejected, Shape, Unclear, Waiting
from hyflow.errors import SiteError
from hyflow.model.jobs import FailureClass
from hyflow.model.resources import MIB, Resources
from hyflow_pbs.pbs import Pbs

GIB = 1024 * MIB
LIMITS = """User: ada
Mine: 7
Server: pbs01
    default_queue = workq
    max_array_size = 10000
    max_queued = [u:PBS_GENERIC=1000]
    max_queued = [o:PBS_ALL=5000]
    pbs_version = 2022.1.1
Queue: workq
    resources_max.walltime = 24:00:00
    max_queued = [u:PBS_GENERIC=200],[u:ada=300]
Queue: gpu
    resources_max.walltime = 3600
Queue: route
node1
     resources_available.host = node1
     resources_available.mem = 196608mb
     resources_available.ncpus = 48
uv[0]
     resources_available.host = uv
     resources_available.mem = 16760832kb
     resources_available.ncpus = 8
     resources_available.ngpus = 1
uv[1]
     resources_available.host = uv
     resources_available.mem = 16760832kb
     resources_available.ncpus = 8
     resources_available.ngpus = 1
"""
LISTED = """Job Id: 12[].pbs01
    Job_Name = align-0a1b2c3d4e
    job_state = B
Job Id: 12[0].pbs01
    Job_Name = align-0a1b2c3d4e
    job_state = R
    exec_host = node1/0*4+node2/0*4
Job Id: 12[1].pbs01
    Job_Name = align-0a1b2c3d4e
    job_state = Q
    comment = Not Running: Insufficient amount of resource: ncpus (R: 4 A: 0
\t T: 96)
Job Id: 12[2].pbs01
    Job_Name = align-0a1b2c3d4e
    job_state = X
    exec_host = node1/0*4
    Exit_status = -29
    substate = 93
Job Id: 13.pbs01
    Job_Name = fit-5f6071829a
    job_state = H
    comment = job held, too many failed attempts to run
end"""


def order(elements: int = 3, name: str = "align-0a1b2c3d4e", **shape: object) -> Order:
    asked = {"cores": 4, "memory": 2 * GIB, "gpus": 0, "time": 90.5, **shape}
    return Order(name, elements, Shape(**asked), "/w/run/.batches/x/job.sh", "/w")  # type: ignore[arg-type]  # by name


def submitted(options: tuple[tuple[str, object], ...] = (), **how: object) -> str:
    return " ".join(Pbs({}).submission(order(options=options, **how)))  # type: ignore[arg-type]  # by name


def test_an_array() -> None:
    assert submitted() == ("qsub -N align-0a1b2c3d4e -m n -j oe -o /dev/null -J 0-2 -l select=1:ncpus=4:mem=2048mb -l walltime=91"
                           " -- /bin/sh /w/run/.batches/x/job.sh")


def test_one_job_is_no_array_and_is_never_rerun() -> None:
    assert submitted(elements=1, memory=None, time=None) == (
        "qsub -N align-0a1b2c3d4e -m n -j oe -o /dev/null -r n -l select=1:ncpus=4 -- /bin/sh /w/run/.batches/x/job.sh"
    )


def test_processes_of_mpi_may_be_on_several_nodes() -> None:
    assert "-l select=4:ncpus=2:mpiprocs=1:mem=1024mb:ngpus=1" in submitted(processes=4, cores=8, memory=4 * GIB, gpus=4)
    assert Pbs({}).launch(("a", "b c"), 4) == ("mpirun", "-n", "4", "a", "b c")


def test_options() -> None:
    options = (("account", "proj"), ("extra", ("-p", "-100")), ("memory", "1GiB"), ("place", "excl"), ("queue", "gpu"), ("time", "1h"))
    told = submitted(options, memory=None, time=None)
    assert "select=1:ncpus=4:mem=1024mb -l walltime=3600 -lplace=excl -qgpu -Aproj -p -100 -- /bin/sh" in told
    assert "-l select=2:ncpus=9 " in submitted((("select", "2:ncpus=9"),))


@pytest.mark.parametrize(("code", "output", "said", "answer"), [
    (0, "12[].pbs01", "", Accepted("12[].pbs01")),
    (0, "qsub: waiting for the site's hook\n13.pbs01.example.org", "", Accepted("13.pbs01.example.org")),
    (0, "welcome", "", Unclear("qsub says 'welcome'")),
    (38, "", "qsub: would exceed queue generic's per-user limit of jobs in 'Q' state", None),
    (38, "", "qsub: Maximum number of jobs already in queue", None),
    (1, "", "qsub: Unknown queue", Rejected("Unknown queue")),
    (1, "", "qsub: Array job exceeds server or queue size limit", None),
    (188, "", "qsub: Job violates queue and/or server resource limits", Rejected("Job violates queue and/or server resource limits")),
    (1, "", "Connection refused\nqsub: cannot connect to server pbs01 (errno=111)", Unclear("Connection refused; "
                                                                                          "cannot connect to server pbs01 (errno=111)")),
    (1, "", "qsub: Communication failure.", Unclear("Communication failure.")),
    (124, "", "", Unclear("qsub ended with exit status 124")),
    (1, "12[].pbs01", "qsub: End of File", Unclear("End of File")),
])  # fmt: skip
def test_answers_of_qsub(code: int, output: str, said: str, answer: object) -> None:
    assert Pbs({}).accepted(code, output, said) == (answer or Full(said.removeprefix("qsub: ")))


def test_limits_are_those_of_the_user_and_of_the_queue_that_jobs_go_to() -> None:
    longest = {"workq": 86400.0, "gpu": 3600.0}
    largest = Resources(48, 192 * GIB, gpus=2)
    assert Pbs({}).understood(LIMITS) == Limits(10000, 300, {**longest, "": 86400.0}, largest, 64, 7)
    assert Pbs({"queue": "gpu"}).understood(LIMITS) == Limits(10000, 1000, {**longest, "": 3600.0}, largest, 64, 7)
    assert Pbs({"queue": "gpu"}).understood(LIMITS.replace("Queue: gpu\n", "Queue: gpu\n    max_array_size = 100\n")).array == 100
    assert Pbs({}).understood("User: ada\nServer: pbs01\n") == Limits()


@pytest.mark.parametrize(("answer", "words"), [("missing\n", "no qsub"), ("User: ada\ndown\n", "does not answer"), ("", "does not answer")])
def test_a_system_that_is_not_there(answer: str, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        Pbs({}).understood(answer)


def test_findings() -> None:
    told = {finding.name: finding.words for finding in Pbs({}).findings(LIMITS)}
    assert told == {
        "queue": "PBS 2022.1.1",
        "queues": "workq, gpu, route; longest: workq 1d, gpu 1h; largest node: 48 cores, 192GiB",
        "limits": "arrays of 10000 jobs, 300 jobs in the queue",
    }


def test_what_qstat_says_of_jobs() -> None:
    array, one = ("align-0a1b2c3d4e", "12[].pbs01"), ("fit-5f6071829a", "13.pbs01")
    told = [(entry.name, entry.id, entry.indices, entry.state) for entry in Pbs({}).entries(LISTED)]
    assert told == [
        (*array, None, Waiting()),
        (*array, [0], Active("node1")),
        (*array, [1], Waiting("Not Running: Insufficient amount of resource: ncpus (R: 4 A: 0 T: 96)")),
        (*array, [2], Over(FailureClass.TIME, "its job reached its time limit on node1", "node1")),
        (*one, [0], Waiting("job held, too many failed attempts to run", hopeless=True)),
    ]


@pytest.mark.parametrize(("lines", "kind", "evidence"), [
    ("Exit_status = 0", None, "PBS says that it completed"),
    ("Exit_status = -27", FailureClass.MEMORY, "its job used more memory than it had asked for on n1"),
    ("Exit_status = -28", FailureClass.TIME, "its job reached its limit of CPU time on n1"),
    ("Exit_status = 271", FailureClass.CANCELLED, "its job was cancelled by somebody else"),
    ("Exit_status = 271\n    resources_used.walltime = 01:00:03\n    Resource_List.walltime = 01:00:00", FailureClass.TIME,
     "its job reached its time limit on n1"),
    ("Exit_status = 265", FailureClass.INFRASTRUCTURE, "its job ended with exit status 265 on n1"),
    ("Exit_status = -3", FailureClass.INFRASTRUCTURE, "its job ended with exit status -3 on n1"),
    ("substate = 91", FailureClass.CANCELLED, "its job was cancelled by somebody else"),
    ("comment = Not Running and terminated", FailureClass.CANCELLED, "its job was cancelled by somebody else (Not Running and terminated)"),
    ("substate = 92", None, ""),
])  # fmt: skip
def test_how_a_job_ended(lines: str, kind: FailureClass | None, evidence: str) -> None:
    answer = f"Job Id: 13.pbs01\n    Job_Name = a\n    job_state = F\n    exec_host = n1/0\n    {lines}\nend"
    (entry,) = Pbs({}).entries(answer)
    assert isinstance(entry.state, Over) and (entry.state.kind, entry.state.evidence) == (kind, evidence)
    assert entry.state.ambush == (kind is FailureClass.INFRASTRUCTURE)


@pytest.mark.parametrize("answer", [
    "", "gibberish", "gibberish\nend", "Job Id: 13.pbs01\n    job_state = R\nend", "Job Id: x\n    Job_Name = a\n    job_state = R\nend",
    "Job Id: 13.pbs01\n    Job_Name = a\n    job_state = \nend", "Job Id: 13.pbs01\n    Job_Name = a\n    job_state = RE\nend",
    "Job Id: 13.pbs01\n    Job_Name = a\n    job_state = R\n",
])  # fmt: skip
def test_nonsense_is_no_answer(answer: str) -> None:
    with pytest.raises(ValueError, match=r"'|state"):
        Pbs({}).entries(answer)


def test_nothing_in_the_queue() -> None:
    assert Pbs({}).entries("end") == []


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    assert shutil.which("qstat", path="/usr/bin:/bin") is None
    made = Commands(tmp_path)
    made.does("qselect", "echo '12[].pbs01'; echo 13.pbs01; echo 99.pbs01")
    made.does("qstat", """for id; do case $id in
        12*) printf 'Job Id: %s\\n    Job_Name = align-0a\\n    job_state = B\\n    Variable_List = A=F,\\n\\tPATH=/bin\\n\\n' "$id" ;;
        99*) printf 'Job Id: %s\\n    Job_Name = other\\n    job_state = R\\n' "$id" ;;
        13*) echo 'qstat: Unknown Job Id 13.pbs01' >&2; code=153 ;;
    esac; done; exit ${code:-0}""")
    made.does("qdel", "exit 0")
    return made


def test_only_our_batches_are_asked_about_and_only_what_is_needed_comes_back(commands: Commands) -> None:
    done = commands.run(Pbs({}).question(["align-0a", "fit-1b"], []))
    assert (done.returncode, done.stdout) == (0, "Job Id: 12[].pbs01\n    Job_Name = align-0a\n    job_state = B\nend\n")
    assert commands.calls[1:] == ["qstat -f 12[].pbs01 13.pbs01 99.pbs01", "qstat -t -f 12[].pbs01"]


def test_elements_that_have_left_are_asked_about_in_the_history(commands: Commands) -> None:
    done = commands.run(Pbs({}).question(["fit-1b"], [("12[].pbs01", 3), ("12[].pbs01", 4), ("12[].pbs01", 7), ("13.pbs01", 0)]))
    assert done.returncode == 0 and "qstat -x -f 12[3-4].pbs01 12[7].pbs01 13.pbs01" in commands.calls
    assert done.stdout.count("Job Id: 12[") == 2 and done.stdout.endswith("end\n")


@pytest.mark.parametrize(("name", "script"), [
    ("qselect", "echo 'qselect: cannot connect to server pbs01 (errno=15010)' >&2; exit 1"),
    ("qstat", "echo 'qstat: cannot connect to server pbs01 (errno=15010)' >&2; exit 255"),
    ("qstat", "echo 'Unknown Job Id 1.x' >&2; echo 'Connection refused' >&2; exit 255"),
    ("qstat", "exit 1"),
])  # fmt: skip
def test_a_server_that_does_not_answer_has_said_nothing(commands: Commands, name: str, script: str) -> None:
    commands.does(name, script)
    for text in (Pbs({}).question(["align-0a"], []), Pbs({}).cancel({}, ["align-0a"])):
        done = commands.run(text)
        assert done.returncode == 1 and "end\n" not in done.stdout


def test_a_site_s_greeting_is_no_failure(commands: Commands) -> None:
    commands.does("qselect", "echo welcome >&2")
    assert commands.run(Pbs({}).question(["align-0a"], [])).stdout == "end\n"


def test_cancelling(commands: Commands) -> None:
    done = commands.run(Pbs({}).cancel({"12[].pbs01": {0, 1, 5}, "13.pbs01": {0}}, ["align-0a"]))
    assert done.returncode == 0
    assert [call for call in commands.calls if call.startswith("qdel")] == ["qdel 12[0-1].pbs01 12[5].pbs01 13.pbs01", "qdel 12[].pbs01"]


@pytest.mark.parametrize(("said", "code"), [
    ("qdel: Unknown Job Id 13.pbs01", 0), ("qdel: Job has finished 13.pbs01", 0),
    ("qdel: Request invalid for finished array subjob 12[0]", 0),
    ("qdel: Unauthorized Request 13.pbs01", 1), ("qdel: Unknown Job Id 13.pbs01\nqdel: cannot connect to server pbs01", 1),
])  # fmt: skip
def test_what_has_ended_already_is_passed_over(commands: Commands, said: str, code: int) -> None:
    commands.does("qdel", f"cat >&2 <<'END'\n{said}\nEND\nexit 35")
    assert commands.run(Pbs({}).cancel({"13.pbs01": {0}}, [])).returncode == code


def test_limits_are_asked_without_changing_anything(commands: Commands) -> None:
    commands.does("qsub", "exit 1")
    commands.does("pbsnodes", "printf 'n1\\n     state = free\\n   resources_available.ncpus = 4\\n     resources_available.mem = 2gb\\n'")
    commands.does("qstat", """case $1 in
        -B) printf 'Server: s\\n    default_queue = q\\n    scheduling = True\\n' ;;
        -Q) printf 'Queue: q\\n    resources_max.walltime = 10:00\\n' ;;
    esac""")
    done = commands.run(Pbs({}).limits())
    assert Pbs({}).understood(done.stdout) == Limits(None, None, {"q": 600.0, "": 600.0}, Resources(4, 2048 * MIB), 4, 3)
    assert commands.calls[1:] == ["qstat -B -f", "qstat -Q -f", "pbsnodes -a"]
