"""A site's `via`: what it means, and every mistake about it with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.deployment import read
from hyflow.deployment.reading import reread
from hyflow.errors import DeploymentError
from hyflow_ssh import WaySettings


def site(text: str) -> str:
    return f"version: 1\nsites:\n  a: {text}\n"


def shell(via: str) -> str:
    return site(f"{{type: shell, command: [sh, -c], workdir: /x, via: {via}}}")


def test_the_way_and_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "d.yml"
    path.write_text(shell("{type: ssh, host: h, jump: g, patience: 5}") + "profiles: {p: {sites: {a: {via: {host: other}}}}}\n")
    deployment = read(path)
    for one in (deployment, reread(deployment.text)):
        via = one.sites["a"].via
        assert via is not None and via.plugin.name == "ssh"
        assert via.settings == WaySettings(host="h", jump="g", patience=5.0)
    changed = read(path, "p", sets=["sites.a.via.user=ada"]).sites["a"].via
    assert changed is not None and changed.settings == WaySettings(host="other", user="ada", jump="g", patience=5.0)


def test_most_sites_have_none(tmp_path: Path) -> None:
    path = tmp_path / "d.yml"
    path.write_text(site("{type: shell, command: [sh, -c], workdir: /x}"))
    assert read(path).sites["a"].via is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (shell("{type: shh, host: h}"), "3:58: sites.a.via.type cannot be 'shh'; did you mean ssh?"),
        (shell("{type: local}"), "3:58: sites.a.via.type cannot be 'local'; known: ssh"),
        (shell("{type: shell, command: [sh]}"), "3:58: sites.a.via.type cannot be 'shell'; known: ssh"),
        (shell("{type: ssh}"), "3:52: sites.a.via lacks host; The machine: its name or address, or an alias of the SSH configuration."),
        (shell("{type: ssh, hots: h}"), "3:69: sites.a.via has no setting 'hots'; did you mean host?"),
        (shell("{type: ssh, host: h, port: 0}"), "3:78: sites.a.via.port must be at least 1, not 0"),
        (shell("{type: ssh, host: h, cores: 1}"),
         "3:78: sites.a.via has no setting 'cores'; "
         "known: type, patience, host, user, port, jump, identity, config, transport, connections, sessions"),
        (shell("{host: h}"), "3:52: sites.a.via lacks type; The kind of way; it says which settings there are."),
        (shell("ssh"), "3:52: sites.a.via must be a mapping, not 'ssh'; did you mean {type: ssh}?"),
        (shell("{type: ssh, host: h, via: {type: ssh, host: g}}"),
         "3:78: a `via` has none of its own; say what lies on the way with `jump`"),
        (site("{type: local, via: {type: ssh, host: h}}"),
         "3:20: sites of type local take no `via`; leave it out, or name another type"),
        (site("{type: ssh, host: h, via: {type: ssh, host: g}}"),
         "3:27: sites of type ssh take no `via`; say what lies on the way with `jump`"),
    ],
)  # fmt: skip
def test_one_mistake(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "d.yml"
    path.write_text(text)
    with pytest.raises(DeploymentError) as caught:
        read(path)
    problems = caught.value.problems or [caught.value]
    assert [str(one).replace(f"{path}:", "").replace("\n  ", "; ") for one in problems] == [complaint]
