"""Where things are: locations that run tasks, file systems that hold data, replicas of data."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from hyflow.model.resources import Resources

HERE = "local"
"""The name of the file system of the machine that hyflow runs on; its root is /."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A copy of some data: `path` is relative to the root of the file system, without a leading slash."""

    filesystem: str
    path: str

    @property
    def uri(self) -> str:
        """The address of this copy: file:///... on this machine, site://FILESYSTEM/... elsewhere, bytes percent-encoded."""
        text = quote(os.fsencode(self.path))
        return f"file:///{text}" if self.filesystem == HERE else f"site://{self.filesystem}/{text}"


def replica_of(uri: str) -> Replica | None:
    """The copy that a file: or site: address names; None for an address of another kind, and for what is none."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = os.fsdecode(unquote_to_bytes(uri[len(parts.scheme) + 3 + len(parts.netloc):])).lstrip("/")
    if parts.scheme == "file":
        return Replica(HERE, path)
    return Replica(parts.netloc, path) if parts.scheme == "site" else None


def redacted(uri: str) -> str:
    """The address as messages may show it: without user, password and query, which may all be secrets; files stay as they are."""
    if uri.startswith(("file:", "site:")) or "://" not in uri:
        return uri
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return f"{uri.partition('://')[0]}://..."  # a slash in the password looks like a path
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="..." if parts.query else ""))


@dataclass(frozen=True, slots=True)
class DataRef:
    """Which data. `uri` is the address that it was born under, its identity in a run; `sha256` in hex once known."""

    uri: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A place inside a site that runs tasks.

    `capacity` is what may be in use at once, None where the site queues by itself; `largest` is the largest request that
    it can ever satisfy (None: not known). `ahead`: how many attempts beyond its capacity it takes all the same, and starts in
    their order when there is room, so that nothing stands idle between one job and the next; where the site queues by itself, how many
    attempts it takes at a time, queued and running together (0: as many as there are). `mounts` says where each file
    system is mounted, as absolute paths; `workdir` is the absolute directory, on `filesystem`, below which hyflow makes its own.
    `fleeting`: its attempts are processes of hyflow's own machine, which end when hyflow is interrupted; elsewhere they go on, and are
    found again. `apart`: its attempts run on other machines than the commands of `Connector.open`, and share nothing with these but files.
    `time_limit`: after how many seconds it ends what has no time limit of its own (None: never, or not known); such attempts are given
    this one.
    """

    site: str
    name: str
    filesystem: str
    workdir: str
    mounts: Mapping[str, str]
    capacity: Resources | None = None
    largest: Resources | None = None
    ahead: int = 0
    fleeting: bool = False
    apart: bool = False
    time_limit: float | None = None

    def __str__(self) -> str:
        return f"{self.site}/{self.name}" if self.name else self.site

    def path(self, replica: Replica) -> str | None:
        """The absolute path of the replica as seen here, or None where its file system is not mounted."""
        root = self.mounts.get(replica.filesystem)
        return None if root is None else posixpath.join(root, replica.path)

    def replica(self, path: str) -> Replica | None:
        """The replica that lies at an absolute path here (of the deepest mount that holds it), or None."""
        best: Replica | None = None
        depth = -1
        for filesystem, root in self.mounts.items():
            prefix = root.rstrip("/") + "/"
            if path.startswith(prefix) and len(prefix) > depth:
                best, depth = Replica(filesystem, path[len(prefix):]), len(prefix)
        return best


@dataclass(frozen=True, slots=True)
class Place:
    """Where one attempt will run, in plain values: all that `cwl.bind` may know of a site.

    `dir` is the attempt's own directory as an absolute path on the machine, `uri` its address. `outdir`, `tmpdir` and `indir` are
    the absolute paths that the command will see (of the directories out, tmp and in below `dir`). `sources` maps the
    address of each staged file or directory to its absolute path on the machine, links resolved. `contained`: the command will run in
    the container that its tool asks for.
    """

    dir: str
    uri: str
    outdir: str
    tmpdir: str
    indir: str
    sources: Mapping[str, str]
    resources: Resources
    contained: bool = False
