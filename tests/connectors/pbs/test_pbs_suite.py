"""The PBS connector passes the suite against the stand-in of tests/support/pbsstandin.py. No PBS was run."""

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pbsstandin
import pytest

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite
from hyflow_pbs import Settings, plugin


class TestPbs(ConnectorSuite):
    lasting = 5.0

    @pytest.fixture(autouse=True)
    def standin(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", f"{pbsstandin.installed(tmp_path / 'pbs')}:{os.environ['PATH']}")

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return plugin.connect(Settings(workdir=str(Path(context.state).parent / "site"), poll=0.5, settle=5.0), context)
