"""Keeps the details of an unexpected error for whoever will mend it."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
import time
import traceback
from pathlib import Path

from hyflow import __version__
from hyflow.cli.arguments import home


def write_crash(error: BaseException) -> Path:
    """The file, readable by its owner alone: below the home of hyflow, or in the temporary directory when that cannot be written."""
    try:
        folder = home() / "crash"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write(error, folder)
    except OSError:
        return _write(error, Path(tempfile.gettempdir()))


def _write(error: BaseException, folder: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=time.strftime("%Y%m%dT%H%M%S-"), suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"hyflow {__version__}, Python {platform.python_version()}, {platform.platform()}\n{shlex.join(sys.argv)}\n\n")
        file.writelines(traceback.format_exception(error))
    return Path(name)
