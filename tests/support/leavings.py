"""Strategies: what the command of a generated tool leaves, and what of it the tool says to be its outputs."""

from __future__ import annotations

from typing import Any

from bindings import rarely
from drafts import PATTERNS, TEXTS, Draft
from hypothesis import strategies as st

LEFT = ("out.txt", "b.tar.gz", "x", "d/in.txt", "d/e/deep", "o*", "[p]", "s p", ".dot", "out.s", "out.txt.s")
GLOBS = ("out.txt", "*.txt", "*", "nothing", "d", "d/*", "d/e/*", "?", "[a-z]*", "b.*", "*.t??", "é", "o[*]", "[[]p]", "s p", ".*",
         "./out.txt", "d/", "**", "*/*", "x")
GLOB_EXPRESSIONS = ("$(inputs.text)", "$(inputs.flag).txt", "$(inputs.many)", "$(inputs.none)", "$('out.txt')", "$(['x', '*.txt'])",
                    "$(runtime.outdir)/x", "$([])")
EVALUATIONS = ("$(self[0])", "$(self)", "$(self.length)", "$(self[0].contents)", "$(self[0].size)", "$(self[0].basename)",
               "$(inputs.text)", "$(inputs.flag)",
               "$(inputs.number)", "$(inputs.many)", "$(null)", "$(self[0].nameroot)$(self[0].nameext)", "$(runtime.exitCode)",
               "$(inputs.f)", "fixed", "$(self[0].checksum)",
               "${return self.map(function(x) { return x.basename; }).sort();}", "$(parseInt('5'))",
               "$({'class': 'File', 'path': 'out.txt'})",
               "${self[0].basename = 'renamed'; return self[0];}", "$(1e22)", "$({a: 1, b: [null]})",
               "$({'class': 'File', 'location': 'out.txt'})")
TYPES = ("File", "File?", "File[]", "Directory", "Directory?", "Directory[]", ["null", "File", {"type": "array", "items": "File"}], "Any",
         "string", "string?", "int", "int?",
         "string[]", "boolean", "double", "long", ["File", "Directory"], {"type": "array", "items": ["File", "Directory"]}, "null",
         "float?", "Any?",
         {"type": "enum", "symbols": ["one", "out.txt"]})


def add_leavings(draw: Any, draft: Draft) -> None:
    left = draw(st.lists(st.sampled_from(LEFT), max_size=5, unique=True))
    draft.plan["files"] = {path: draw(st.sampled_from(TEXTS)) for path in left}
    draft.plan["folders"] = ["d/e", *draw(st.lists(st.sampled_from(("empty", "d/f")), max_size=1))]
    if rarely(draw, 6):
        draft.plan["links"] = draw(st.sampled_from(({"l.txt": "s p"}, {"l": "nowhere"})))
    if rarely(draw, 8):
        draft.plan["files"]["cwl.output.json"] = draw(st.sampled_from((
            "{}", '{"o": {"class": "File", "path": "out.txt"}}', '{"o": 3, "p": "x", "q": null}',
            '{"o": [{"class": "File", "location": "x"}]}', "[]", "nonsense",
            '{"o": {"class": "Directory", "path": "d"}}', '{"o": 1.0e5}',
            '{"o": {"class": "File", "path": "out.txt", "secondaryFiles": [{"class": "File", "path": "x"}]}}')))


def add_streams(draw: Any, draft: Draft) -> None:
    for stream in ("stdout", "stderr"):
        if draw(st.booleans()):
            draft.plan[stream] = draw(st.sampled_from(TEXTS))
            if draw(st.booleans()):
                draft.tool[stream] = draw(st.sampled_from((f"{stream}.txt", f"$(inputs.flag).{stream}", f"{stream} é", f"{stream}.both",
                                                           f"new/{stream}")))
            if draw(st.booleans()):
                draft.tool["outputs"][stream] = {"type": stream}


def add_codes(draw: Any, draft: Draft) -> None:
    if rarely(draw):
        draft.plan["code"] = draw(st.integers(0, 4))
        codes = draw(st.permutations(range(6)))
        for number, word in enumerate(("successCodes", "temporaryFailCodes", "permanentFailCodes")):
            if draw(st.booleans()):
                draft.tool[word] = codes[2 * number:2 * number + draw(st.integers(1, 2))]


@st.composite
def _binding(draw: Any, draft: Draft, evaluate: bool) -> dict[str, Any]:
    globs = st.sampled_from(GLOBS) if not draft.script else st.one_of(st.sampled_from(GLOBS), st.sampled_from(GLOB_EXPRESSIONS))
    made: dict[str, Any] = {"glob": draw(st.one_of(globs, st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3)))}
    if draw(st.integers(0, 2)) == 0:
        made["loadContents"] = True
    if rarely(draw, 6):
        made["loadListing"] = draw(st.sampled_from(("no_listing", "shallow_listing", "deep_listing")))
    if evaluate:
        plain = [each for each in EVALUATIONS if each.count("(") < 2 and "{" not in each]
        made["outputEval"] = draw(st.sampled_from(EVALUATIONS if draft.script else plain))
        if draw(st.booleans()):
            del made["glob"]
            made.pop("loadContents", None)
    return made


FITTING = (
    ("string", "$(self[0].contents)", True), ("string", "$(self[0].basename)", False), ("int", "$(self.length)", False),
    ("long", "$(self[0].size)", False),
    ("string", "$(self[0].nameroot)$(self[0].nameext)", False), ("File", "$(self[0])", False), ("File[]", "$(self)", True),
    ("string", "fixed", False),
    ("string", "$(inputs.text)", False), ("boolean", "$(inputs.flag)", False), ("double", "$(inputs.number)", False),
    ("string[]", "$(inputs.many)", False),
    ("int", "$(runtime.exitCode)", False), ("string?", "$(inputs.none)", False), ("Any", "$(self)", False),
    ("string", "$(self[0].checksum)", False),
    ("string", "x$(self.length)$(inputs.flag)", False), ("Any", "$(self[0].class)", False))
SCRIPTED = (
    ("string[]", "${return self.map(function(x) { return x.basename; }).sort();}"), ("int", "$(parseInt('5'))"), ("double", "$(1e22)"),
    ("double", "$(self.length / 3)"),
    ("File", "${self[0].basename = 'renamed'; return self[0];}"), ("Any", "$({a: 1, b: [null]})"),
    ("File", "$({'class': 'File', 'path': self[0].path})"),
    ("File", "$({'class': 'File', 'location': self[0].location, 'secondaryFiles': self.slice(1)})"), ("boolean", "$(self.length > 1)"),
    ("int[]", "$([1, 2.0])"),
    ("File[]", "$(self.reverse())"), ("Any", "$({f: self[0], l: self})"), ("float", "$(-0)"),
    ("File?", "$(self.length > 9 ? self[0] : null)"))


@st.composite
def fitting(draw: Any, draft: Draft) -> dict[str, Any]:
    """An output that finds what its type says, of what the command leaves."""
    left = [path for path in draft.plan["files"] if path != "cwl.output.json"]
    globs = [*(_escaped(path) for path in left), "*", "**/*.txt"][:5]
    if left and draw(st.booleans()):
        type_, evaluate, contents = draw(st.sampled_from(FITTING))
        if draft.script and draw(st.booleans()):
            type_, evaluate = draw(st.sampled_from(SCRIPTED))
        return {"type": type_, "outputBinding": {"glob": draw(st.sampled_from(globs[:len(left)])), "loadContents": contents,
                                                 "outputEval": evaluate}}
    made: dict[str, Any] = draw(st.sampled_from((
        *({"type": type_, "outputBinding": {"glob": glob}} for glob in globs[:len(left)] for type_ in ("File", "File?", "File[]",
                                                                                                       ["File", "Directory"])),
        {"type": "Directory", "outputBinding": {"glob": "d"}}, {"type": "Directory[]", "outputBinding": {"glob": ["d/", "d/e"]}},
        {"type": "File?", "outputBinding": {"glob": "nothing"}},
        {"type": "File[]", "outputBinding": {"glob": ["d/*.txt", "*.txt", "out.*"]}},
        {"type": {"type": "array", "items": ["File", "Directory"]}, "outputBinding": {"glob": "*"}},
        {"type": {"type": "array", "items": ["File", "Directory"]}, "outputBinding": {"glob": "d/*"}})))
    if draw(st.booleans()):
        made = {**made, "outputBinding": {**made["outputBinding"],
                                          "loadListing": draw(st.sampled_from(("no_listing", "shallow_listing", "deep_listing")))}}
    if draft.alone and rarely(draw, 2) and "File" in str(made["type"]):
        made = {**made, "secondaryFiles": draw(st.lists(st.sampled_from((".s?", "^.s?", "$(self.basename).s", ".nothing?")), min_size=1,
                                                        max_size=2))}
    if rarely(draw, 4):
        made = {**made, "format": draw(st.sampled_from(("http://example.org/a", "$(inputs.text)")))}
    return made


def _escaped(path: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


@st.composite
def globbed(draw: Any, draft: Draft) -> dict[str, Any]:
    made: dict[str, Any] = {"type": draw(st.sampled_from(TYPES[:9])), "outputBinding": draw(_binding(draft, False))}
    if draft.alone and rarely(draw, 3):
        made["secondaryFiles"] = draw(st.lists(st.sampled_from([each for each in PATTERNS if draft.script or "{" not in each]), min_size=1,
                                               max_size=2))
    return made


@st.composite
def evaluated(draw: Any, draft: Draft) -> dict[str, Any]:
    return {"type": draw(st.sampled_from(TYPES)), "outputBinding": draw(_binding(draft, True))}


@st.composite
def recorded(draw: Any, draft: Draft) -> dict[str, Any]:
    fields = [{"name": name, **draw(fitting(draft))} for name in ("a", "b")[:draw(st.integers(1, 2))]]
    return {"type": {"type": "record", "fields": fields}}
