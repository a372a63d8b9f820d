"""Inputs from the web: http and https addresses, fetched to this machine."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from hyflow.errors import SiteError
from hyflow.model.facts import Found

TIMEOUT = 60.0
"""Seconds without a byte after which a transfer has failed."""

_CHUNK = 1 << 20


def is_web(uri: str) -> bool:
    """Whether the address is one that `fetch` understands."""
    return urlsplit(uri).scheme in ("http", "https")


def probe(uri: str) -> Found | None:
    """Whether there is something at the address, and how large it says it is (0 when it does not say)."""
    request = urllib.request.Request(uri, method="HEAD")  # noqa: S310 - `is_web` was asked
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return Found("f", int(answer.headers.get("Content-Length") or 0))
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except (OSError, http.client.HTTPException, ValueError):
        return None


def fetch(uri: str, target: str) -> None:
    """Copy what the address gives to the file `target`, which appears under its name only when it is whole."""
    part = target + ".part"
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(uri, timeout=TIMEOUT) as answer, Path(part).open("wb") as file:  # noqa: S310
            expected, got = answer.headers.get("Content-Length"), 0
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                got += len(chunk)
        if expected is not None and int(expected) != got:
            raise SiteError(f"{redacted(uri)} broke off after {got:,} of {int(expected):,} bytes", transient=True)
        os.rename(part, target)
    except urllib.error.HTTPError as error:
        error.close()
        raise SiteError(f"{redacted(uri)} answers {error.code} {error.reason}", transient=error.code >= 500) from error
    except (OSError, http.client.HTTPException) as error:
        raise SiteError(f"{redacted(uri)} cannot be fetched: {error}", transient=True) from error
    finally:
        Path(part).unlink(missing_ok=True)


def redacted(uri: str) -> str:
    """The address without the credentials that it may hold."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="..." if parts.query else ""))
