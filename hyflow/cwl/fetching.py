"""The texts of documents, from this machine and from afar: within bounds of size and time, and every one remembered.

What came from afar may not name files of this machine. Knows nothing of YAML but how much of it is too much.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from schema_salad.fetcher import DefaultFetcher

from hyflow.cwl.addresses import shown
from hyflow.cwl.written import LARGEST, Unreadable, bounded
from hyflow.errors import HyflowError, Where, WorkflowError
from hyflow.misread import undecodable

PATIENCE = 60.0
"""Seconds that a document from afar may take as a whole."""

SILENCE = 20.0
"""Seconds that a server may say nothing."""

_MOST_REDIRECTS = 10
_NOT_ALLOWED = "a remote document may not name the local file"


class Fetched:
    """What has been read so far: `texts` by address. `remote`: the first of them came from afar."""

    def __init__(self, *, remote: bool) -> None:
        self.texts: dict[str, str] = {}
        self._remote = remote
        self._failed: dict[str, WorkflowError] = {}

    def text(self, address: str) -> str:
        """The text at an address, read once. Raises WorkflowError."""
        if address in self._failed:
            raise self._failed[address]
        if address not in self.texts:
            try:
                self.texts[address] = self._read(address)
            except WorkflowError as error:
                self._failed[address] = error
                raise
        return self.texts[address]

    def there(self, address: str) -> bool:
        """Whether there is something at an address of a file, or of what can be fetched."""
        if address.startswith("file:"):
            return not self._remote and os.path.exists(_path(address))
        try:
            self.text(address)
        except WorkflowError:
            return False
        return True

    def _read(self, address: str) -> str:
        if address.startswith("file:"):
            if self._remote:
                raise WorkflowError(
                    f"{_NOT_ALLOWED} {shown(address)}", hint="put the file beside the document and name it by a relative path"
                )
            data = read_file(_path(address), shown(address))
        elif address.startswith(("http:", "https:")):
            data = _within(PATIENCE, address)
        else:
            raise WorkflowError(
                f"{address.partition(':')[0]}: addresses cannot be read", where=shown(address), hint="a path, http: or https: can"
            )
        if (wrong := undecodable(data)) is not None:
            raise Unreadable(wrong.what, where=Where(shown(address), wrong.line, wrong.column), hint=wrong.hint)
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        bounded(address, text)
        return text


class Fetcher(DefaultFetcher):
    """Gives schema-salad what it asks for."""

    def __init__(self, cache: Any, session: Any, fetched: Fetched) -> None:
        super().__init__(cache, session)
        self._fetched = fetched

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        known = self.cache.get(url)
        return known if isinstance(known, str) else self._fetched.text(url)

    def check_exists(self, url: str) -> bool:
        return url in self.cache or url.startswith("mailto:") or self._fetched.there(url)


def read_file(path: str, called: str) -> bytes:
    """The bytes of a document of this machine. Raises WorkflowError."""
    try:
        if os.path.isdir(path):
            raise WorkflowError("this is a directory, and a document is a file", where=called, hint="name the file in it")
        if not os.path.isfile(path) and os.path.exists(path):
            raise WorkflowError("this is no ordinary file", where=called)
        with Path(path).open("rb") as file:
            return _small(file.read(LARGEST + 1), called)
    except OSError as error:
        raise refused(error, called) from error


def refused(error: OSError, called: str) -> WorkflowError:
    """What the system says when a file cannot be read."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return WorkflowError("there is no such file", where=called)
        case PermissionError():
            return WorkflowError("this file may not be read", where=called, hint="its owner can let you: chmod +r")
        case _:
            return WorkflowError(f"this file cannot be read: {(error.strerror or 'the system refuses').lower()}", where=called)


def _path(address: str) -> str:
    return unquote(urlsplit(address).path, errors="surrogateescape")


def _small(data: bytes, called: str) -> bytes:
    if len(data) > LARGEST:
        raise Unreadable(
            f"the document is larger than {LARGEST >> 20} MiB", where=called, hint="large data belong into files that inputs name"
        )
    return data


def _within(seconds: float, address: str) -> bytes:
    """What a server sends, on a thread of its own: a server may drip for ever, and nothing else ends that."""
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
    ending = time.monotonic() + seconds

    def work() -> None:
        try:
            answers.put(_download(address, ending))
        except Exception as error:  # it belongs to the thread that waits
            answers.put(error)

    threading.Thread(target=work, name="hyflow-fetching", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, bytes):
        return answer
    raise _unfetched(answer, address) from answer


def _download(address: str, ending: float) -> bytes:
    with requests.Session() as session:
        session.max_redirects = _MOST_REDIRECTS
        with session.get(address, stream=True, timeout=min(SILENCE, PATIENCE)) as answer:
            if answer.status_code >= 400:
                raise WorkflowError(f"the server answered {answer.status_code} {answer.reason or ''}".rstrip(), where=shown(address))
            data = bytearray()
            for chunk in answer.iter_content(1 << 16):
                data += chunk
                _small(bytes(data[:0]) if len(data) <= LARGEST else bytes(data), shown(address))
                if time.monotonic() > ending:
                    raise TimeoutError
            return bytes(data)


def _unfetched(error: Exception, address: str) -> WorkflowError:
    """Why a server did not give a document."""
    called = shown(address)
    match error:
        case HyflowError():
            return error if isinstance(error, WorkflowError) else WorkflowError(str(error), where=called)
        case TimeoutError() | requests.Timeout():
            what, hint = "the server did not send the document in time", "fetch it by hand, or try again later"
        case requests.TooManyRedirects():
            what, hint = (
                f"the server sends from one address to the next, more than {_MOST_REDIRECTS} times",
                "name the address where the document is",
            )
        case requests.exceptions.InvalidSchema() | requests.exceptions.InvalidURL() | requests.exceptions.MissingSchema():
            what, hint = "the server sends to an address that is neither http: nor https:", "name the address where the document is"
        case requests.exceptions.SSLError():
            what, hint = "the server's certificate cannot be trusted", "check the address"
        case requests.ConnectionError():
            timed = "timed out" in str(error).lower()
            what = "the server did not send the document in time" if timed else "the server cannot be reached, or broke off"
            hint = "check the address and the connection"
        case _:
            what, hint = "the document cannot be fetched", "check the address"
    return WorkflowError(what, where=called, hint=hint)
