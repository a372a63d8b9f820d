"""The SSH connector passes the suite against a real machine behind a real server, whatever the login shell there."""

from contextlib import AbstractAsyncContextManager

import afar

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite


class TestSsh(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return afar.connect(context, transport="asyncssh", workdir=f"~/suite-{context.state.parent.name}")
