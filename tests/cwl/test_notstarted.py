"""What the exit statuses 126 and 127 mean, by what was said with them."""

from __future__ import annotations

import pytest

from hyflow.cwl.notstarted import module_missing, not_started


@pytest.mark.parametrize(("code", "stderr", "what", "hint"), [
    (127, "hyflow: tool: command not found\n", "the command 'tool' was not found", "on the PATH"),
    (127, "env: \u2018tool\u2019: No such file or directory\n", "the command 'tool' was not found", "PATH"),
    (127, "env: can't execute 'tool': No such file or directory", "'tool' was not found", "PATH"),
    (127, "hyflow: tool: cannot be executed: its interpreter /x is not there\n", "its interpreter is not there", "#!"),
    (126, "hyflow: tool: cannot be executed: it is a directory\n", "cannot be executed", "directory"),
    (126, "env: 'tool': Permission denied", "cannot be executed", "chmod"),
    (127, "first\nsh: 1: other: not found\n", "a program that it called was not found", "installed"),
])
def test_what_was_not_started(code: int, stderr: str, what: str, hint: str) -> None:
    told = not_started("tool", code, stderr)
    assert told is not None
    assert what in told[0] and hint in told[1]


@pytest.mark.parametrize(("code", "stderr"), [
    (1, "env: x: No such file or directory"), (127, "all is lost"), (126, "no"), (127, ""), (None, ""),
])
def test_what_was_started(code: int | None, stderr: str) -> None:
    assert not_started("tool", code, stderr) is None


def test_where_a_path_leads() -> None:
    said = "env: 'x': No such file or directory"
    assert "own directory" in (not_started("./x", 127, said) or ("", ""))[1]
    assert "no such file on the machine" in (not_started("/opt/x", 127, said) or ("", ""))[1]


def test_a_module_that_could_not_be_loaded() -> None:
    said = "ERROR: nothing of that name\nhyflow: the module samtools/2, for the software samtools, cannot be loaded\n"
    what, hint = module_missing(127, said) or ("", "")
    assert what == "the module samtools/2, for the software samtools, cannot be loaded"
    assert hint.startswith("`module load samtools/2` must work")
    assert [module_missing(code, said) for code in (1, 126, None)] == [None] * 3
    assert module_missing(127, f"{said}more\n") is None
