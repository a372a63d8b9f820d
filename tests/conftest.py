"""What all tests share: a home of their own for hyflow, no network, and nothing left running when they have ended."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest


def pytest_configure() -> None:
    """Whoever started the tests may ignore signals (nohup, jobs in the background), and what is ignored stays so in all that they start."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    # No test fails for its time: by default hypothesis allows 0.2 seconds for an example.
    hypothesis.settings.register_profile("untimed", hypothesis.settings(deadline=None))
    hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def hyflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What hyflow keeps goes below the session's temporary directory, in this process and in those that tests start."""
    home = tmp_path_factory.mktemp("hyflow-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYFLOW_HOME", str(home))
        yield home


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """This process reaches this machine alone: a test that asks the world fails, and says whom it asked."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_here(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}")
        real(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def is_here(host: str) -> bool:
    """Whether the address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """When all tests have ended, no process works below the session's temporary directory (seen on Linux alone)."""
    yield
    base = tmp_path_factory.getbasetemp().resolve()
    ending = time.monotonic() + 5
    while (left := working_below(base)) and time.monotonic() < ending:
        time.sleep(0.1)
    assert not left, f"tests left processes running: {left}"


def working_below(base: Path) -> list[str]:
    """Processes, other than this one, whose working directory lies below `base`: their ids and commands."""
    found = []
    for cwd in [Path("/proc", number, "cwd") for number in os.listdir("/proc") if number.isdigit()]:
        try:
            if int(cwd.parent.name) != os.getpid() and cwd.readlink().is_relative_to(base):
                found.append(f"{cwd.parent.name} {cwd.with_name('cmdline').read_bytes().decode(errors='replace')}")
        except OSError:
            continue
    return found
