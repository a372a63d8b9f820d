"""Why a file or directory of this machine cannot be used as an input, and what its owner can do: in words for people."""

from __future__ import annotations

import os
import re
import stat

from hyflow.nearest import nearest_beside

_KINDS = (
    (stat.S_ISFIFO, "a named pipe (FIFO)", "write what comes out of it into a file first: a job may be run again, a pipe is read once"),
    (stat.S_ISSOCK, "a socket", None),
    (stat.S_ISCHR, "a device", "copy what it gives into a file first"),
    (stat.S_ISBLK, "a disk", "name a file on it"),
)
_HOME = re.compile(r"/~([^/]*)/")
_VARIABLE = re.compile(r"/\$\{?(\w+)\}?/")


def absence(path: str, kind: str) -> tuple[str, str | None]:
    """What is wrong with the path where a file ("f") or directory ("d") should lie, and what to do, None where that is plain."""
    wanted = "directory" if kind == "d" else "file"
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return _nothing(path, wanted)
    except PermissionError:
        return f"you may not look at {_named(path)}", f"{_named(_closed(path))} does not let you in"
    except NotADirectoryError:
        return f"there is no {wanted} {_named(path)}", f"{_named(_deepest(path))} is a file, not a directory"
    except OSError as error:
        loop = os.path.islink(path) and "Too many levels" in (error.strerror or "")
        return (f"{_named(path)} is a link that leads in a circle" if loop else f"there can be no {wanted} {_named(path, 200)}: "
                f"{(error.strerror or 'the system refuses it').lower()}"), None  # fmt: skip
    except ValueError:
        return f"there can be no {wanted} with this name", None
    for is_kind, words, hint in _KINDS:
        if is_kind(status.st_mode):
            return f"{_named(path)} is {words}, not a {wanted}", hint
    return f"{_named(path)} cannot be used as a {wanted}", None


def _nothing(path: str, wanted: str) -> tuple[str, str | None]:
    if os.path.islink(path):
        target = _named(os.readlink(path))
        return f"{_named(path)} is a link to {target}, which is not there", "make the link lead to something, or name that"
    what = f"there is no {wanted} {_named(path)}"
    if (hint := _unexpanded(path)) is not None:
        return what, hint
    around = _deepest(path)
    if around != os.path.dirname(path.rstrip("/")):
        missing = os.path.join(around, path[len(around):].strip("/").split("/")[0])
        near = nearest_beside(missing, directories=True)
        meant = f"did you mean {_named(near)}?" if near else "it is looked for from the job file's own directory, or from yours after a --"
        return what, f"there is no directory {_named(missing)} either: {meant}"
    near = nearest_beside(path, directories=wanted == "directory") or nearest_beside(path)
    return what, f"did you mean {_named(near)}?" if near else None


def _unexpanded(path: str) -> str | None:
    """What only a shell would have understood."""
    if (home := _HOME.search(path)) is not None:
        meant = os.path.expanduser(f"~{home[1]}") + path[home.end() - 1:]
        return f"~ means nothing in a job file: write {_named(meant)}"
    if (variable := _VARIABLE.search(path)) is not None:
        return f"variables such as ${variable[1]} mean nothing in a job file: write the whole path"
    return None


def _deepest(path: str) -> str:
    """The innermost part of the path around its end that is there."""
    around = os.path.dirname(path.rstrip("/"))
    while around not in ("", "/") and not os.path.lexists(around):
        around = os.path.dirname(around)
    return around


def _closed(path: str) -> str:
    """The outermost directory on the way that may not be entered."""
    parts = path.strip("/").split("/")
    folders = ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]
    return next((folder for folder in folders if not os.access(folder, os.X_OK)), os.path.dirname(path))


def _named(path: str, most: int = 1000) -> str:
    """A path as people would write it: relative where it lies below here."""
    here = os.getcwd().rstrip("/") + "/"
    short = path[len(here):] if path.startswith(here) and len(here) > 1 else path
    return short if len(short) <= most else short[:most] + "..."
