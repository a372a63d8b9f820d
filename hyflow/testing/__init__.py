"""What tests of hyflow and of its plug-ins are made of: the suite that every connector must pass, a fake site, a clock that jumps.

    class TestMine(ConnectorSuite):
        def connect(self, context):
            return plugin.connect(MySettings(...), context)
"""

import pytest

PARTS = ("site", "attempts", "pipes", "commands", "layout", "outputs", "ends", "enclosures", "returning", "powers")
pytest.register_assert_rewrite(*(f"hyflow.testing.{part}" for part in PARTS))

from hyflow.testing.clock import VirtualClock, run_virtual  # noqa: E402 - the rewriting must be registered first
from hyflow.testing.fake import FakeConnector, FakeSite  # noqa: E402 - likewise
from hyflow.testing.site import HOSTILE, SiteUnderTest  # noqa: E402 - likewise
from hyflow.testing.suite import AttemptSuite, ConnectorSuite  # noqa: E402 - likewise

__all__ = ["HOSTILE", "AttemptSuite", "ConnectorSuite", "FakeConnector", "FakeSite", "SiteUnderTest", "VirtualClock", "run_virtual"]
