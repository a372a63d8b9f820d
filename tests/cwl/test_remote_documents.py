"""Documents from afar: what they may name; servers that stall, send without end, or from one address to the next. On loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hyflow.cwl import fetching
from hyflow.cwl.load import load
from hyflow.errors import WorkflowError

TOOL = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: cat\n"
DONE = "inputs: []\noutputs: []\n"
FLOW = "cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\nsteps: {a: {run: RUN, in: [], out: []}}\n"


class Site:
    """A server on loopback. `texts` by path; `ways` are other manners to answer by path. Everything ends when `over` is set."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.over = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.ways: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
            "/silent": self._silent, "/endless": self._endless, "/drip": self._drip, "/headers": self._headers,
            "/round": lambda to: self._redirect(to, "/round"), "/local": lambda to: self._redirect(to, "file:///etc/passwd"),
        }  # fmt: skip

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        try:
            if to.path in self.ways:
                self.ways[to.path](to)
            elif to.path in self.texts:
                self._send(to, self.texts[to.path].encode())
            else:
                to.send_error(404, "Not Found")
        except OSError:
            pass  # whoever asked is gone

    def _send(self, to: BaseHTTPRequestHandler, data: bytes) -> None:
        to.send_response(200)
        to.send_header("Content-Length", str(len(data)))
        to.end_headers()
        to.wfile.write(data)

    def _redirect(self, to: BaseHTTPRequestHandler, target: str) -> None:
        to.send_response(302)
        to.send_header("Location", target)
        to.end_headers()

    def _silent(self, to: BaseHTTPRequestHandler) -> None:
        self.over.wait(30)

    def _endless(self, to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while not self.over.is_set():
            to.wfile.write(b"# " + b"x" * (1 << 20) + b"\n")

    def _drip(self, to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while not self.over.wait(0.05):
            to.wfile.write(b"#")

    def _headers(self, to: BaseHTTPRequestHandler) -> None:
        to.wfile.write(b"HTTP/1.0 200 OK\r\n")
        while not self.over.wait(0.05):
            to.wfile.write(b"X: y\r\n")


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.over.set()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def told(address: str) -> str:
    with pytest.raises(WorkflowError) as caught:
        load(address, cache=None)
    message = str(caught.value)
    assert "root:" not in message and "Errno" not in message
    return message


@pytest.mark.parametrize(("path", "what"), [
    ("/nothing", "the server answered 404 Not Found"),
    ("/round", "the server sends from one address to the next, more than 10 times"),
    ("/local", "the server sends to an address that is neither http: nor https:"),
    ("/endless", "the document is larger than 1 MiB"),
    ("/silent", "the server did not send the document in time"),
    ("/drip", "the server did not send the document in time"),
    ("/headers", "the server did not send the document in time"),
])  # fmt: skip
def test_servers_that_give_no_document(site: Site, monkeypatch: pytest.MonkeyPatch, path: str, what: str) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 1.0)
    monkeypatch.setattr(fetching, "SILENCE", 0.5)
    monkeypatch.setattr(fetching, "LARGEST", 1 << 20)
    begun = time.monotonic()
    assert told(site.address + path).startswith(f"{site.address}{path}: {what}")
    assert time.monotonic() - begun < 15


def test_a_server_that_is_not_there() -> None:
    assert told("http://127.0.0.1:9/x.cwl").startswith("http://127.0.0.1:9/x.cwl: the server cannot be reached, or broke off")


def test_a_password_in_an_address_is_not_told(site: Site) -> None:
    message = told(site.address.replace("//", "//ada:secret@") + "/nothing")
    assert "secret" not in message and "404" in message


@pytest.mark.parametrize(("text", "line"), [
    (TOOL + "requirements: {InlineJavascriptRequirement: {expressionLib: [{$include: 'file:///etc/passwd'}]}}\n" + DONE, 4),
    (TOOL + "requirements: [{$import: 'file:///etc/passwd'}]\n" + DONE, 4),
    (TOOL + "requirements: [{$mixin: 'file:///etc/passwd', class: NetworkAccess}]\n" + DONE, 4),
    (TOOL + "inputs: {$import: 'file:///etc/passwd'}\noutputs: []\n", 4),
    (FLOW.replace("RUN", "'file:///etc/passwd'"), 5),
    (TOOL + "inputs: {f: {type: File, default: {class: File, location: 'file:///etc/passwd'}}}\noutputs: []\n", 4),
    (TOOL + "inputs: {f: {type: File, default: {class: File, path: x, secondaryFiles: [{class: File, location: 'file:///etc/passwd'}]}}}\n"
            "outputs: []\n", 4),
    (TOOL + "inputs: {f: {type: Any, default: {a: [{class: Directory, location: 'file:///etc'}]}}}\noutputs: []\n", 4),
    (TOOL + DONE + "$schemas: ['file:///etc/passwd']\n", 6),
])  # fmt: skip
def test_a_remote_document_may_not_name_local_files(site: Site, text: str, line: int) -> None:
    site.texts["/x.cwl"] = text
    message = told(f"{site.address}/x.cwl")
    assert "a remote document may not name the local file" in message and "/etc" in message
    assert message.startswith(f"{site.address}/x.cwl:{line}:")


def test_nor_when_a_local_workflow_runs_it(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    site.texts["/x.cwl"] = TOOL + "requirements: [{$import: 'file:///etc/passwd'}]\n" + DONE
    Path("flow.cwl").write_text(FLOW.replace("RUN", f"'{site.address}/x.cwl'"))
    assert "a remote document may not name the local file /etc/passwd" in told("flow.cwl")
    site.texts["/x.cwl"] = TOOL + "inputs: {f: {type: File, default: {class: File, location: 'file:///etc/passwd'}}}\noutputs: []\n"
    assert "/etc/passwd" in told("flow.cwl")


def test_namespaces_name_nothing(site: Site) -> None:
    site.texts["/x.cwl"] = TOOL + DONE + "$namespaces: {a: 'file:///etc/passwd'}\n"
    assert load(f"{site.address}/x.cwl", cache=None).source == f"{site.address}/x.cwl"


def test_mistakes_of_a_remote_document_have_their_place(site: Site) -> None:
    site.texts |= {"/flow.cwl": FLOW.replace("RUN", "tol.cwl"), "/bad.cwl": TOOL + "inputs: {a: strng}\noutputs: []\n"}
    assert told(f"{site.address}/bad.cwl").startswith(f"{site.address}/bad.cwl:4:13: there is no type 'strng'")
    assert told(f"{site.address}/flow.cwl").startswith(f"{site.address}/flow.cwl:5:18: {site.address}/tol.cwl: the server answered 404")
