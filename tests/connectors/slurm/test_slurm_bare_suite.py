"""The Slurm connector passes the suite against a real cluster that has no accounting, keeps no comments and forgets what ends at once."""

from contextlib import AbstractAsyncContextManager

import clusters

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite


class TestBareSlurm(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return clusters.connected(context, "cloud", workdir=f"/scratch/ada/suite-{context.state.parent.name}")
