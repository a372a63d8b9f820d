"""The suite that every connector must pass, against this machine."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite
from hyflow_local import LocalSettings, plugin


class TestLocal(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return plugin.connect(LocalSettings(), context)
