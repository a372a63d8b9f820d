"""A site's `nodes`: what may be bound to them, and every mistake about them with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.deployment import Target, read
from hyflow.errors import DeploymentError


def written(path: Path, nodes: str, bound: str) -> Path:
    file = path / "d.yml"
    file.write_text(f"version: 1\nsites:\n  a: {{type: ssh, host: h, nodes: {nodes}}}\nbind:\n - {{step: /, site: {bound}}}\n")
    return file


def test_a_node_is_a_location(tmp_path: Path) -> None:
    assert read(written(tmp_path, "[n1, n2]", "[a/n2, a]")).targets("/x") == (Target("a", "n2"), Target("a"))


@pytest.mark.parametrize(
    ("nodes", "bound", "complaint"),
    [
        ("[n1, n2]", "a/n3", "5:4: the site a has no location 'n3'; its locations: n1, n2"),
        ("[]", "a/n1", "5:4: the site a has no location 'n1'; it is one place: name a alone"),
        ("[n1, n1]", "a", "3:27: sites.a.nodes names the same thing twice; name it once"),
        ("[me@n1]", "a", "3:35: sites.a.nodes[0] must be a name of letters, digits and ._-, not 'me@n1'"),
    ],
)
def test_one_mistake(tmp_path: Path, nodes: str, bound: str, complaint: str) -> None:
    path = written(tmp_path, nodes, bound)
    with pytest.raises(DeploymentError) as caught:
        read(path)
    assert str(caught.value).replace(f"{path}:", "").replace("\n  ", "; ") == complaint
