"""Where inputs are laid out when there are very many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onetool import Tool, file

TEXT = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: c\ninputs: {f: 'File[]', one: File}\noutputs: {}\n"


def targets(path: Path, files: list[Any]) -> list[str]:
    bound = Tool(path, TEXT).bind(f=files, one=file("file:///d/one"))
    assert [item["path"] for item in bound.inputs["f"]] == [f"/job/{stage.target}" for stage in bound.task.stage[:-1]]
    return [stage.target for stage in bound.task.stage]


def test_few_files_have_a_directory_each(tmp_path: Path) -> None:
    assert targets(tmp_path, [file(f"file:///d/{name}") for name in "ab"]) == ["in/1/a", "in/2/b", "in/3/one"]


def test_very_many_files_share_a_directory_where_their_names_allow_it(tmp_path: Path) -> None:
    many = [file(f"file:///d/{number}") for number in range(2000)]
    same = [file("file:///e/7"), file("file:///d/7")]
    staged = targets(tmp_path, many + same)
    assert staged[:2000] == [f"in/1/{number}" for number in range(2000)]
    assert staged[2000:] == ["in/2/7", "in/3/7", "in/4/one"]
