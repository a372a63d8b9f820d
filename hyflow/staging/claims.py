"""The names that a run has taken in an output directory which lies in an input directory.

There, what lies where a result should go may be an input, or the result itself, from a delivery that was killed. Written down
before anything appears under the name, in the run's own directory; what has no name here is not the run's.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

NAME = "claims"
"""Of the file, in the directory of the run."""


@dataclass(slots=True)
class Claims:
    """Paths (real ones), remembered in the file `record`, a JSON text a line."""

    record: Path
    paths: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, run_dir: Path) -> Claims:
        """Those of a run so far; a line that was cut short stands for nothing that is there, and goes."""
        record = run_dir / NAME
        if not record.exists():
            return cls(record)
        *lines, rest = record.read_bytes().split(b"\n")
        if rest:
            os.truncate(record, record.stat().st_size - len(rest))
        return cls(record, {str(json.loads(line)) for line in lines})

    def add(self, path: str) -> None:
        """Take it."""
        if path in self.paths:
            return
        with self.record.open("ab") as file:
            file.write(json.dumps(path).encode() + b"\n")
        self.paths.add(path)
