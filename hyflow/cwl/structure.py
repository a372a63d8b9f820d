"""Whether a document says what the standard's schema allows: fields, values, types. Every mistake with its place and the nearest word.

Follows the schema that cwltool brings for each version. Does not know what is linked to what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hyflow.cwl.grammar import Schema, Union, called, expected, is_constant, items_in, kinds_in, kinds_of, options_of, symbols_of, taken_for
from hyflow.cwl.requirements import EXTENSIONS, OLD_NAMES, SUPPORTED
from hyflow.cwl.written import Document, Node, elements, fields, is_list, is_map, items, kind_of, text_of
from hyflow.errors import UnsupportedRequirement, WorkflowError
from hyflow.nearest import nearest, suggestion

PROCESSES = ("CommandLineTool", "ExpressionTool", "Workflow", "Operation")
BASIC = ("null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any")
_EXTENSIONS = {*EXTENSIONS, *OLD_NAMES, "http://commonwl.org/cwltool#Secrets"}
_STREAMS = {"inputs": ("stdin",), "outputs": ("stdout", "stderr")}
_CALLED = {
    "object": "an object",
    "list": "a list",
    "string": "text",
    "int": "a whole number",
    "float": "a number with a fraction",
    "boolean": "true or false",
    "null": "nothing",
}
_DSL = re.compile(r"(?:\[\]|\?)+$")
_OWN = "$"


class Structure:
    """Checks one document. `types`: the names of types that are defined in the documents.

    `other` gets what `$import` or `run` name: the node of the address, and a check for what is there.
    """

    def __init__(self, schema: Schema, document: Document, types: Iterable[str], other: Callable[[Node, Any], None]) -> None:
        self._schema, self._document, self._types, self._other = schema, document, tuple(types), other
        namespaces = fields(document.root).get("$namespaces")
        self._namespaces = {name: text_of(value) or "" for name, value in fields(namespaces).items()}
        self.found: list[WorkflowError] = []

    def process(self, node: Node) -> None:
        """A process: the whole document, an entry of $graph, or what a step runs."""
        if not is_map(node):
            self._tell(
                node, f"a process must be an object, found {_CALLED[kind_of(node)]}", f"it begins with class: {PROCESSES[0]} or another"
            )
            return
        given = fields(node).get("class")
        name = (text_of(given) or "").rpartition("#")[2].removeprefix("cwl:")
        record = self._schema.record(name) if name in PROCESSES else None
        if given is None:
            self._tell(node, "it does not say its class", f"one of {', '.join(PROCESSES)}")
        elif record is None:
            self._tell(
                given,
                f"there is no class {text_of(given) or _CALLED[kind_of(given)]!r} of processes",
                suggestion(name, PROCESSES, "the classes"),
            )
        else:
            self._record(node, record, ())

    # -- records --------------------------------------------------------------------------------------------------

    def _record(self, node: Node, record: Any, given: Sequence[str]) -> None:
        """An object against a record of the schema; `given` are the fields that its name in a map stands for."""
        known = {each.name: each.type for each in record.fields}
        for key, value in items(node):
            name = str(key.value)
            short = name.rpartition("#")[2] if name.startswith("https://w3id.org/cwl/cwl#") else name.removeprefix("cwl:")
            if kind_of(key) != "string":
                continue  # told already, as what no key can be
            if short in known:
                self._field(short, value, known[short])
            elif not (name.startswith(_OWN) or ":" in name):
                self._tell(key, f"there is no field {name!r} in {called(record.name)}", suggestion(name, known, "its fields"))
        has = {str(key.value) for key, _ in items(node)}
        if "$mixin" in has:
            return
        for name, type_ in known.items():
            if name not in has and name not in given and "null" not in kinds_in(type_) and not (name == "class" and "class" in given):
                similar = nearest(name, [each for each in has if each not in known])
                if similar is None:
                    self._tell(node, f"the field {name!r} is missing in {called(record.name)}", _MISSING.get(name))

    def _field(self, name: str, value: Node, type_: Any) -> None:
        subject = self._schema.subjects.get(name)
        if subject is not None and (is_map(value) or is_list(value)):
            self._entries(name, value, items_in(type_), subject)
        elif subject is not None and kind_of(value) not in kinds_in(type_):
            self._tell(
                value, f"`{name}` must be an object or a list, found {_CALLED[kind_of(value)]}", f"where there are none: {name}: {{}}"
            )
        elif name in ("type", "items") and not is_constant(type_):
            self._type(value, type_, name)
        elif name == "secondaryFiles":
            self._secondary(value, type_)
        elif name == "types":
            self._definitions(value, items_in(type_))
        else:
            self._value(value, type_, name)

    def _entries(self, name: str, value: Node, types: list[Any], subject: str) -> None:
        """A map by name, or a list of objects."""
        if self._elsewhere(value, types, name):
            return
        predicate = self._schema.predicates.get(name)
        for key, entry in items(value) if is_map(value) else [(item, item) for item in elements(value)]:
            if is_map(value) and str(key.value).startswith(_OWN):
                continue
            if name in ("requirements", "hints"):
                self._requirement(key, entry, types, value, name)
            elif not is_map(entry) and predicate is not None and is_map(value):
                self._predicate(entry, types, predicate)
            elif self._elsewhere(entry, types, name):
                continue
            elif is_map(entry) and (records := [each for each in types if hasattr(each, "fields")]):
                self._record(entry, self._choice(entry, records), (subject,) if is_map(value) else ())
            elif not any(kind in kinds_of(types) for kind in taken_for(kind_of(entry))):
                self._tell(entry, f"an entry of `{name}` must be {expected(types)}, found {_CALLED[kind_of(entry)]}", None)

    def _predicate(self, entry: Node, types: list[Any], predicate: str) -> None:
        for record in (each for each in types if hasattr(each, "fields")):
            type_ = next(each.type for each in record.fields if each.name == predicate)
            self._field(predicate, entry, type_)
            return

    def _requirement(self, key: Node, entry: Node, types: list[Any], around: Node, name: str) -> None:
        """A requirement, or a hint where that is of a class that is known."""
        if "$mixin" in fields(entry):
            self._elsewhere(entry, types, name)
            return
        if is_map(around):
            said, at = str(key.value), key
        elif is_map(entry) and "class" in fields(entry):
            at = fields(entry)["class"]
            said = text_of(at) or ""
            if kind_of(at) != "string":
                self._tell(at, f"`class` must be text, found {_CALLED[kind_of(at)]}", None)
                return
        else:
            if not self._elsewhere(entry, types, name):
                self._tell(entry, f"an entry of `{name}` must be an object with a class", None)
            return
        full = self._expanded(said)
        known = full.rpartition("#")[2] if full.startswith("https://w3id.org/cwl/cwl#") else full
        if known not in SUPPORTED and full not in _EXTENSIONS:
            if name == "requirements":
                self.found.append(unsupported(self._document, at, said))
            return
        record = self._schema.record(known.rpartition("#")[2] if full in EXTENSIONS else known)
        if record is not None and is_map(entry):
            self._record(entry, record, ("class",))
        elif record is not None and kind_of(entry) != "null":
            self._tell(
                entry, f"{known} must be an object, found {_CALLED[kind_of(entry)]}", f"one without fields is written as {known}: {{}}"
            )

    def _expanded(self, name: str) -> str:
        prefix, colon, rest = name.partition(":")
        if prefix == "cwl" and colon:
            return rest
        return self._namespaces[prefix] + rest if colon and prefix in self._namespaces else name

    # -- values ---------------------------------------------------------------------------------------------------

    def _value(self, node: Node, type_: Any, name: str) -> None:
        """A value against a type of the schema; one message about the most plausible of its alternatives."""
        options = options_of(type_)
        if self._elsewhere(node, options, name) or any(getattr(each, "name", "").endswith("Any") for each in options):
            return
        kinds = kinds_of(options)
        kind = kind_of(node)
        if kind == "object" and (records := [each for each in options if hasattr(each, "fields")]):
            chosen = self._choice(node, records)
            if chosen.name.rpartition(".")[2] in PROCESSES:
                self.process(node)
            else:
                self._record(node, chosen, ())
        elif kind == "list" and "list" in kinds:
            for item in elements(node):
                self._value(item, Union(items_in(type_)), name)
        elif kind == "string" and "string" not in kinds and (words := symbols_of(options)):
            self._word(node, words, kinds, name)
        elif (kind == "string" and not self._is_text_allowed(node, kinds)) or (
            kind != "string" and not any(each in kinds for each in taken_for(kind))
        ):
            self._tell(node, f"`{name}` must be {expected(options)}, found {_CALLED[kind]}{_shown(node)}", _hint(node, kinds))

    @staticmethod
    def _is_text_allowed(node: Node, kinds: set[str]) -> bool:
        return "string" in kinds or ("expression" in kinds and ("$(" in node.value or "${" in node.value))

    def _word(self, node: Node, words: list[str], kinds: set[str], name: str) -> None:
        """One of some words, or an expression where those are allowed."""
        text = (text_of(node) or "").rpartition("#")[2]
        if text in words or ("expression" in kinds and self._is_text_allowed(node, kinds)):
            return
        if name == "cwlVersion":
            self._tell(node, f"hyflow does not know the CWL version {text!r}", "the versions that it knows are v1.0, v1.1 and v1.2")
        else:
            self._tell(node, f"{text!r} is no value of `{name}`", suggestion(text, words, "it must be one of"))

    def _definitions(self, node: Node, types: list[Any]) -> None:
        """The types of a SchemaDefRequirement."""
        for item in elements(node):
            if self._elsewhere(item, types, "types"):
                continue
            if is_map(item):
                self._compound(item, types)
            else:
                self._tell(
                    item, f"an entry of `types` must be an object, found {_CALLED[kind_of(item)]}", "its type is record, enum or array"
                )

    def _secondary(self, node: Node, type_: Any) -> None:
        for item in elements(node):
            record = self._schema.record("SecondaryFileSchema")
            if is_map(item) and record is not None:
                if not self._elsewhere(item, [record], "secondaryFiles"):
                    self._record(item, record, ())
            elif kind_of(item) != "string":
                self._tell(
                    item,
                    f"an entry of `secondaryFiles` must be text, found {_CALLED[kind_of(item)]}",
                    "objects came with v1.1" if is_map(item) else None,
                )

    def _choice(self, node: Node, records: list[Any]) -> Any:
        """The record that an object most likely means to be: by its class, its type, or the fields that it has."""
        said = fields(node)
        word = text_of(said.get("class")) or (text_of(said.get("type")) or "").capitalize()
        for record in records:
            short = record.name.rpartition(".")[2]
            if word and (short == word or short.endswith(f"{word}Schema")):
                return record
        if "symbols" in said or "fields" in said or "items" in said:
            wanted = "Enum" if "symbols" in said else "Record" if "fields" in said else "Array"
            records = [each for each in records if wanted in each.name] or records
        return max(
            records, key=lambda each: sum(name.name in said for name in each.fields) - ("class" in {name.name for name in each.fields})
        )

    # -- types ----------------------------------------------------------------------------------------------------

    def _type(self, node: Node, type_: Any, name: str) -> None:
        """The type of a parameter: words with ? and [], objects that describe one, and lists of these."""
        options = [each for each in options_of(type_) if hasattr(each, "fields")]
        for item in elements(node):
            if self._elsewhere(item, options, name):
                continue
            if is_map(item) and options:
                self._compound(item, options)
            elif is_list(item):
                self._tell(item, "a type cannot be a list of lists", None)
            elif text_of(item) is not None or kind_of(item) == "null":
                self._named(item, type_)
        if not elements(node):
            self._tell(node, "the type is missing", f"one of {', '.join(BASIC[1:-1])}, or another with [] or ? behind it")

    def _compound(self, node: Node, options: list[Any]) -> None:
        said = fields(node)
        word = text_of(said.get("type"))
        if word in ("array", "record", "enum"):
            self._record(node, self._choice(node, options), ())
            if word == "record" and "fields" not in said:
                self._tell(node, "the field 'fields' is missing in a record", f"as in {{type: record, {_MORE['record']}}}")
        elif "type" not in said:
            self._tell(node, "a type that is an object says its type: array, record or enum", None)
        elif word is not None and (near := nearest(word, ("array", "record", "enum"))):
            self._tell(said["type"], f"there is no type {word!r}", f"did you mean {near}?")
        elif word in BASIC:
            self._tell(said["type"], f"a type that is an object is an array, a record or an enum, and not {word}", f"write type: {word}")
        else:
            self._type(said["type"], Union(options), "type")

    def _named(self, node: Node, type_: Any) -> None:
        word = node.value
        base = _DSL.sub("", word)
        streams = [
            each
            for each in ("stdin", "stdout", "stderr")
            if any(getattr(one, "name", "").endswith("." + each) for one in options_of(type_))
        ]
        if base in BASIC or base in streams:
            return
        short = base.rpartition("#")[2].rpartition("/")[2]
        if base in ("array", "record", "enum"):
            self._tell(node, f"the type {base!r} needs to say more", f"as in {{type: {base}, {_MORE[base]}}}")
        elif short not in self._types:
            known = [*BASIC, *streams, *self._types]
            self._tell(node, f"there is no type {word!r}", suggestion(short, known, "the types"))

    # -- other files ----------------------------------------------------------------------------------------------

    def _elsewhere(self, node: Node, types: Sequence[Any], name: str) -> bool:
        """Whether a part stands in another file; it is looked at there."""
        said = fields(node)
        target = said.get("$import")
        if target is not None:
            self._other(target, (types, name))
        elif "$include" in said or "$mixin" in said:
            self._other(said.get("$include") or said["$mixin"], None)
        elif name == "run" and kind_of(node) == "string":
            self._other(node, ((), "run"))
        return target is not None or "$include" in said or "$mixin" in said

    def imported(self, node: Node, types: Sequence[Any], name: str) -> None:
        """What `$import` brought from the document, in place of a value of `types`, or a list of such values, in the field `name`."""
        subject = self._schema.subjects.get(name)
        if name == "run" or any(getattr(each, "name", "").rpartition(".")[2] in PROCESSES for each in types):
            self.process(node)
        elif (
            subject is not None
            and (is_list(node) or text_of(fields(node).get("class")) is None)
            and name in ("requirements", "hints", "inputs", "outputs")
        ):
            self._entries(name, node, list(types), subject)
        elif name in ("type", "items", "types"):
            for item in elements(node):
                if is_map(item):
                    self._compound(item, [each for each in types if hasattr(each, "fields")])
        elif name in ("requirements", "hints"):
            self._requirement(node, node, list(types), node if not is_map(node) else _AsList, name)
        elif name in ("secondaryFiles", "$graph"):
            return
        else:
            self._value(node, Union(types), name)

    def _tell(self, node: Node, what: str, hint: str | None) -> None:
        self.found.append(self._document.error(node, what, hint))


_AsList: Any = object()
_MORE = {"array": "items: string", "record": "fields: {a: string}", "enum": "symbols: [a, b]"}
_MISSING = {
    "outputs": "a process without any says outputs: {}",
    "inputs": "a process without any says inputs: {}",
    "in": "a step without any says in: {}",
    "out": "a step says which outputs it passes on; out: [] where there are none",
    "run": "it says what the step runs: the name of a file",
    "steps": "a workflow without any says steps: {}",
    "class": f"one of {', '.join(PROCESSES)}",
}


def unsupported(document: Document, node: Node, name: str) -> UnsupportedRequirement:
    """The error for a requirement that cannot be given."""
    near = nearest(name.rpartition("#")[2].rpartition(":")[2], SUPPORTED)
    hint = f"did you mean {near}?" if near else "put it under hints if the workflow can do without"
    return UnsupportedRequirement(f"the requirement {name} is not supported", where=document.where(node), hint=hint)


def _shown(node: Node) -> str:
    text = text_of(node)
    return "" if text is None else f" ({text[:60]})"


def _hint(node: Node, kinds: set[str]) -> str | None:
    if "long" in kinds and kind_of(node) == "float":
        return "fractions came with v1.2"
    if "string" in kinds and kind_of(node) in ("int", "float", "boolean"):
        return f"put it in quotes: {node.value!r}"
    return "make it a list: [" + node.value + "]" if kinds <= {"list", "null"} and text_of(node) and len(node.value) < 60 else None
