"""A host key that is not known, or another than before, is refused in the same words whoever speaks SSH, whatever a configuration says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import afar
import asyncssh
import pytest

from hyflow.errors import SiteError
from hyflow_ssh.reach import reach


@pytest.fixture(autouse=True)
def home() -> Iterator[Path]:
    with afar.short_home() as made:
        yield made


async def refused(transport: str, config: str, host: str = "cluster") -> SiteError:
    with pytest.raises(SiteError) as told:
        async with reach(afar.settings(transport=transport, config=config), host):
            pass
    assert not told.value.transient
    return told.value


def known() -> list[str]:
    return Path(afar.setting("SSH_KNOWN_HOSTS")).read_text().splitlines()


def fingerprints() -> list[str]:
    """Of all keys that the lab knows."""
    listed = subprocess.run(["ssh-keygen", "-l", "-f", afar.setting("SSH_KNOWN_HOSTS")], capture_output=True, text=True, check=True)
    return [line.split()[1] for line in listed.stdout.splitlines()]


@pytest.mark.parametrize("transport", ["auto", "asyncssh", "openssh"])
async def test_one_that_is_not_known(tmp_path: Path, transport: str) -> None:
    config = afar.configured(tmp_path, tmp_path / "known")
    error = await refused(transport, config)
    assert error.what.startswith("the host key of cluster is not known (ed25519, SHA256:")
    assert error.what.partition(", ")[2].rstrip(")") in fingerprints()
    assert error.hint == f"Compare it with what its administrators say, then accept it: ssh -F {config} cluster true"


@pytest.mark.parametrize("transport", ["asyncssh", "openssh"])
@pytest.mark.parametrize("more", [
    ("StrictHostKeyChecking no",), ("StrictHostKeyChecking accept-new", "NoHostAuthenticationForLocalhost yes"),
])  # fmt: skip
async def test_whatever_the_configuration_says(tmp_path: Path, transport: str, more: tuple[str, ...]) -> None:
    error = await refused(transport, afar.configured(tmp_path, "/dev/null", *more))
    assert error.what.startswith("the host key of cluster is not known (ed25519, SHA256:")


@pytest.mark.parametrize("transport", ["auto", "asyncssh", "openssh"])
async def test_one_that_was_another_before(tmp_path: Path, transport: str) -> None:
    fresh = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (tmp_path / "known").write_text("".join(f"{line.split(' ')[0]} {fresh}\n" for line in known()))
    error = await refused(transport, afar.configured(tmp_path, tmp_path / "known"))
    assert error.what.startswith("the host key of cluster is another than before (ed25519, SHA256:")
    assert error.hint is not None and f"remove the old one from {tmp_path}/known" in error.hint


async def test_one_on_the_way(tmp_path: Path) -> None:
    """The host on the way is no less verified, also where ssh itself starts the ssh that goes there."""
    config = afar.configured(tmp_path, "/dev/null", "StrictHostKeyChecking no")
    error = await refused("openssh", config, "cloud-via-cluster")
    assert error.what.startswith("the host key of [127.0.0.1]:") and "is not known (ed25519, SHA256:" in error.what
