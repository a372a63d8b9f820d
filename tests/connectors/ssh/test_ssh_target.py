"""Names in a deployment file that the ssh program would take for something else are refused."""

from __future__ import annotations

from pathlib import Path

import afar
import pytest

from hyflow.deployment import read
from hyflow.errors import DeploymentError, SiteError
from hyflow_ssh.target import target


@pytest.mark.parametrize("word", ["", "-oProxyCommand=touch /tmp/x", "a b", "a\nb", "a\n", "a\tb"])
def test_what_cannot_be_a_name(word: str) -> None:
    with pytest.raises(SiteError, match="`host` must not be empty, begin with - or hold white space"):
        target(afar.settings(config=None), word)
    for name in ("user", "jump"):
        with pytest.raises(SiteError, match=f"`{name}` must not"):
            target(afar.settings(config=None, **{name: word}), "cluster")


def test_the_schema_says_so_too(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yml"
    file.write_text('version: 1\nsites:\n  far: {type: ssh, host: "-oProxyCommand=x", user: "", data_host: "a b"}\n')
    with pytest.raises(DeploymentError) as told:
        read(file)
    assert str(told.value).count("a name without white space that does not begin with -") == 3
