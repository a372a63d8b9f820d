"""Runs that may take results of earlier ones: which jobs did, and what is kept where. For tests that change something in between."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from warm import WarmShell

from hyflow.journal import list_runs, read_events
from hyflow.model.events import Reused, Submitting

CAT = "baseCommand: cat\ninputs: {f: {type: File, inputBinding: {}}}\nstdout: o\noutputs: {o: stdout}\n"
"""A tool that says what its input holds."""


class Reuses:
    """Runs of one command in a shell, one after the other. `words` as for `hyflow run`, the options first."""

    def __init__(self, shell: WarmShell, *words: str) -> None:
        self.shell, self.words = shell, words
        self.first = True

    def run(self, *options: str) -> str:
        """Run it once more: what its output `o` holds."""
        done = self.shell.run("--outdir", "results", *options, *self.words)
        return Path(done.output["o"]["path"]).read_text(errors="surrogateescape") if done.output.get("o") else ""

    def is_reused(self, text: str, *options: str) -> bool:
        """Run it once more: whether that took the result of an earlier run. Its output holds the text in any case."""
        assert self.run(*options) == text
        return not ran(self.shell.home)

    def prove(self, text: str) -> None:
        """The unchanged job is reused: a test of what is not can fail."""
        assert not self.is_reused(text), "it had never run before"
        assert self.is_reused(text), said(self.shell)

    def differs(self, change: Callable[[], object], text: str, before: str) -> None:
        """The job is reused until the change, and not after it; then the new one is."""
        self.prove(before)
        change()
        assert not self.is_reused(text)
        assert self.is_reused(text), said(self.shell)


def said(shell: WarmShell) -> str:
    """Why the jobs of the latest run were not reused."""
    return "; ".join(why(shell.home)) or "no job has run"


def ran(home: Path) -> list[str]:
    """The jobs that the latest run has started."""
    return [str(record.event.job) for record in read_events(list_runs(home)[-1].journal, kinds=(Submitting,))
            if isinstance(record.event, Submitting)]


def why(home: Path) -> list[str]:
    """Why they were not reused, in words."""
    return [record.event.anew for record in read_events(list_runs(home)[-1].journal, kinds=(Submitting,))
            if isinstance(record.event, Submitting)]


def taken(home: Path) -> list[str]:
    """The jobs of the latest run that were not run, as they have the outputs of others."""
    return [str(record.event.job) for record in read_events(list_runs(home)[-1].journal, kinds=(Reused,))
            if isinstance(record.event, Reused)]


def kept(home: Path) -> list[Path]:
    """The directories of attempts whose results are kept, the oldest first."""
    db = sqlite3.connect(home / "cache" / "results.sqlite")
    try:
        return [Path(where) for (where,) in db.execute("SELECT json_extract(body, '$.dir') FROM results ORDER BY id")]
    finally:
        db.close()


def overwrite(path: Path, text: str) -> None:
    """In place, with the same size and times."""
    before = path.stat()
    assert len(text.encode()) == before.st_size
    with path.open("r+", encoding="utf-8") as file:
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def script(path: Path, text: str) -> None:
    """An executable, in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
