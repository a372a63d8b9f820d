"""Run the CWL v1.2 conformance suite through `cwl-runner`, on one of the ways to run, and compare with what is expected.

    python tests/conformance/run.py [--way WAY] [--jobs 2] [--sample] [--forked] [TEST ...]

WAY is local, shell, ssh, slurm or slurm-bare: everything runs without containers; or docker, podman, apptainer, ssh-docker, ssh-apptainer,
slurm-apptainer: what asks for a container runs in that engine, on this machine, on one behind SSH, or as a job of a cluster behind SSH. All
but the first two go by the deployment file that the lab (`make lab`) has left for them.

Each test is a process of its own, as a user would start it; `--jobs` of them run at a time, on a cluster more, as they wait for its queue.
With `--forked` it is a fork of one that has loaded everything already (tests/support/nursery.py), which takes a third of the time.
`--sample` runs only the required ones and the first few of each tag; with an engine only those that ask for a container; behind SSH the
first of each tag; on a cluster the required ones, or the first of each tag if it is a bare one or there is an engine. The verdicts go
to build/conformance/WAY.xml (JUnit) and, in short, to standard output. Exit status 0: every test passed but those that expected.toml names,
and those failed; 1: anything else; 77: the suite, or the lab that this way needs, is not on this machine.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import junit_xml
from cwltest import UNSUPPORTED_FEATURE
from cwltest import utils as cwltest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUPPORT = ROOT / "tests" / "support"
COMMIT = "551d58d4"
ENGINES = ("docker", "podman", "apptainer", "ssh-docker", "ssh-apptainer", "slurm-apptainer")
QUEUED = ("slurm", "slurm-bare", "slurm-apptainer")
FEW = ("podman", "apptainer", "ssh", "ssh-docker", "ssh-apptainer", "slurm-bare", "slurm-apptainer")
"""Of these a sample is the first of each tag."""
LAB = ("ssh", "slurm", "slurm-bare", *ENGINES)
WAYS = ("local", "shell", *LAB)
NO_SUITE = 77
SAMPLE = 3
WAITING = 3
"""So many tests wait for a queue for each that would compute."""
TIMEOUT = 120
"""Seconds that one test may take."""

GET_IT = f"""The CWL v1.2 conformance suite is not on this machine. To get it:
  git clone https://github.com/common-workflow-language/cwl-v1.2 tests/conformance/cwl-v1.2
  git -C tests/conformance/cwl-v1.2 checkout {COMMIT}
or set HYFLOW_CONFORMANCE to a directory that holds its conformance_tests.yaml."""

SHELL_SITE = """version: 1
sites:
  box: {{type: shell, command: [sh, -c], workdir: {workdir}}}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one test: `result` is cwltest's own, `expected` the reason to fail that expected.toml gives, "" for none."""

    name: str
    result: cwltest.TestResult
    expected: str

    @property
    def passed(self) -> bool:
        return bool(self.result.return_code == 0)

    @property
    def surprising(self) -> bool:
        return self.passed == bool(self.expected)


def find_suite() -> Path | None:
    """The directory of the suite: where HYFLOW_CONFORMANCE says, in the repository, or shared beside it."""
    asked = os.environ.get("HYFLOW_CONFORMANCE")
    places = [Path(asked)] if asked else [HERE / "cwl-v1.2", ROOT.parent / "shared" / "conformance" / "cwl-v1.2"]
    return next((place.resolve() for place in places if (place / "conformance_tests.yaml").is_file()), None)


def expectations(way: str) -> dict[str, str]:
    """The tests that are known to fail on this way to run, with the reasons."""
    known = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
    return {**({} if way in ENGINES else known.get("none", {})), **known.get(way, {})}


def load(suite: Path) -> list[dict[str, Any]]:
    """The tests, in order, each with its id as `short_name`."""
    tests, _ = cwltest.load_and_validate_tests(str(suite / "conformance_tests.yaml"))
    return [{**test, "short_name": cwltest.shortname(test["id"])} for test in tests]


def sample(tests: Sequence[dict[str, Any]], way: str) -> list[dict[str, Any]]:
    """The required tests, and the first few of each tag; with an engine those whose document itself asks for a container.

    Behind SSH what is proved is the way there: the first of each tag among these. On a cluster the required ones are enough.
    """
    if way in ENGINES:
        tests = [test for test in tests if "docker" in test["tags"] or asks_for_container(test["tool"])]
    if way in FEW:
        return first_of_each_tag(tests, 1)
    return list(tests) if way in ENGINES else first_of_each_tag(tests, 0 if way in QUEUED else SAMPLE, always="required")


def first_of_each_tag(tests: Sequence[dict[str, Any]], most: int, always: str | None = None) -> list[dict[str, Any]]:
    """So many of each tag, and all that have the tag `always`."""
    seen: Counter[str] = Counter()
    chosen = []
    for test in tests:
        if always in test["tags"] or any(seen[tag] < most for tag in test["tags"]):
            seen.update(test["tags"])
            chosen.append(test)
    return chosen


def asks_for_container(uri: str) -> bool:
    """Whether the document at an address has a DockerRequirement of its own."""
    document = Path(urlsplit(uri).path)
    return document.is_file() and "DockerRequirement" in document.read_text(encoding="utf-8")


@contextmanager
def workplace(way: str) -> Iterator[list[str]]:
    """The arguments of cwl-runner for `way`. All that the tests write lies in one directory, which goes when they have ended."""
    room = Path(tempfile.mkdtemp(prefix="hyflow-conformance-"))
    (room / "tmp").mkdir()
    os.environ["HYFLOW_HOME"] = str(room / "home")
    os.environ["TMPDIR"] = tempfile.tempdir = str(room / "tmp")
    arguments = [] if way in ENGINES else ["--container", "none"]
    if way in LAB:
        arguments += ["--deploy", str(lab_file(way))]
    if way == "shell":
        deployment = room / "deploy.yml"
        deployment.write_text(SHELL_SITE.format(workdir=room / "site"), encoding="utf-8")
        arguments += ["--deploy", str(deployment)]
    try:
        yield arguments
    finally:
        tempfile.tempdir = None
        end_what_is_left(room)
        shutil.rmtree(room, ignore_errors=True)


def lab_file(way: str) -> Path:
    """The deployment file that the lab has left for that way."""
    return ROOT / ".lab" / f"{way}.yml"


def end_what_is_left(room: Path) -> None:
    """End processes that still work below `room` (Linux): a test that was cut short may leave some."""
    for cwd in [Path("/proc", number, "cwd") for number in os.listdir("/proc") if number.isdigit()]:
        try:
            if cwd.readlink().is_relative_to(room):
                os.kill(int(cwd.parent.name), 9)
                print(f"left running, ended: process {cwd.parent.name}", file=sys.stderr)
        except OSError:
            continue


def run(tests: Sequence[dict[str, Any]], suite: Path, runner: str, way: str, jobs: int) -> list[Verdict]:
    """Run the tests, `jobs` at a time; verdicts in the order of `tests`."""
    known = expectations(way)
    with workplace(way) as arguments, ThreadPoolExecutor(jobs * WAITING if way in QUEUED else jobs) as pool:

        def one(test: dict[str, Any]) -> Verdict:
            config = cwltest.CWLTestConfig(
                entry="conformance_tests.yaml",
                entry_line=test["line"],
                basedir=str(suite),
                tool=runner,
                args=arguments,
                timeout=TIMEOUT,
                classname=way,
            )
            name = test["short_name"]
            verdict = Verdict(name, cwltest.run_test_plain(config, test), known.get(name, ""))
            print("." if verdict.passed else "x" if verdict.expected else "F", end="", flush=True)
            return verdict

        return list(pool.map(one, tests))


def report(verdicts: Sequence[Verdict], tests: Sequence[dict[str, Any]], way: str) -> Path:
    """Write the verdicts as JUnit XML; where they are."""
    cases = []
    for verdict, test in zip(verdicts, tests, strict=True):
        case = verdict.result.create_test_case(test)
        case.name = verdict.name
        if not verdict.passed:
            case.add_failure_info(message=verdict.expected or verdict.result.message, output=verdict.result.error_output)
        cases.append(case)
    path = ROOT / "build" / "conformance" / f"{way}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        junit_xml.to_xml_report_file(file, [junit_xml.TestSuite(f"CWL v1.2, {way}", cases)])
    return path


def summary(verdicts: Sequence[Verdict], way: str, seconds: float) -> Iterator[str]:
    """What a person wants to read: the count, then every failure by name."""
    passed = sum(verdict.passed for verdict in verdicts)
    yield f"CWL v1.2 conformance, {way}: {passed} of {len(verdicts)} passed in {seconds:.0f} s"
    for verdict in verdicts:
        if verdict.surprising and verdict.passed:
            yield f"  {verdict.name}: passed, but expected.toml says that it fails ({verdict.expected})"
        elif verdict.surprising:
            yield f"  {verdict.name}: FAILED: {reason(verdict.result)}"
        elif not verdict.passed:
            yield f"  {verdict.name}: failed as expected: {verdict.expected}"


def reason(result: cwltest.TestResult) -> str:
    """Why the test failed, as far as a few lines say."""
    if result.return_code == UNSUPPORTED_FEATURE:
        return "unsupported\n" + indented(result.error_output)
    return (result.message or "gave outputs, but should have failed").split("\n")[0][:300] + "\n" + indented(result.error_output)


def indented(text: str) -> str:
    return "\n".join(f"      {line[:300]}" for line in text.strip().splitlines()[-6:])


def chosen(tests: list[dict[str, Any]], names: Sequence[str], only_sample: bool, way: str) -> list[dict[str, Any]]:
    """The tests that were asked for. A name that is not in the suite ends the program."""
    unknown = set(names) - {test["short_name"] for test in tests}
    if unknown:
        sys.exit(f"not in the suite: {', '.join(sorted(unknown))}")
    if names:
        return [test for test in tests if test["short_name"] in names]
    return sample(tests, way) if only_sample else tests


@contextmanager
def runner_for(asked: argparse.Namespace) -> Iterator[str]:
    """The program to test; with --forked one that is what cwl-runner is, but for loading everything anew each time."""
    if asked.runner or not asked.forked:
        yield asked.runner or runner_beside_python()
        return
    sys.path.insert(0, str(SUPPORT))
    from nursery import nest

    with nest() as address, tempfile.TemporaryDirectory() as folder:
        runner = Path(folder, "cwl-runner")
        words = shlex.join([sys.executable, "-I", "-S", str(SUPPORT / "forked.py"), address, "cwl-runner"])
        runner.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        runner.chmod(0o755)
        yield str(runner)


def runner_beside_python() -> str:
    """The cwl-runner of this Python's environment; else the one on the PATH."""
    beside = Path(sys.executable).with_name("cwl-runner")
    found = str(beside) if beside.exists() else shutil.which("cwl-runner")
    return found or sys.exit("cwl-runner is not installed in this environment")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--way", choices=WAYS, default="local")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--sample", action="store_true", help="only some of each kind")
    parser.add_argument("--forked", action="store_true", help="fork the commands from one that has loaded everything")
    parser.add_argument("--runner", help="the command to test, without hyflow's own arguments", default=None)
    parser.add_argument("tests", nargs="*", metavar="TEST")
    asked = parser.parse_args()
    suite = find_suite()
    if suite is None:
        print(GET_IT, file=sys.stderr)
        return NO_SUITE
    if asked.way in LAB and not lab_file(asked.way).is_file():
        print(f"{asked.way} is not set up: make lab", file=sys.stderr)
        return NO_SUITE
    os.chdir(suite)
    everything = load(suite)
    tests = chosen(everything, asked.tests, asked.sample, asked.way)
    unknown = set(expectations(asked.way)) - {test["short_name"] for test in everything}
    if unknown:
        sys.exit(f"expected.toml names tests that the suite does not have: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    with runner_for(asked) as runner:
        verdicts = run(tests, suite, runner, asked.way, asked.jobs)
    print()
    print("\n".join(summary(verdicts, asked.way, time.monotonic() - began)))
    print(f"  details: {report(verdicts, tests, asked.way)}")
    return int(any(verdict.surprising for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
