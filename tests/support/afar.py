"""The lab's machines behind SSH: connecting with them, and what happens on the way to them."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from commandline import processes
from lab import setting

from hyflow.connector import Connector, SiteContext
from hyflow_ssh import Settings, plugin


def settings(host: str = "cluster", **given: Any) -> Settings:
    """A machine of the lab, by its alias in the lab's SSH configuration."""
    return Settings(host=host, **{"config": setting("SSH_CONFIG"), "poll": 0.5, **given})


def connect(context: SiteContext, host: str = "cluster", **given: Any) -> AbstractAsyncContextManager[Connector]:
    return plugin.connect(settings(host, **given), context)


@contextlib.contextmanager
def short_home() -> Iterator[Path]:
    """A home for hyflow under a name so short that ssh's sockets fit in, where no earlier connection is found and none is left."""
    with tempfile.TemporaryDirectory(prefix="hf-") as place, no_masters_left(Path(place)), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYFLOW_HOME", place)
        yield Path(place)


@contextlib.contextmanager
def no_masters_left(home: Path | None = None, seconds: float = 5) -> Iterator[None]:
    """In the end no process holds a connection of ssh for a hyflow with this home (the session's, if none is given)."""
    yield
    place = home or Path(os.environ["HYFLOW_HOME"])
    ending = time.monotonic() + seconds
    while (left := masters(place)) and time.monotonic() < ending:
        time.sleep(0.05)
    end_masters(place)
    assert not left, f"connections of ssh are left: {left}"


def masters(home: Path) -> list[int]:
    """The processes that hold a connection for a hyflow with this home."""
    return [int(line.split()[0]) for line in processes(f"{home}/ssh/") if r"\x00-M\x00" in line or "[stopped mux]" in line]


def end_masters(home: Path) -> None:
    """Those who logged in at a terminal stay on purpose."""
    for number in masters(home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)


def configured(place: Path, known_hosts: Path | str, *more: str) -> str:
    """A configuration file like the lab's, with other known hosts, and with these lines before all others."""
    lines = [*more, f"UserKnownHostsFile {known_hosts}", Path(setting("SSH_CONFIG")).read_text()]
    file = place / "config"
    file.write_text("\n".join(lines))
    return str(file)
