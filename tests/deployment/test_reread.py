"""A deployment as its run has kept it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyflow.deployment import default, read, reread
from hyflow.errors import DeploymentError

TEXT = """
version: 1
sites:
  here: {type: local, cores: 3, container: {runtime: docker, command: [sudo, docker]}}
  box: {type: shell, command: [sh, -c], workdir: /box, modules: {samtools: samtools/1.19}}
bind: [{step: /, site: here}, {step: /far, site: [box, here], resources: {memory: 2GiB, time: 1h}}]
retry: {memory: {tries: 3, scale: 4}, infrastructure: {tries: 5, wait: 1m}}
profiles: {dev: {retry: {memory: {tries: 2}}, sites: {box: {workdir: /tmp/box}}, bind: [{step: /, site: box}]}}
"""


def test_it_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deploy.yml"
    path.write_text(TEXT)
    written = [default(), read(path), read(path, "dev", ["sites.here.cores=1"])]
    for was in [*written, written[1].with_runtime("podman"), written[0].with_runtime("none")]:
        again = reread(was.text)
        assert again.sites == was.sites
        assert [again.targets(step) for step in ("/a", "/far")] == [was.targets(step) for step in ("/a", "/far")]
        assert again.retries == was.retries
        assert again.override("/far") == was.override("/far")


def test_a_type_of_site_that_is_not_installed_any_more() -> None:
    with pytest.raises(DeploymentError, match="the run's deployment:1:"):
        reread('{"version": 1, "sites": {"k": {"type": "gone"}}}')
