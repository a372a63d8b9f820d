"""All that is wrong with a document that could not be loaded, and with all that it names: every mistake once, in the order of the files.

Reads the documents once more, as they were written, whatever made the loader give up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from hyflow.cwl import written
from hyflow.cwl.addresses import beside, shown
from hyflow.cwl.grammar import schema_of
from hyflow.cwl.structure import PROCESSES, Structure
from hyflow.cwl.wiring import Process, problems, required, short
from hyflow.cwl.written import Document, Node, Unreadable, elements, everything, fields, is_map, keys, kind_of, named, text_of
from hyflow.errors import Where, WorkflowError
from hyflow.nearest import nearest, suggestion

VERSIONS = ("v1.0", "v1.1", "v1.2")
MOST_TOLD = 25
"""How many mistakes are told at once."""

Fetch = Callable[[str], str]


def mistakes(uri: str, fetch: Fetch) -> list[WorkflowError]:
    """Every mistake of the document at `uri` and of those that it names; `fetch` gives their texts and raises WorkflowError."""
    survey = _Survey(fetch)
    address, fragment = urldefrag(uri)
    survey.root(address, fragment)
    return survey.told()


class _Survey:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._documents: dict[str, Document | None] = {}
        self._includes: set[str] = set()
        self._checked: set[tuple[str, int]] = set()
        self._path: list[str] = []
        self._found: dict[str, list[WorkflowError]] = {}
        self._version = "v1.2"

    def told(self) -> list[WorkflowError]:
        """The mistakes, file by file in the order in which they were met, each in the order of its lines."""
        listed: list[WorkflowError] = []
        for found in self._found.values():
            listed += sorted(found, key=lambda error: (error.where.line, error.where.column) if isinstance(error.where, Where) else (0, 0))
        found = list({str(error): error for error in listed}.values())
        left = len(found) - MOST_TOLD
        return (
            found if left <= 0 else [*found[:MOST_TOLD], WorkflowError(f"... and {left} more", hint="they are told once these are mended")]
        )

    def root(self, address: str, fragment: str) -> None:
        document = self._document(address, None)
        if document is None:
            return
        if not is_map(document.root):
            self._tell(
                document.error(
                    document.root,
                    f"a CWL document must be an object, found {_CALLED[kind_of(document.root)]}",
                    "it begins with cwlVersion: v1.2 and class: CommandLineTool or another",
                )
            )
            return
        said = fields(document.root)
        if not self._versioned(document, said):
            return
        for schema in elements(said.get("$schemas")):
            self._is_forbidden(document, schema, text_of(schema) or "")
        if "$graph" in said:
            self._graph(document, said["$graph"], fragment)
        else:
            self._process(Process(document, document.root), frozenset())

    def _versioned(self, document: Document, said: dict[str, Node]) -> bool:
        """Whether the version is one that can be checked by."""
        node = said.get("cwlVersion")
        name = (text_of(node) or "").rpartition("#")[2].removeprefix("cwl:")
        if node is None and "$graph" not in said and nearest("cwlVersion", said.keys() - _ROOT) is not None:
            return True  # which is told as a field that there is not
        if node is None:
            self._tell(
                document.error(
                    document.root,
                    "this is no CWL document: it does not say its cwlVersion",
                    "a CWL document says cwlVersion: v1.2 at its top",
                )
            )
        elif name.partition("-dev")[0].rpartition(".0")[0] not in VERSIONS and name not in VERSIONS:
            self._tell(
                document.error(
                    node, f"its cwlVersion is none that hyflow knows: {name}", "the versions that it knows are v1.0, v1.1 and v1.2"
                )
            )
        else:
            self._version = name if name in VERSIONS else "v1.2"
            return True
        return node is None

    def _graph(self, document: Document, graph: Node, fragment: str) -> None:
        entries = [entry for entry in elements(graph) if is_map(entry)]
        names = [short(text_of(fields(entry).get("id")) or "") for entry in entries]
        wanted = short(fragment or "main")
        if entries and wanted not in names and len(entries) > 1 and not any("$import" in fields(entry) for entry in entries):
            what = (
                f"the document has no process called {wanted}"
                if fragment
                else "the document holds several processes, and none of them is #main"
            )
            hint = (
                suggestion(wanted, names, "name one of them, as in FILE#ID")
                if fragment
                else f"name one of them, as in {shown(document.address)}#{names[0]}: {', '.join(names)}"
            )
            self._tell(document.error(graph, what, hint))
        for entry in entries:
            if "$import" in fields(entry):
                self._other(document, fields(entry)["$import"], ((), "run"), frozenset())
            else:
                self._process(Process(document, entry), frozenset())

    # -- processes ------------------------------------------------------------------------------------------------

    def _process(self, process: Process, inherited: frozenset[str]) -> None:
        """A process with all that is written inside it or named by it, once."""
        key = (process.document.address, id(process.node))
        if key in self._checked:
            return
        self._checked.add(key)
        document = process.document
        features = inherited | required(process.node)
        structure = self._structure(document, features)
        structure.process(process.node)
        for error in structure.found:
            self._tell(error, document)
        self._wired(process, inherited)

    def _structure(self, document: Document, features: frozenset[str]) -> Structure:
        types = [name for each in self._known() for name in _types(each)]
        said = (text_of(fields(document.root).get("cwlVersion")) or "").rpartition("#")[2].removeprefix("cwl:")
        return Structure(
            schema_of(said if said in VERSIONS else self._version),
            document,
            types,
            lambda node, check: self._other(document, node, check, features),
        )

    def _wired(self, process: Process, inherited: frozenset[str]) -> None:
        """The links of a process, and of those inside its steps."""
        for error in problems(process, self._runs, inherited):
            self._tell(error, process.document)
        features = inherited | required(process.node)
        for _, _, step in named(fields(process.node).get("steps"), "id", None):
            inner = fields(step).get("run")
            if is_map(inner) and "$import" not in fields(inner):
                self._wired(Process(process.document, inner), features | required(step))

    def _known(self) -> list[Document]:
        return [document for document in self._documents.values() if document is not None]

    # -- other files ----------------------------------------------------------------------------------------------

    def _other(self, document: Document, node: Node, check: Any, features: frozenset[str]) -> None:
        """What `run`, `$import` or `$include` name. `check`: what it is to be, None for a text."""
        name = text_of(node)
        if name is None:
            self._tell(document.error(node, "the name of a file is expected", None), document)
            return
        address, fragment = urldefrag(self._joined(document, name))
        if self._is_forbidden(document, node, address):
            return
        if check is None:
            self._included(document, node, address)
            return
        types, field = check
        if address in self._path or (address == document.address and not fragment):
            around = self._path[self._path.index(address) :] if address in self._path else []
            chain = list(dict.fromkeys([*around, document.address]))
            if field == "run" and not fragment:
                self._tell(
                    document.error(
                        node, _itself("a process runs itself", [shown(each) for each in chain]), "a workflow cannot contain itself"
                    ),
                    document,
                )
                return
            if field != "run":
                self._tell(
                    document.error(
                        node, _itself("a document imports itself", [shown(each) for each in chain]), "take one of the imports away"
                    ),
                    document,
                )
                return
        other = self._document(address, (document, node))
        if other is None:
            return
        if field == "run":
            process = self._found_in(other, fragment, document, node)
            if process is not None:
                self._path.append(document.address)
                self._process(process, features)
                self._path.pop()
        elif not fragment and (other.address, id(other.root)) not in self._checked:
            self._checked.add((other.address, id(other.root)))
            self._path.append(document.address)
            structure = self._structure(other, features)
            structure.imported(other.root, types, field)
            self._path.pop()
            for error in structure.found:
                self._tell(error, other)

    def _is_forbidden(self, document: Document, node: Node, address: str) -> bool:
        """Whether a document from afar names a file of this machine, which is told and not looked at."""
        if document.address.startswith("file:") or not address.startswith("file:"):
            return False
        self._tell(document.error(node, f"a remote document may not name the local file {shown(address)}", _RELATIVE), document)
        return True

    @staticmethod
    def _joined(document: Document, name: str) -> str:
        return urljoin(document.address, name) if not name.startswith("#") else document.address + name

    def _included(self, document: Document, node: Node, address: str) -> None:
        if address not in self._includes:
            self._includes.add(address)
            try:
                self._fetch(address)
            except WorkflowError as error:
                self._tell(_referred(document, node, error, address), document)

    def _runs(self, document: Document, node: Node) -> Process | None:
        """What the `run` of a step means, where it can be seen."""
        if is_map(node):
            target = fields(node).get("$import")
            return self._runs(document, target) if target is not None else Process(document, node)
        name = text_of(node)
        if name is None:
            return None
        address, fragment = urldefrag(self._joined(document, name))
        other = self._documents.get(address)
        return None if other is None else self._found_in(other, fragment, None, None)

    def _found_in(self, document: Document, fragment: str, by: Document | None, node: Node | None) -> Process | None:
        """The process that a fragment names, or the only one, or main."""
        graph = fields(document.root).get("$graph")
        if graph is None and not fragment:
            return Process(document, document.root)
        entries = {
            short(text_of(fields(entry).get("id")) or ""): entry
            for entry in (elements(graph) if graph is not None else _with_class(document.root))
        }
        wanted = short(fragment or "main")
        if wanted in entries:
            return Process(document, entries[wanted])
        if by is not None:
            what = (
                f"{shown(document.address)} has no process called {wanted}"
                if fragment
                else f"{shown(document.address)} holds several processes, and none of them is #main"
            )
            self._tell(by.error(node, what, suggestion(wanted, [f"#{each}" for each in entries if each], "its processes")), by)
        return None

    def _document(self, address: str, by: tuple[Document, Node] | None) -> Document | None:
        """The document at an address, read once; None when it cannot be, which is told."""
        if address not in self._documents:
            self._documents[address] = None
            try:
                self._found.setdefault(shown(address), [])  # the order in which files are named
                document = self._documents[address] = written.read(address, self._fetch(address))
            except Unreadable as error:
                self._tell(error)
            except WorkflowError as error:
                self._tell(error if by is None else _referred(*by, error, address), None if by is None else by[0])
            else:
                for double in keys(document):
                    self._tell(double, document)
        return self._documents[address]

    def _tell(self, error: WorkflowError, document: Document | None = None) -> None:
        file = error.where.file if isinstance(error.where, Where) else str(error.where or "")
        self._found.setdefault(file if document is None else shown(document.address), []).append(error)


_CALLED = {
    "object": "an object",
    "list": "a list",
    "string": "text",
    "int": "a number",
    "float": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_ROOT = frozenset({"class", "id", "label", "doc", "inputs", "outputs", "steps", "requirements", "hints"})


_RELATIVE = "put the file beside the document and name it by a relative path"


def _itself(what: str, chain: Sequence[str]) -> str:
    return f"{what}: {' -> '.join([*chain, chain[0]])}" if len(chain) > 1 else what


def _types(document: Document) -> list[str]:
    """The names of types that a document may define."""
    found = [text_of(fields(node).get("name")) for node in everything(document.root) if is_map(node) and "type" in fields(node)]
    return [short(name) for name in found if name]


def _with_class(root: Node) -> list[Node]:
    """The processes in a document without $graph: itself and those inside."""
    return [node for node in everything(root) if is_map(node) and text_of(fields(node).get("class")) in PROCESSES]


def _referred(document: Document, node: Node, error: WorkflowError, address: str) -> WorkflowError:
    """The error about a file, told where it is named, with the nearest name that there is."""
    hint = error.hint
    parts = urlsplit(address)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        if not path.exists():
            return document.error(node, f"there is no file {shown(address)}", beside(path))
    return document.error(node, f"{shown(address)}: {error.what}", hint)
