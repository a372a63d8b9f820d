"""The shell connector passes the suite against this machine's own shell."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite
from hyflow_shell import Settings, plugin


class TestShell(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return plugin.connect(Settings(command=["sh", "-c"], workdir=str(Path(context.state).parent / "site")), context)
