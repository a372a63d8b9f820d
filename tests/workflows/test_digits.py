"""The demo workflow: each of its scripts on its own, and the whole through `hyflow run`."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import lab
import pytest

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "workflows" / "digits"
DATA = DIGITS / "data" / "digits.csv"
RESULTS = ("metrics.json", "confusion.csv", "predictions.csv", "report.html", "confusion.svg")


def run(argv: Sequence[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this Python's environment first on its PATH, as `make demo` does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(argv, cwd=cwd, env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True, check=False)


def tool(name: str, *arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the workflow by itself, as a step would."""
    return run([sys.executable, str(DIGITS / "tools" / f"{name}.py"), *map(str, arguments)], cwd, **environment)


def pipeline(cwd: Path, slices: int, train_on: int = 1000) -> dict[str, str]:
    """The whole workflow by hand, without a workflow manager; the digest of every result by name."""
    assert tool("split", DATA, "--train", train_on, "--slices", slices, cwd=cwd).returncode == 0
    assert tool("train", "train.csv", cwd=cwd).returncode == 0
    for part in sorted(cwd.glob("slice-*.csv")):
        assert tool("classify", "model.npz", part.name, cwd=cwd).returncode == 0
    assert tool("merge", *sorted(path.name for path in cwd.glob("predictions-*.csv")), cwd=cwd).returncode == 0
    assert tool("report", DATA, "predictions.csv", "confusion.csv", "metrics.json", cwd=cwd).returncode == 0
    return {name: hashlib.sha256((cwd / name).read_bytes()).hexdigest() for name in RESULTS}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results with four slices."""
    directory = tmp_path_factory.mktemp("four")
    pipeline(directory, 4)
    return directory


def test_the_data_are_those_that_their_readme_names() -> None:
    digest = hashlib.sha256(DATA.read_bytes()).hexdigest()
    assert f"`{digest}`" in (DATA.parent / "README.md").read_text(encoding="utf-8")
    assert len(DATA.read_text(encoding="ascii").splitlines()) == 1797


@pytest.mark.parametrize(
    ("slices", "sizes"),
    [(1, [797]), (4, [199, 199, 199, 200]), (7, [113, 113, 113, 113, 113, 113, 119]), (797, [1] * 797)],
)
def test_what_does_not_divide_evenly_goes_into_the_last_slice(slices: int, sizes: list[int], tmp_path: Path) -> None:
    assert tool("split", DATA, "--train", 1000, "--slices", slices, cwd=tmp_path).returncode == 0
    parts = [path.read_text(encoding="ascii").splitlines() for path in sorted(tmp_path.glob("slice-*.csv"))]
    assert [len(part) for part in parts] == sizes
    training = (tmp_path / "train.csv").read_text(encoding="ascii").splitlines()
    together = [line for part in [training, *parts] for line in part]
    assert together == [f"{number},{line}" for number, line in enumerate(DATA.read_text(encoding="ascii").splitlines())]


@pytest.mark.parametrize(("train_on", "slices"), [(1000, 0), (1000, 798), (1797, 1), (0, 1)])
def test_a_split_that_cannot_be_made_is_refused_in_one_line(train_on: int, slices: int, tmp_path: Path) -> None:
    done = tool("split", DATA, "--train", train_on, "--slices", slices, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("--") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_accuracy_is_well_above_what_was_promised(four: Path) -> None:
    metrics = json.loads((four / "metrics.json").read_text(encoding="ascii"))
    assert metrics["images"] == 797
    assert metrics["accuracy"] > 0.97
    assert sum(digit["images"] for digit in metrics["digits"]) == 797


@pytest.mark.parametrize("slices", [1, 7])
def test_every_result_is_the_same_for_every_number_of_slices(slices: int, four: Path, tmp_path: Path) -> None:
    expected = {name: hashlib.sha256((four / name).read_bytes()).hexdigest() for name in RESULTS}
    assert pipeline(tmp_path, slices) == expected


@pytest.mark.parametrize("environment", [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Nehalem"}])
def test_the_model_does_not_depend_on_threads_or_processor(environment: dict[str, str], four: Path, tmp_path: Path) -> None:
    assert tool("train", four / "train.csv", cwd=tmp_path, **environment).returncode == 0
    assert (tmp_path / "model.npz").read_bytes() == (four / "model.npz").read_bytes()


def test_confusion_and_accuracy_agree_with_the_predictions(four: Path) -> None:
    with (four / "predictions.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["image"]) for row in rows] == list(range(1000, 1797))
    with (four / "confusion.csv").open(encoding="ascii", newline="") as file:
        counts = [[int(n) for n in row[1:]] for row in list(csv.reader(file))[1:]]
    assert counts == [[sum(r["written"] == str(w) and r["read"] == str(d) for r in rows) for d in range(10)] for w in range(10)]
    right = sum(row["written"] == row["read"] for row in rows)
    assert json.loads((four / "metrics.json").read_text(encoding="ascii"))["accuracy"] == round(right / 797, 6)


def test_a_digit_that_is_never_read_has_no_precision(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("0,3,3,1.0\n1,3,5,0.1\n", encoding="ascii")
    assert tool("merge", "one.csv", cwd=tmp_path).returncode == 0
    digits = json.loads((tmp_path / "metrics.json").read_text(encoding="ascii"))["digits"]
    assert digits[3] == {"digit": 3, "images": 2, "precision": 1.0, "recall": 0.5}
    assert digits[5] == {"digit": 5, "images": 0, "precision": 0.0, "recall": None}
    assert digits[0] == {"digit": 0, "images": 0, "precision": None, "recall": None}


def test_the_report_stands_alone_and_shows_every_misread_image(four: Path) -> None:
    page = (four / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((four / "metrics.json").read_text(encoding="ascii"))
    assert page.count("<figure>") == metrics["images"] - metrics["right"]
    assert not re.search(r"<script|<link|<img|\bsrc=|@import|url\(", page)
    assert "CC BY 4.0" in page
    ElementTree.parse(four / "confusion.svg")  # noqa: S314 - written by our own script a moment ago


def test_the_tutorial_shows_the_picture_that_the_demo_makes(four: Path) -> None:
    assert (ROOT / "docs" / "confusion.svg").read_bytes() == (four / "confusion.svg").read_bytes()


def assert_same_end(done: subprocess.CompletedProcess[str], out: Path, four: Path) -> None:
    """The runner succeeded, and left what the scripts leave when they are run by hand."""
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)
    assert outputs["accuracy"] == json.loads((four / "metrics.json").read_text(encoding="ascii"))["accuracy"]
    assert outputs["report"]["format"] == "https://www.iana.org/assignments/media-types/text/html"
    everything = sorted([*RESULTS, "model.npz", "model.json"])
    assert [path.name for path in sorted(out.iterdir())] == everything
    assert [name for name in everything if (out / name).read_bytes() != (four / name).read_bytes()] == []


@pytest.mark.parametrize("deployment", [None, "deploy.yml", "deploy-two-sites.yml"])
def test_hyflow_runs_it_to_the_same_end(deployment: str | None, four: Path, tmp_path: Path) -> None:
    files = [str(DIGITS / name) for name in ("workflow.cwl", deployment, "job.yml") if name]
    elsewhere = ["--set", f"sites.box.workdir={tmp_path / 'box'}"] if deployment == "deploy-two-sites.yml" else []
    without = [] if deployment else ["--container", "none"]
    out = tmp_path / "out"
    command = ["hyflow", "run", "--no-reuse", *files, *elsewhere, *without, "--outdir", str(out), "--quiet"]
    assert_same_end(run(command, tmp_path), out, four)


@pytest.mark.parametrize("other", ["deploy-ssh.yml", "deploy-slurm.yml"])
def test_between_this_machine_and_one_elsewhere_one_line_is_different(other: str) -> None:
    here, there = ([line for line in (DIGITS / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
                   for name in ("deploy.yml", other))
    assert [(a, b) for a, b in zip(here, there, strict=True) if a != b] == [(here[2], there[2])]


@pytest.mark.parametrize(("deployment", "hosts"), [
    ("deploy-ssh.yml", {"here": "cluster"}), ("deploy-three-sites.yml", {"cluster": "cluster", "cloud": "cloud"}),
])  # fmt: skip
def test_behind_ssh_it_comes_to_the_same_end_bit_for_bit(deployment: str, hosts: dict[str, str], four: Path, tmp_path: Path) -> None:
    files = [str(DIGITS / name) for name in ("workflow.cwl", deployment, "job.yml")]
    config, out = lab.setting("SSH_CONFIG"), tmp_path / "out"
    given = [f"sites.{site}.{setting}" for site, host in hosts.items() for setting in (f"host={host}", f"config={config}")]
    sets = [word for setting in given for word in ("--set", setting)]
    assert_same_end(run(["hyflow", "run", "--no-reuse", *files, *sets, "--outdir", str(out), "--quiet"], tmp_path), out, four)


def test_on_slurm_it_comes_to_the_same_end_bit_for_bit(four: Path, tmp_path: Path) -> None:
    lab.deployment("slurm")
    files = [str(DIGITS / name) for name in ("workflow.cwl", "deploy-slurm.yml", "job.yml")]
    given = ("via.host=cluster", f"via.config={lab.setting('SSH_CONFIG')}", "workdir=/scratch/ada/hyflow", "poll=0.5")
    sets, out = [word for setting in given for word in ("--set", f"sites.here.{setting}")], tmp_path / "out"
    assert_same_end(run(["hyflow", "run", "--no-reuse", *files, *sets, "--outdir", str(out), "--quiet"], tmp_path), out, four)


@pytest.mark.parametrize("engine", ["docker", "podman", "apptainer"])
def test_in_containers_it_comes_to_the_same_end_bit_for_bit(engine: str, four: Path, tmp_path: Path) -> None:
    files = [str(DIGITS / "workflow.cwl"), str(lab.deployment(engine)), str(DIGITS / "job.yml")]
    out = tmp_path / "out"
    assert_same_end(run(["hyflow", "run", "--no-reuse", *files, "--outdir", str(out), "--quiet"], tmp_path), out, four)


@pytest.mark.skipif(shutil.which("node") is None, reason="cwltool evaluates JavaScript with Node.js alone: apt-get install nodejs")
def test_the_reference_runner_takes_it_to_the_same_end(four: Path, tmp_path: Path) -> None:
    files = [str(DIGITS / name) for name in ("workflow.cwl", "job.yml")]
    out = tmp_path / "out"
    assert_same_end(run(["cwltool", "--quiet", "--no-container", "--outdir", str(out), *files], tmp_path), out, four)


def test_the_summary_names_accuracy_and_report(tmp_path: Path) -> None:
    output = {"accuracy": 0.977415, "report": {"location": "file:///some%20where/report.html"}}
    (tmp_path / "output.json").write_text(json.dumps(output), encoding="utf-8")
    done = run([sys.executable, str(DIGITS / "summary.py"), "output.json"], tmp_path)
    assert done.stdout == "Accuracy: 97.7 %\nReport:   /some where/report.html\n"
