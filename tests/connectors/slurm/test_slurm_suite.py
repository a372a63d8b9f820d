"""The Slurm connector passes the suite against real clusters: one with accounting, and a bare one."""

from contextlib import AbstractAsyncContextManager

import clusters

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite


class TestSlurm(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return clusters.connected(context, workdir=f"/scratch/ada/suite-{context.state.parent.name}")


class TestBareSlurm(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return clusters.connected(context, "cloud", workdir=f"/scratch/ada/suite-{context.state.parent.name}")
