"""Inputs from the web: http and https addresses, fetched to this machine."""

from __future__ import annotations

import asyncio
import base64
import http.client
import secrets
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from hyflow.errors import SiteError

TIMEOUT = 60.0
"""Seconds without a byte after which a transfer has failed."""

_CHUNK = 1 << 20


def is_web(uri: str) -> bool:
    """Whether the address is one that `fetch` understands."""
    try:
        return urlsplit(uri).scheme in ("http", "https")
    except ValueError:
        return False


async def fetched(uri: str, target: str) -> None:
    """`fetch`, in a thread that nobody has to wait for: a server that is silent does not hold up who was cancelled."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    stopped = threading.Event()

    def settle(error: BaseException | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            fetch(uri, target, stopped)
        except BaseException as raised:
            error = raised
        if not stopped.is_set():
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=work, name="download", daemon=True).start()
    try:
        await done
    finally:
        stopped.set()


def fetch(uri: str, target: str, stopped: threading.Event) -> None:
    """Copy what the address gives to the file `target`, which appears under its name only when it is whole."""
    part = Path(target).with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        expected, got = _copy(uri, part, stopped)
        if expected is not None and int(expected) != got:
            raise SiteError(f"{redacted(uri)} broke off after {got:,} of {int(expected):,} bytes", transient=True)
        part.rename(target)
    except urllib.error.HTTPError as error:
        error.close()
        raise SiteError(f"{redacted(uri)} answers {error.code} {error.reason}", transient=error.code >= 500) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise SiteError(f"{redacted(uri)} cannot be fetched: {reason}", transient=True) from error
    finally:
        part.unlink(missing_ok=True)


def _copy(uri: str, part: Path, stopped: threading.Event) -> tuple[str | None, int]:
    """How many bytes the server said that there are, and how many came."""
    with urllib.request.urlopen(_request(uri), timeout=TIMEOUT) as answer, part.open("wb") as file:  # noqa: S310 - `is_web` was asked
        got = 0
        while not stopped.is_set() and (chunk := answer.read1(_CHUNK)):
            file.write(chunk)
            got += len(chunk)
        return answer.headers.get("Content-Length"), got


def _request(uri: str) -> urllib.request.Request:
    """Credentials in the address go into a header, which does not follow to where the server may point instead."""
    parts = urlsplit(uri)
    credentials, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")))  # noqa: S310 - `is_web` was asked
    if credentials:
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(unquote(credentials).encode()).decode())
    return request


def redacted(uri: str) -> str:
    """The address without the credentials that it may hold."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "an address that is none"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="..." if parts.query else ""))
