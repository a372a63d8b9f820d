"""What several verbs read from the command line and the environment."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Where hyflow keeps its runs and caches: HYFLOW_HOME, or `hyflow` in the XDG data directory. It may not exist yet."""
    if own := os.environ.get("HYFLOW_HOME"):
        return Path(own).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "hyflow"


def run_and_step(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """The run (None: the latest) and the step that two words name: a single one that starts with a slash is a step."""
    return (None, first) if second is None and (first or "").startswith("/") else (first, second)
