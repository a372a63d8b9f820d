"""After a run that succeeded: what its attempts left is removed, but for what they said (the files stdout and stderr)."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from hyflow.connector import Connector
from hyflow.model.places import Location
from hyflow.shell.trips import trip
from hyflow.staging import here

_SCRIPT = """
cd "$1" 2>/dev/null || exit 0
rm -rf ./data 2>/dev/null
for part in ./*/out ./*/tmp ./*/in; do
    [ -d "$part" ] && [ ! -L "$part" ] || continue
    rm -rf "$part" 2>/dev/null || { chmod -R u+rwx "$part" 2>/dev/null; rm -rf "$part"; }
done
find . -type f -size 0 -exec rm -f {} + 2>/dev/null
rmdir ./* 2>/dev/null
cd / && rmdir "$1" 2>/dev/null
exit 0
"""


async def tidy_site(connector: Connector, location: Location, run: str) -> None:
    """Tidy the run's directory at a site, in one round trip. Raises SiteError."""
    await trip(connector, ("sh", "-c", _SCRIPT, "sh", posixpath.join(location.workdir, run)), what=f"tidying up at {location}", long=True)


def tidy_here(run_dir: Path, location: Location, run: str) -> None:
    """Tidy the run's directories on this machine. Directories that are empty already stay: to remove one costs more than it holds."""
    here.remove(str(run_dir / "data"))
    attempts = os.path.join(location.workdir, run)
    if not os.path.isdir(attempts):
        return
    for attempt in os.scandir(attempts):
        out = os.path.join(attempt.path, "out")
        if attempt.is_dir(follow_symlinks=False) and not os.path.islink(out) and os.path.isdir(out) and os.listdir(out):
            here.remove(out)
