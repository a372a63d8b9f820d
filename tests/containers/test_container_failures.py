"""Who failed: the engine, the command that could not be started, or the command by itself. The messages are the engines' own, as Docker
28.2 (daemon 20.10), Podman 4.3 and Apptainer 1.4 gave them."""

from __future__ import annotations

import pytest
from boxes import engine

from hyflow.containers.engine import EngineFailure, Kind, last_words
from hyflow.model.tasks import Outcome

DOCKER_RUNC = "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: " \
              "unable to start container process: "
PODMAN_RUNC = "Error: runc: runc create failed: unable to start container process: "
HELP = "\n\nRun 'docker run --help' for more information\n"
NO_COMMAND = ": OCI runtime attempted to invoke a command that was not found\n"
NO_DAEMON = "docker: Cannot connect to the Docker daemon at unix:///nosuch.sock. Is the docker daemon running?"


def failure(kind: Kind, code: int, stderr: str) -> EngineFailure | None:
    return engine(kind).failure(Outcome(code=code, stderr=stderr))


@pytest.mark.parametrize(("kind", "code", "stderr", "what"), [
    ("docker", 127, f'{DOCKER_RUNC}exec: "nosuch": executable file not found in $PATH: unknown{HELP}', "nosuch is not in the image"),
    ("docker", 127, f'{DOCKER_RUNC}exec: "/no/entry": stat /no/entry: no such file or directory: unknown{HELP}',
     "/no/entry is not in the image"),
    ("docker", 127, f'{DOCKER_RUNC}exec: "": executable file not found in $PATH: unknown{HELP}', " is not in the image"),
    ("docker", 126, f'{DOCKER_RUNC}exec: "/etc/passwd": permission denied: unknown{HELP}',
     "/etc/passwd cannot be executed in the image: permission denied"),
    ("docker", 127,
     'docker: Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: '
     'exec: "nosuch": executable file not found in $PATH: unknown.\nERRO[0000] error waiting for container: context canceled \n',
     "nosuch is not in the image"),
    ("podman", 127, f'{PODMAN_RUNC}exec: "nosuch": executable file not found in $PATH{NO_COMMAND}', "nosuch is not in the image"),
    ("podman", 127, f'{PODMAN_RUNC}exec: "/no": stat /no: no such file or directory{NO_COMMAND}', "/no is not in the image"),
    ("podman", 126, f'{PODMAN_RUNC}exec: "/etc": permission denied: OCI permission denied\n',
     "/etc cannot be executed in the image: permission denied"),
    ("podman", 127, f"Error: crun: executable file `nosuch` not found in $PATH: No such file or directory{NO_COMMAND}",
     "nosuch is not in the image"),
    ("podman", 126, "Error: crun: open executable: Permission denied: OCI permission denied\n",
     "it cannot be executed in the image: Permission denied"),
    ("apptainer", 255, 'FATAL:   "nosuch": executable file not found in $PATH\n', "nosuch is not in the image"),
    ("apptainer", 255, "FATAL:   stat /nosuch: no such file or directory\n", "/nosuch is not in the image"),
    ("apptainer", 255, "FATAL:   permission denied\n", "it cannot be executed in the image: permission denied"),
    ("apptainer", 255, "FATAL:   is a directory\n", "it cannot be executed in the image: is a directory"),
    ("apptainer", 255, "FATAL:   exec /x/badint failed: fork/exec /x/badint: no such file or directory\n",
     "it cannot be executed in the image: exec /x/badint failed: fork/exec /x/badint: no such file or directory"),
])
def test_a_command_that_could_not_be_started(kind: Kind, code: int, stderr: str, what: str) -> None:
    assert failure(kind, code, stderr) == EngineFailure(what, command=True)


@pytest.mark.parametrize("stderr", [
    "env: 'apptainer': No such file or directory\n", "env: can't execute 'apptainer': No such file or directory",
    "sh: 1: exec: apptainer: not found",
    "sh: line 1: exec: apptainer: not found\n", "hyflow: apptainer: command not found (there is aptainer)",
])
def test_apptainer_is_not_on_the_machine_that_runs_the_job(stderr: str) -> None:
    found = failure("apptainer", 127, f"noise\n{stderr}")
    assert found is not None and not found.command
    assert found.what.startswith("there is no apptainer on the PATH of the machine that ran the job")
    assert failure("apptainer", 127, stderr.replace("apptainer", "blastn")) is None and failure("apptainer", 1, stderr) is None


@pytest.mark.parametrize(("kind", "code", "stderr", "what"), [
    ("docker", 125,
     f'docker: Error response from daemon: invalid mount config for type "bind": bind source path does not exist: /x{HELP}', None),
    ("docker", 125, f"docker: Error response from daemon: No such image: sha256:0000{HELP}", None),
    ("docker", 125, f"docker: Error response from daemon: network nosuchnet not found{HELP}", None),
    ("docker", 125, f"docker: Error response from daemon: Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available{HELP}",
     None),
    ("docker", 125, "unknown flag: --frobnicate\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]" + HELP,
     "unknown flag: --frobnicate"),
    ("docker", 125, 'invalid argument "x" for "--cpus" flag: failed\n\nUsage:  docker run [OPTIONS] IMAGE' + HELP,
     'invalid argument "x" for "--cpus" flag: failed'),
    ("docker", 125,
     f'{DOCKER_RUNC}error during container init: error mounting "/tmp" to rootfs at "/proc/x": it is inside /proc: unknown{HELP}', None),
    ("podman", 125, "Error: statfs /nosuch: no such file or directory\n", None),
    ("podman", 125, "Error: sha256:0000: image not known\n", None),
    ("podman", 125, "Error: unknown flag: --frobnicate\nSee 'podman run --help'\n", "Error: unknown flag: --frobnicate"),
    ("podman", 126, "Error: OCI runtime error: runc: runc create failed: unable to set memory limit to 1048576\n", None),
    ("podman", 127, f'{PODMAN_RUNC}error mounting "/tmp/x" to rootfs at "/x": stat /tmp/x: no such file or directory{NO_COMMAND}', None),
    ("apptainer", 255,
     "FATAL:   While checking container encryption: could not open image /nosuch.sif: lstat /nosuch.sif: no such file or directory\n",
     "While checking container encryption: could not open image /nosuch.sif: lstat /nosuch.sif: no such file or directory"),
    ("apptainer", 255,
     "WARNING: skipping mount of /nosuch: stat /nosuch: no such file or directory\nFATAL:   container creation failed: mount hook "
     "function failure: mount /nosuch->/x error: while mounting /nosuch: mount source /nosuch doesn't exist\n",
     "container creation failed: mount hook function failure: mount /nosuch->/x error: while mounting /nosuch: mount source /nosuch "
     "doesn't exist"),
    ("apptainer", 255,
     'FATAL:   container creation failed: network setup failed: no net configuration with name "nosuch" in /etc/apptainer/network\n',
     'container creation failed: network setup failed: no net configuration with name "nosuch" in /etc/apptainer/network'),
    ("apptainer", 255, "what the command said\nFATAL:   failed to set working directory: chdir /x: no such file or directory\n",
     "failed to set working directory: chdir /x: no such file or directory"),
    ("apptainer", 1, 'Error for command "exec": unknown flag: --frobnicate\n\n', "unknown flag: --frobnicate"),
])
def test_an_engine_that_failed(kind: Kind, code: int, stderr: str, what: str | None) -> None:
    if what is None:
        what = " ".join(stderr.partition("\n\nRun ")[0].split())
    assert failure(kind, code, stderr) == EngineFailure(what)


@pytest.mark.parametrize(("kind", "code", "stderr"), [
    ("docker", 125, NO_DAEMON + HELP),
    ("docker", 125, 'time="2026-11-24T03:17:32Z" level=error msg="error waiting for container: unexpected EOF"\n'),
    ("docker", 125,
     'docker: error during connect: Head "http://%2Fx.sock/_ping": read unix @->/x.sock: read: connection reset by peer' + HELP),
    ("podman", 125, "Error: timed out waiting for the database lock\n"),
    ("apptainer", 255, "FATAL:   container creation failed: mount error: device or resource busy\n"),
])
def test_an_engine_that_may_work_in_a_moment(kind: Kind, code: int, stderr: str) -> None:
    found = failure(kind, code, stderr)
    assert found is not None and found.transient and not found.command


def test_what_the_command_said_before_is_no_part_of_it() -> None:
    found = failure("docker", 125, f"Error: mine\nmore\n{NO_DAEMON}{HELP}")
    assert found is not None and found.what == NO_DAEMON


@pytest.mark.parametrize(("kind", "codes", "stderr"), [
    ("docker", (125, 126, 127, 1, 255), ""),
    ("docker", (125, 126, 127, 1, 255), "Error: mine\n"),
    ("docker", (127,), "sh: nosuch: not found\n"),
    ("docker", (127,), "env: can't execute 'nosuch': No such file or directory\n"),
    ("docker", (127,), 'exec: "nosuch": executable file not found in $PATH\n'),
    ("docker", (125, 126, 127), f"{NO_DAEMON}\nsaid something after it\n"),
    ("docker", (0, 1, 137, 255), NO_DAEMON + HELP),
    ("docker", (125,), "FATAL:   mine\n"),
    ("podman", (126, 127, 1, 255), "Error: mine\n"),
    ("podman", (125,), "Error: mine\nand so on\n"),
    ("podman", (125, 126, 127), "docker: Error response from daemon: mine\n"),
    ("podman", (127,), "sh: nosuch: not found\n"),
    ("apptainer", (255,), ""),
    ("apptainer", (255,), "FATAL: mine\n"),
    ("apptainer", (255,), "FATAL:  role \"ada\" does not exist\n"),
    ("apptainer", (255,), "tool FATAL:   mine\n"),
    ("apptainer", (255,), "FATAL:   mine\nand so on\n"),
    ("apptainer", (1, 125, 127), "FATAL:   mine\n"),
    ("apptainer", (1, 255), "Error: mine\n"),
])
def test_a_command_that_failed_by_itself(kind: Kind, codes: tuple[int, ...], stderr: str) -> None:
    assert [failure(kind, code, stderr) for code in codes] == [None] * len(codes)


@pytest.mark.parametrize("kind", ["docker", "podman", "apptainer"])
def test_an_outcome_without_an_exit_status(kind: Kind) -> None:
    for outcome in (Outcome(signal=9, stderr=NO_DAEMON), Outcome(timed_out=True), Outcome(trouble="no room")):
        assert engine(kind).failure(outcome) is None


@pytest.mark.parametrize(("said", "words"), [
    ("FATAL: no such image\nsrun: error: n1: task 0: Exited with exit code 255\n", "FATAL: no such image"),
    ("no\ncommand terminated with exit status 1", "no"), ("srun: error: n1: task 0: Exited with exit code 1\n",
                                                          "srun: error: n1: task 0: Exited with exit code 1"),
    ("one\n  two  \n\n", "two"), ("", ""),
])
def test_the_last_words_are_not_those_of_who_ran_it(said: str, words: str) -> None:
    assert last_words(said) == words
