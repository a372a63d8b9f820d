"""Documents to start from when fuzzing: those of the conformance suite where it is there, and those of this repository."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 6_000
"""Bytes of the largest file that is taken: in large ones most changes are alike."""


@cache
def suite() -> Path | None:
    """The directory of the conformance suite's tests; None where it is not on this machine (see tests/conformance/run.py)."""
    asked = os.environ.get("HYFLOW_CONFORMANCE")
    places = [Path(asked)] if asked else [ROOT / "tests/conformance/cwl-v1.2", ROOT.parent / "shared/conformance/cwl-v1.2"]
    return next((place.resolve() / "tests" for place in places if (place / "conformance_tests.yaml").is_file()), None)


def needed_suite() -> Path:
    """The same; skips the test that asks where there is none."""
    found = suite()
    if found is None:
        pytest.skip("the conformance suite is not on this machine: python tests/conformance/run.py says how to get it")
    return found


@cache
def documents() -> tuple[Path, ...]:
    """CWL documents."""
    here = sorted((ROOT / "workflows").rglob("*.cwl"))
    return (*here, *(path for path in sorted(needed_suite().glob("*.cwl")) if path.stat().st_size <= LARGEST))


@cache
def jobs() -> tuple[Path, ...]:
    """Job files."""
    found = [path for pattern in ("*.yml", "*.yaml", "*.json") for path in sorted(needed_suite().glob(pattern))]
    return (*sorted((ROOT / "workflows").rglob("job*.yml")), *(path for path in found if path.stat().st_size <= LARGEST))


@cache
def deployments() -> tuple[str, ...]:
    """Deployment files: those of the workflows here, and those that the documentation shows."""
    found = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflows").rglob("deploy*.yml"))]
    for page in sorted((ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        found += [block for block in blocks if re.search(r"^sites:", block, re.MULTILINE)]
    return tuple(found)


@cache
def tree_of(path: Path) -> Any:
    """What a file holds."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)


def linked(folder: Path) -> Path:
    """A directory beside whose new files everything of the suite lies, so that what a document names is found."""
    folder.mkdir()
    for path in needed_suite().iterdir():
        (folder / path.name).symlink_to(path)
    return folder
