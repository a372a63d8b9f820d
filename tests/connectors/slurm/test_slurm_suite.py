"""The Slurm connector passes the suite against a real cluster that has accounting."""

from contextlib import AbstractAsyncContextManager

import clusters

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite


class TestSlurm(ConnectorSuite):
    lasting = 5.0

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return clusters.connected(context, workdir=f"/scratch/ada/suite-{context.state.parent.name}")
