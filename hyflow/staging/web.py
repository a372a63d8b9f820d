"""Inputs from the web: http and https addresses, fetched to this machine, whole or not at all.

What may pass (a server that is busy, a connection that breaks) is tried again a few times. Secrets in addresses are never shown.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import random
import secrets
import shutil
import ssl
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from hyflow.errors import SiteError
from hyflow.model.places import redacted

TIMEOUT = 60.0
"""Seconds without a byte after which a transfer has failed."""

PAUSES: Sequence[float] = (1.0, 2.0, 5.0)
"""Seconds between one try and the next (and up to as many again, so that not all come back at once)."""

RESERVE = 64 << 20
"""Bytes that a download leaves free on the disk."""

_LONGEST_PAUSE = 60.0
_CHUNK = 1 << 20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS = {
    401: "a name and a password can stand in the address: https://NAME:PASSWORD@...",
    403: "the server does not give it to everybody: a name and a password can stand in the address, as https://NAME:PASSWORD@...",
    404: "look at the address: the server knows nothing by this name",
    407: "the proxy that is set (http_proxy) wants a name and a password",
    410: "look at the address: the server says that it is gone for good",
}


class NotFetched(SiteError):
    """What is at `uri` cannot be had. `pause`: how many seconds the server asks to wait."""

    def __init__(self, uri: str, what: str, *, transient: bool, hint: str | None = None, pause: float = 0.0) -> None:
        super().__init__(f"{redacted(uri)}: {what}", transient=transient, hint=hint)
        self.uri, self.pause = uri, pause


def is_web(uri: str) -> bool:
    """Whether the address is one that `fetch` understands."""
    return uri[:8].lower().startswith(("http://", "https://"))


async def fetched(uri: str, target: str) -> None:
    """`fetch`, and again after a pause where that may help. Raises NotFetched."""
    for pause in PAUSES:
        try:
            await _once(uri, target)
        except NotFetched as error:
            if not error.transient or error.pause > _LONGEST_PAUSE:
                raise
            await asyncio.sleep(max(error.pause, pause * (1 + random.random())))  # noqa: S311 - no secret
        else:
            return
    await _once(uri, target)


async def _once(uri: str, target: str) -> None:
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
    """Copy what the address gives to the file `target`, which appears under its name only when it is whole. Raises NotFetched."""
    part = Path(target).with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with _answer(uri) as answer:
            _copy(uri, answer, part, stopped)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _answer(uri: str) -> Any:
    """The server's answer, redirections followed."""
    try:
        _ = urlsplit(uri).port  # ValueError: none that there can be
        opener = urllib.request.build_opener(_Redirects)
        return opener.open(_request(uri), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(uri, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(uri, error) from error


def _copy(uri: str, answer: Any, part: Path, stopped: threading.Event) -> None:
    """Write what comes to the file, unpacked where the server has packed it on its own."""
    expected = _length(uri, answer)
    _check_room(uri, part, expected or 0)
    came = _Count()
    body = came.counted(_chunks(uri, answer, stopped))
    with part.open("wb") as file:
        written = 0
        for chunk in _unpacked(uri, answer, body):
            if written // _CHUNK // 16 != (written + len(chunk)) // _CHUNK // 16:
                _check_room(uri, part, len(chunk))
            _write(uri, file, chunk)
            written += len(chunk)
    if expected is not None and expected != came.total and not stopped.is_set():
        raise NotFetched(uri, f"the connection broke off after {came.total:,} of {expected:,} bytes", transient=True)


def _chunks(uri: str, answer: Any, stopped: threading.Event) -> Iterator[bytes]:
    try:
        while not stopped.is_set() and (chunk := answer.read1(_CHUNK)):
            yield chunk
    except http.client.IncompleteRead as error:
        raise NotFetched(uri, "the connection broke off before the end", transient=True) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(uri, error) from error


class _Count:
    """How many bytes came."""

    def __init__(self) -> None:
        self.total = 0

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.total += len(chunk)
            yield chunk


def _unpacked(uri: str, answer: Any, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of the file. Nobody asked for them to be packed: a server that does so all the same serves either a file that is itself
    packed (x.gz), which stays as it is, or one that must be unpacked."""
    coding = str(answer.headers.get("Content-Encoding") or "identity").strip().lower()
    packed = urlsplit(uri).path.lower().endswith((".gz", ".tgz", ".bgz", ".z"))
    if coding == "identity" or (packed and coding in ("gzip", "x-gzip")):
        yield from chunks
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise NotFetched(uri, f"the server packs it in a way that nobody asked for ({coding[:40]})", transient=False)
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            while chunk:
                yield unpack.decompress(chunk, _CHUNK)
                chunk = unpack.unconsumed_tail
    except zlib.error as error:
        raise NotFetched(uri, f"what the server sends is not the {coding} that it says it is", transient=False) from error
    if not unpack.eof:
        raise NotFetched(uri, f"it is packed as {coding} and breaks off before its end", transient=True)


def _length(uri: str, answer: Any) -> int | None:
    """How many bytes the server says that there are."""
    said = answer.headers.get("Content-Length")
    if said is None or answer.chunked:
        return None
    if not said.strip().isdigit():
        raise NotFetched(uri, f"the server says that it has {said.strip()[:20]!r} bytes, which is no number", transient=True)
    return int(said)


def _check_room(uri: str, part: Path, wanted: int) -> None:
    """Leave some of the disk to the rest of the run: its own record lies there, too."""
    free = shutil.disk_usage(part.parent).free
    if free - RESERVE < wanted:
        size = f"it has {wanted:,} bytes" if wanted > _CHUNK else "it does not end"
        raise NotFetched(uri, f"there is no room for it: {size}, and {part.parent} has {free:,} bytes left", transient=False,
                         hint="make room there, or set HYFLOW_HOME to a directory on a larger disk")  # fmt: skip


def _write(uri: str, file: Any, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        reason = (error.strerror or "the disk refuses it").lower()
        where = f"it was to lie below {Path(file.name).parent}"
        raise NotFetched(uri, f"it cannot be kept here: {reason}", transient=False, hint=where) from error


def _refused(uri: str, error: urllib.error.HTTPError) -> NotFetched:
    if 300 <= error.code < 400:
        return NotFetched(uri, f"the server points somewhere else in vain (status {error.code}): {_elsewhere(error)}", transient=False)
    reason = " ".join(str(error.reason).split())[:100]
    passing = error.code in _PASSING
    hint = "tried several times; try again later" if passing else _HINTS.get(error.code)
    return NotFetched(uri, f"the server answers {error.code} {reason}".rstrip(), transient=passing, hint=hint,
                      pause=_asked_pause(error.headers.get("Retry-After")))  # fmt: skip


def _elsewhere(error: urllib.error.HTTPError) -> str:
    if "infinite loop" in str(error.reason):
        return "it does so without end"
    target = str(error.headers.get("Location") or "")
    if not target:
        return "it does not say where"
    return f"{redacted(target)} is no http address" if not is_web(target) else "it cannot be followed"


def _asked_pause(said: str | None) -> float:
    return float(said) if said is not None and said.strip().isdigit() and len(said) < 6 else 0.0


def _failed(uri: str, error: Exception) -> NotFetched:
    """What a connection can end in."""
    reason = getattr(error, "reason", None) or error
    match reason:
        case ssl.SSLCertVerificationError():
            return NotFetched(uri, f"the server's certificate is not trusted: {reason.verify_message}", transient=False,
                              hint="if it is a server of your own, let SSL_CERT_FILE name the certificates that you trust")  # fmt: skip
        case ssl.SSLError():
            return NotFetched(uri, "no safe connection to the server can be made", transient=False, hint="is it an https server?")
        case TimeoutError():
            return NotFetched(uri, f"the server sent nothing for {TIMEOUT:g} seconds: timed out", transient=True)
        case ConnectionRefusedError():
            return NotFetched(uri, "the connection is refused: no server listens there", transient=True)
        case OSError() if type(reason).__name__ == "gaierror":
            return NotFetched(uri, "there is no machine of this name", transient=getattr(reason, "errno", 0) == -3,
                              hint="look at the name of the server in the address, and whether this machine is on the network")  # fmt: skip
        case OSError() if isinstance(error, OSError) and reason.strerror:
            return NotFetched(uri, f"the connection failed: {str(reason.strerror).lower()}", transient=True)
        case str() | http.client.InvalidURL() | ValueError():
            return NotFetched(uri, "this is no address that can be fetched", transient=False)
        case http.client.RemoteDisconnected():
            return NotFetched(uri, "the server ended the connection without an answer", transient=True)
    return NotFetched(uri, "cannot be fetched: what the server answers is not HTTP", transient=True)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """To http and https alone, never to a file of this machine."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> urllib.request.Request | None:
        if not is_web(newurl):
            raise urllib.error.HTTPError(req.full_url, code, "not followed", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request(uri: str) -> urllib.request.Request:
    """Credentials in the address go into a header, which does not follow to where the server may point instead."""
    parts = urlsplit(uri)
    credentials, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")))  # noqa: S310 - `is_web` was asked
    if credentials:
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(unquote(credentials).encode()).decode())
    return request
