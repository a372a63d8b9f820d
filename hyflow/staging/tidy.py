"""When a run is over: what its attempts left is removed, but for what they said (stdout and stderr) and what is kept for reuse."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection
from pathlib import Path

from hyflow.connector import Connector
from hyflow.model.places import Location
from hyflow.shell.trips import trip
from hyflow.staging import here
from hyflow.staging.claims import NAME as CLAIMS

OWN = ("data", "images", "landed", CLAIMS)
"""What a run works with in its own directory on this machine, by name."""
_SCRIPT = """
cd "$1" 2>/dev/null || exit 0
while IFS= read -r key; do [ -L "./$key" ] || mkdir "./$key/keep"; done 2>/dev/null
rm -rf ./data ./.starter 2>/dev/null
for part in ./*/out ./*/tmp ./*/in; do
    [ -d "$part" ] && [ ! -L "$part" ] || continue
    case $part in */out) [ ! -d "${part%/out}/keep" ] || continue ;; esac
    rm -rf "$part" 2>/dev/null || { chmod -R u+rwx "$part" 2>/dev/null; rm -rf "$part"; }
done
find . -path './*/out' -prune -o -type f -size 0 -exec rm -f {} + 2>/dev/null
rmdir ./*/keep ./* 2>/dev/null
cd / && rmdir "$1" 2>/dev/null
exit 0
"""
"""Input: the attempts whose output is kept, one a line. An empty directory marks them meanwhile."""

_WIPE = """
cd "$1" 2>/dev/null || exit 0
used() { du -sk . 2>/dev/null | { read -r size rest; echo "${size:-0}"; }; }
find_rest() { # what lies in the directories of attempts and is no log; no link is followed
    find . -path './*/*' -prune \\( ! -type f -o ! -name stdout ! -name stderr \\) "$@"
}
before=$(used)
rm -rf ./.starter
rm -rf ./data 2>/dev/null || { chmod -R u+rwx ./data; rm -rf ./data; } 2>/dev/null
find . -type d ! -name . -prune ! -perm -700 -exec chmod u+rwx {} +
find_rest -exec rm -rf {} + 2>/dev/null
find_rest -type d -exec chmod -R u+rwx {} + 2>/dev/null # a tool may have taken away the right to remove what it made
find_rest -exec rm -rf {} +
left=$(find_rest -print | head -n 3)
find . -type f -size 0 -exec rm -f {} + 2>/dev/null
rmdir ./* 2>/dev/null
echo $((before - $(used)))
[ -z "$left" ] && [ ! -e ./data ] || { echo "still there: $left" >&2; exit 1; }
cd / && rmdir "$1" 2>/dev/null
exit 0
"""
"""As _SCRIPT, and more: in the directories of attempts that had no end there may be anything. Output: how much that freed, in KiB."""


async def tidy_site(connector: Connector, location: Location, run: str, keep: Collection[str] = ()) -> None:
    """Tidy the run's directory at a site, in one round trip; of the attempts whose keys are in `keep`, `out` stays. Raises SiteError."""
    argv = ("sh", "-c", _SCRIPT, "sh", posixpath.join(location.workdir, run))
    await trip(connector, argv, "".join(f"{key}\n" for key in keep).encode(), what=f"tidying up at {location}", long=True)


async def wipe(connector: Connector, location: Location, run: str) -> int:
    """Remove all of a run at a location but the logs of its attempts, none of which runs any more; the bytes that this freed, as nearly
    as is known. Raises SiteError when something could not be removed."""
    where = posixpath.join(location.workdir, run)
    answer = await trip(connector, ("sh", "-c", _WIPE, "sh", where), what=f"removing what is left in {where}", long=True)
    return max(0, int(answer or 0)) * 1024


def tidy_own(run_dir: Path) -> None:
    """Tidy the run's own directory on this machine, wherever its jobs ran."""
    for name in OWN:
        here.remove(str(run_dir / name))


def tidy_here(location: Location, run: str, keep: Collection[str] = ()) -> None:
    """Tidy the run's directory at a location on this machine; of the attempts whose keys are in `keep`, `out` stays. Directories that are
    empty already stay, too: to remove one costs more than it holds."""
    attempts = os.path.join(location.workdir, run)
    if not os.path.isdir(attempts):
        return
    kept = frozenset(keep)
    for attempt in os.scandir(attempts):
        if attempt.name in kept:
            continue
        out = os.path.join(attempt.path, "out")
        if attempt.is_dir(follow_symlinks=False) and not os.path.islink(out) and os.path.isdir(out) and os.listdir(out):
            here.remove(out)
