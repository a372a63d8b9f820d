"""The SSH connector passes the suite over the ssh program as well."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager

import afar
import pytest

from hyflow.connector import Connector, SiteContext
from hyflow.testing import ConnectorSuite


@pytest.fixture(scope="module", autouse=True)
def nobody_left() -> Iterator[None]:
    with afar.no_masters_left():
        yield


class TestProgram(ConnectorSuite):
    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        return afar.connect(context, transport="openssh", workdir=f"~/suite-{context.state.parent.name}")
