"""The suite that every connector must pass against its real service. Plug-in authors subclass `ConnectorSuite` and say how to connect.

It relies on the connector protocol alone; the site's files are seen through `open`, so nothing need be shared with this machine.
"""

from __future__ import annotations

from hyflow.testing.attempts import AttemptSuite
from hyflow.testing.commands import CommandSuite
from hyflow.testing.enclosures import EnclosureSuite
from hyflow.testing.ends import EndSuite
from hyflow.testing.layout import LayoutSuite
from hyflow.testing.outputs import OutputSuite
from hyflow.testing.pipes import PipeSuite
from hyflow.testing.powers import PowerSuite
from hyflow.testing.returning import ResumeSuite

__all__ = ["AttemptSuite", "ConnectorSuite"]


class ConnectorSuite(AttemptSuite, ResumeSuite, PipeSuite, CommandSuite, LayoutSuite, OutputSuite, EndSuite, EnclosureSuite, PowerSuite):
    """Everything. A connector that runs no commands (a fake) passes `AttemptSuite` alone."""
