"""Which kind of file is it? Told by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.deployment.kinds import kind_of
from hyflow.errors import InputError, UsageError

SITES = "sites: {a: {type: local}}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"version: 1\n{SITES}\nbind: []\n", "deployment"),
        (f"version: 1\n{SITES}\nretry: {{}}\n", "deployment"),
        (SITES, "deployment"),
        ("version: 1\nx: &x {type: local}\nsites: {a: *x}\n", "deployment"),
        ('{"version": 1, "sites": {"a": {"type": "local"}}, "other": 1}', "deployment"),
        ("cwlVersion: v1.2\nsites: 3\n", "workflow"),
        ('{"class": "Workflow"}', "workflow"),
        ("$graph: []\n", "workflow"),
        ("version: 3\nclass: second\n", "job"),
        ("{}", "job"),
        ("", "job"),
        ("# nothing\n{}\n", "job"),
        ('{\n\t"a": 1\n}', "job"),
        ("reads: {class: File, path: x}\n", "job"),
        ("sites: [a, b]\nreads: 3\n", "unclear"),
        ("sites: [a, b]\n", "unclear"),
        ("version: 1\nsites: {a: {tpye: local}}\n", "deployment"),
        ("version: 2\nsites: {a: 3}\nreads: 3\n", "unclear"),
        ("version: 1\nbind: []\n", "unclear"),
        ("- 1\n", "unclear"),
        ("text", "unclear"),
    ],
)
def test_kinds(text: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    assert kind_of(path) == kind


def test_deep_and_large_files_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a: " + "[" * 900 + "]" * 900 + "\n" + "".join(f"x{n}: {n}\n" for n in range(30_000)), encoding="utf-8")
    assert kind_of(path) == "job"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        kind_of(tmp_path / "none")
    (tmp_path / "bad").write_text("a: [1\n", encoding="utf-8")
    with pytest.raises(InputError, match="this is not YAML") as caught:
        kind_of(tmp_path / "bad")
    assert "bad:2:1" in str(caught.value)
