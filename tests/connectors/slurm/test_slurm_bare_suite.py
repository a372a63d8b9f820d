"""The Slurm connector does on a cluster that has no accounting, keeps no comments and forgets what ends at once what it does elsewhere, as
far as the queue has a part in it: how files are laid out and read is the same on every cluster (test_slurm_suite.py)."""

from contextlib import AbstractAsyncContextManager

import clusters

from hyflow.connector import Connector, SiteContext
from hyflow.testing.attempts import AttemptSuite
from hyflow.testing.ends import EndSuite
from hyflow.testing.returning import ResumeSuite


class TestBareSlurm(AttemptSuite, ResumeSuite, EndSuite):
    lasting = 5.0

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return clusters.connected(context, "cloud", workdir=f"/scratch/ada/suite-{context.state.parent.name}")
