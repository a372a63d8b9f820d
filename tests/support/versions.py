"""Documents of any version, for the tests of what differs between versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wholerun import Ran, run, text_of

OLD = ("v1.0", "v1.1")
ALL = (*OLD, "v1.2")
SCRIPT = {"InlineJavascriptRequirement": {}}
CWLTOOL = {"$namespaces": {"cwltool": "http://commonwl.org/cwltool#"}}


def tool(version: str, command: Any = "echo", **fields: Any) -> dict[str, Any]:
    """A command whose standard output is its output `o`."""
    return {"cwlVersion": version, "class": "CommandLineTool", "baseCommand": command, "inputs": {}, "outputs": {"o": "stdout"}, **fields}


def expression(version: str, text: str, type_: Any = "Any", **fields: Any) -> dict[str, Any]:
    """An ExpressionTool whose output `o` is what `text` gives."""
    return {"cwlVersion": version, "class": "ExpressionTool", "requirements": SCRIPT, "inputs": {}, "outputs": {"o": type_},
            "expression": f"${{return {{o: {text}}}}}", **fields}


def workflow(version: str, steps: Mapping[str, Any], outputs: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"cwlVersion": version, "class": "Workflow", "inputs": {}, "outputs": outputs, "steps": steps, **fields}


def said_by(ran: Ran) -> str:
    """What the command of a run that succeeded said."""
    assert ran.status == 0, ran.said
    return text_of(ran.outputs["o"]).removesuffix("\n")


def refused(folder: Path, document: Mapping[str, Any], *words: str, job: Mapping[str, Any] | None = None, **others: Any) -> None:
    """The document is wrong, and the message says why in these words."""
    ran = run(folder, document, job, **others)
    assert ran.status != 0
    assert "Traceback" not in ran.said
    for word in words:
        assert word in ran.said


def file(path: Path, contents: str = "") -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(contents, encoding="utf-8")
    return {"class": "File", "path": str(path)}
