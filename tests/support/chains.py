"""Workflows of a few steps whose commands write down that they ran: to tell what runs again and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from commandline import Ended, Shell

FILE = {"type": "File", "outputBinding": {"glob": "made.txt"}}


class Flow(Shell):
    """Workflows whose commands append their names to the file `ran`. The tool of a step reads the file `STEP.fix`, and fails where that
    says "no"; its output holds what it was given, and what that file says."""

    def __init__(self, top: Path, home: Path) -> None:
        super().__init__(top, home)
        self.write("ran", "")

    def ran(self) -> list[str]:
        """The names of what ran since this was asked."""
        found = sorted((self.top / "ran").read_text().split())
        self.write("ran", "")
        return found

    def tool(self, name: str) -> dict[str, Any]:
        """Its command is a program, since what a shell is told is never kept for reuse."""
        self.write("do", f'#!/bin/sh\necho $1$3 >>{self.top}/ran\nfix=$(cat {self.top}/$1$3.fix 2>/dev/null)\n[ "$fix" != no ] || exit 1\n'
                         '{ cat "$2"; echo $1$3 $fix; } >made.txt\n')  # fmt: skip
        (self.top / "do").chmod(0o755)
        return {
            "class": "CommandLineTool", "baseCommand": [f"{self.top}/do", name], "outputs": {"out": FILE},
            "inputs": {"x": {"type": "File", "inputBinding": {"position": 1}}, "part": {"type": "int?", "inputBinding": {"position": 2}}},
        }  # fmt: skip

    def step(self, name: str, source: str, **more: Any) -> dict[str, Any]:
        return {"run": self.tool(name), "in": {"x": source}, "out": ["out"], **more}

    def flow(self, steps: dict[str, Any], outputs: dict[str, str], **inputs: Any) -> None:
        """To be run with the file in.txt as x."""
        kinds = {name: "File[]" if source.startswith("many") else "File" for name, source in outputs.items()}
        self.write("flow.cwl", json.dumps({
            "cwlVersion": "v1.2", "class": "Workflow", "inputs": {"x": "File", **inputs}, "steps": steps,
            "requirements": {"ScatterFeatureRequirement": {}, "SubworkflowFeatureRequirement": {}},
            "outputs": {name: {"type": kinds[name], "outputSource": source} for name, source in outputs.items()},
        }))  # fmt: skip
        self.write("in.txt", "x\n")

    def begin(self, *words: str, **inputs: Any) -> Ended:
        self.write("job.json", json.dumps({"x": {"class": "File", "path": "in.txt"}, **inputs}))
        return self("hyflow", "run", "--quiet", "--outdir", "results", *words, "flow.cwl", "job.json")

    def chain(self) -> None:
        self.flow({"a": self.step("a", "x"), "b": self.step("b", "a/out"), "c": self.step("c", "b/out")}, {"r": "c/out"})


def text(output: Any) -> str:
    """What a delivered file holds."""
    return Path(output["path"]).read_text()
