"""The project's own rules, each as a test: import floors, sizes, what files may say, what is pinned, links that lead somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hyflow

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MOST_LINES = 400


def tracked() -> list[Path]:
    """Every file of the project: those that git knows of, or without git (a source archive) those that are there."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 0:
        return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    made = {".venv", ".bench", "build", "dist", "demo-output", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not made & set(path.relative_to(ROOT).parts)]


FILES = tracked()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def holding(words: list[str], files: list[Path]) -> list[str]:
    """The files that hold one of the words, each with the first line that does."""
    found = []
    for path in files:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if any(word in line for word in words):
                found.append(f"{path.relative_to(ROOT)}:{number}")
                break
    return found


def normal(name: str) -> str:
    """A distribution's name as installers compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="ascii").splitlines()
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines)}


def test_imports_point_down_only() -> None:
    done = subprocess.run([str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_is_long() -> None:
    long = {str(path.relative_to(ROOT)): n for path in FILES if path.suffix == ".py" and (n := text_of(path).count("\n")) > MOST_LINES}
    assert long == {}


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "manager", "misc"])
def test_modules_are_named_for_the_domain(name: str) -> None:
    assert [str(path) for path in FILES if path.stem == name and path.suffix == ".py"] == []


def test_every_module_says_what_it_is() -> None:
    modules = [path for path in FILES if path.suffix == ".py" and path.parts[len(ROOT.parts)] != "tests"]
    assert [str(path.relative_to(ROOT)) for path in modules if not ast.get_docstring(ast.parse(text_of(path)))] == []


def test_nothing_is_left_for_later() -> None:
    assert holding(["TO" + "DO", "FIX" + "ME", "XX" + "X:"], [path for path in FILES if path.suffix in (".py", ".md", ".cwl")]) == []


@pytest.mark.skipif(len(ROOT.parts) < 3, reason="the place of this checkout is too short a name to look for")
def test_no_file_names_the_place_where_it_was_written() -> None:
    assert holding([f"{ROOT}/"], FILES) == []


def test_no_file_names_a_package_registry() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "index" + "-url"]
    assert holding(hosts, FILES) == []


def test_constraints_are_plain_pins_in_order() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="ascii").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    names = [normal(line.partition("==")[0]) for line in lines]
    assert names == sorted(set(names))


def test_everything_that_is_asked_for_is_pinned() -> None:
    project = PROJECT["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    asked += [*PROJECT["build-system"]["requires"]]
    assert sorted({normal(re.split(r"[<>=~!\[; ]", name)[0]) for name in asked} - set(pins())) == []


def test_every_connector_is_installed_and_checked() -> None:
    packages = sorted(f"connectors/{path.name}" for path in (ROOT / "connectors").glob("hyflow_*") if (path / "__init__.py").is_file())
    assert sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(["hyflow", *packages])
    assert sorted(PROJECT["tool"]["mypy"]["packages"]) == sorted(["hyflow", *(Path(name).name for name in packages)])
    named = {value.partition(":")[0] for value in PROJECT["project"]["entry-points"]["hyflow.connectors"].values()}
    assert named == {Path(name).name for name in packages}


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{hyflow.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_links_in_the_documentation_lead_to_files_that_are_there() -> None:
    broken = []
    for page in (path for path in FILES if path.suffix == ".md"):
        for target in re.findall(r"(?:\]\(|src=\")([^)#\s\"]+)", text_of(page)):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
