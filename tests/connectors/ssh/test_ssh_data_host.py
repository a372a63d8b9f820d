"""Files go by a host of their own, if it sees the same directory."""

from __future__ import annotations

from pathlib import Path

import afar
import pytest
from sshlab import Site

from hyflow.connector import SiteContext
from hyflow.errors import SiteError
from hyflow.shell.trips import trip


@pytest.fixture
def context(tmp_path: Path) -> SiteContext:
    return SiteContext("far", "20260101-000000-0000", tmp_path)


@pytest.mark.parametrize("transport", ["asyncssh", "openssh"])
async def test_a_host_that_sees_the_same_directory(context: SiteContext, tmp_path: Path, transport: str) -> None:
    before = Site("cluster").gate.count()["connections"]
    workdir = f"/scratch/ada/{tmp_path.name}"
    with afar.no_masters_left():
        async with afar.connect(context, workdir=workdir, data_host="cluster-certified", connections=1, transport=transport) as site:
            assert await trip(site, ("ls", "-A", workdir), what="looking") == b".attempts\n"
            assert Site("cluster").gate.count()["connections"] == before + 2
            assert [place.apart for place in await site.locations()] == [True]


async def test_a_host_that_does_not(context: SiteContext, tmp_path: Path) -> None:
    workdir = f"/scratch/ada/{tmp_path.name}"
    with pytest.raises(SiteError, match=f"the machine for files does not see the {workdir} of the one for jobs") as told:
        async with afar.connect(context, workdir=workdir, data_host="cloud"):
            pass
    assert not told.value.transient and told.value.hint == "Name a `workdir` that both see, or leave out `data_host`."
    async with afar.connect(context, workdir=workdir) as site:
        assert [place.apart for place in await site.locations()] == [False]
        assert await trip(site, ("ls", "-A", workdir), what="looking") == b".attempts\n"
