"""MPI programs as users run them: beside cwltool with a launcher of the test's own, and with Open MPI itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import Standin
from warm import Warm, WarmShell, warmed

TOOL = """\
cwlVersion: v1.2
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
class: CommandLineTool
requirements:
  cwltool:MPIRequirement: {processes: $(inputs.n)}
  EnvVarRequirement: {envDef: {WHO: "it's"}}
baseCommand: [sh, -c, 'echo "$WHO" "$@" "${RANK-alone}"; cat', sh]
inputs: {n: {type: int, inputBinding: {position: 2}}, f: File}
stdin: $(inputs.f.path)
arguments: ["a b", "*"]
stdout: said
outputs: {said: {type: string, outputBinding: {glob: said, loadContents: true, outputEval: "$(self[0].contents)"}}}
"""
LAUNCHER = """\
#!/bin/sh
# Starts the processes one after another, each with its number.
[ "$1" = -n ] || exit 2
count=$2 rank=0
shift 2
while [ "$rank" -lt "$count" ]; do
    RANK=$rank "$@" || exit
    rank=$((rank + 1))
done
"""
SUM = """\
import ctypes

mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)


def of_mpi(name):
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_byte.in_dll(mpi, name)))


mpi.MPI_Init(None, None)
rank, total = ctypes.c_int(), ctypes.c_int()
mpi.MPI_Comm_rank(of_mpi("ompi_mpi_comm_world"), ctypes.byref(rank))
mine = ctypes.c_int(rank.value + 1)
world, sum_of = of_mpi("ompi_mpi_comm_world"), of_mpi("ompi_mpi_op_sum")
mpi.MPI_Allreduce(ctypes.byref(mine), ctypes.byref(total), 1, of_mpi("ompi_mpi_int"), sum_of, world)
print(f"{rank.value}:{total.value}")
mpi.MPI_Finalize()
"""
REAL = """\
cwlVersion: v1.2
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
class: CommandLineTool
requirements:
  cwltool:MPIRequirement: {processes: 2}
  EnvVarRequirement: {envDef: {OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1"}}
baseCommand: PYTHON
inputs: {program: {type: File, inputBinding: {}}}
stdout: said
outputs: {said: {type: string, outputBinding: {glob: said, loadContents: true, outputEval: "$(self[0].contents)"}}}
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with warmed() as process:
        yield process


@pytest.fixture(params=["local", "shell"])
def shell(request: pytest.FixtureRequest, warm: Warm, tmp_path: Path) -> WarmShell:
    """A site that takes the processes however few cores it has."""
    made = WarmShell(warm, tmp_path, tmp_path / "home")
    made.write("tool.cwl", TOOL)
    made.write("f", "what it reads\n")
    kinds = {"local": "type: local", "shell": f"type: shell, command: [sh, -c], workdir: {tmp_path}/box"}
    bind = "bind: [{step: /, site: here, resources: {cores: 1}}]"
    made.write("deploy.yml", f"version: 1\nsites: {{here: {{{kinds[request.param]}}}}}\n{bind}\n")
    return made


def job(shell: WarmShell, n: int) -> str:
    return shell.write("job.json", json.dumps({"n": n, "f": {"class": "File", "path": "f"}}))


def by_cwltool(shell: WarmShell, n: int) -> Any:
    words = ["--enable-ext", "--quiet", "--no-container", "--outdir", "theirs", "tool.cwl", job(shell, n)]
    done = subprocess.run([sys.executable, "-m", "cwltool", *words], cwd=shell.top, env={**os.environ, **shell.environment},
                          capture_output=True, text=True, check=True)  # fmt: skip
    return json.loads(done.stdout)


def by_hyflow(shell: WarmShell, n: int) -> Any:
    done = shell("hyflow", "run", "--quiet", "tool.cwl", "deploy.yml", job(shell, n))
    assert done.status == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("n", "ranks"), [(3, ["0", "1", "2"]), (1, ["0"]), (0, ["alone"])])
def test_the_launcher_starts_the_processes_as_with_cwltool(shell: WarmShell, n: int, ranks: list[str]) -> None:
    shell.write("bin/mpirun", LAUNCHER)
    (shell.top / "bin" / "mpirun").chmod(0o755)
    shell.environment = {"PATH": f"{shell.top}/bin:{os.environ['PATH']}"}
    said = by_hyflow(shell, n)
    first, *rest = [f"it's a b * {n} {rank}\n" for rank in ranks]
    assert said == {"said": first + "what it reads\n" + "".join(rest)}
    assert said == by_cwltool(shell, n)


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun: apt-get install openmpi-bin")
def test_processes_of_open_mpi_find_each_other(shell: WarmShell) -> None:
    shell.write("sum.py", SUM)
    shell.write("tool.cwl", REAL.replace("PYTHON", sys.executable))
    done = shell("hyflow", "run", "--quiet", "tool.cwl", "deploy.yml", "--", "--program", "sum.py")
    assert done.status == 0, done.stderr
    assert sorted(json.loads(done.stdout)["said"].split()) == ["0:3", "1:3"]


def test_no_launcher(shell: WarmShell) -> None:
    """Everything else that is on the PATH is there."""
    folder = shell.top / "without"
    folder.mkdir()
    for name in {name for each in os.environ["PATH"].split(":") if os.path.isdir(each) for name in os.listdir(each)} - {"mpirun"}:
        if (found := shutil.which(name)) is not None:
            (folder / name).symlink_to(found)
    shell.environment = {"PATH": str(folder)}
    done = shell("hyflow", "run", "tool.cwl", "deploy.yml", job(shell, 2))
    assert done.status == 1
    assert "/tool failed: mpirun was not found, which is to start the 2 processes of its command (MPIRequirement)\n" in done.stderr
    assert done.stderr.count("/tool failed") == 1


def test_containers_that_keep_the_processes_apart_are_refused(shell: WarmShell) -> None:
    docker = Standin(shell.top / "engine")
    shell.write("tool.cwl", TOOL.replace("requirements:\n", "requirements:\n  DockerRequirement: {dockerPull: busybox}\n"))
    where = f"sites.here.container={{runtime: docker, command: [{docker.command}]}}"
    done = shell("hyflow", "run", "tool.cwl", "deploy.yml", "--set", where, job(shell, 2))
    assert done.status == 33
    what = "an MPI program (MPIRequirement) cannot run in containers of docker: its processes would not find each other"
    assert f"/tool failed: tool.cwl:6:3: {what}\n  let here use Apptainer" in done.stderr
    assert docker.calls("run") == []
    assert "Apptainer" not in shell("hyflow", "run", "tool.cwl", "deploy.yml", "--set", where, job(shell, 0)).stderr
    assert len(docker.calls("run")) == 1


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of nothing but places for the machine's own programs."""
    top = tmp_path_factory.mktemp("image")
    for name in ("usr", "etc", "tmp", "var/tmp", "proc", "sys", "dev"):
        (top / "root" / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (top / "root" / name).symlink_to(f"usr/{name}")
    subprocess.run(["apptainer", "build", str(top / "image.sif"), str(top / "root")], check=True, capture_output=True)
    return str(top / "image.sif")


@pytest.mark.skipif(not all(map(shutil.which, ("mpirun", "apptainer", "/usr/bin/python3"))), reason="needs openmpi-bin, apptainer, python3")
def test_processes_in_containers_find_each_other(shell: WarmShell, image: str) -> None:
    shell.write("sum.py", f"open('/.singularity.d/env/01-base.sh')\n{SUM}")
    shell.write("tool.cwl", REAL.replace("PYTHON", "python3").replace(
        "requirements:\n", f"requirements:\n  DockerRequirement: {{dockerPull: {image}}}\n"))  # fmt: skip
    where = "sites.here.container={runtime: apptainer, options: [--bind=/usr, --bind=/etc]}"
    done = shell("hyflow", "run", "--quiet", "tool.cwl", "deploy.yml", "--set", where, "--", "--program", "sum.py")
    assert done.status == 0, done.stderr
    assert sorted(json.loads(done.stdout)["said"].split()) == ["0:3", "1:3"]
