"""Strategies: whole CommandLineTools with their jobs, their input files, and what their command leaves."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from bindings import arguments, bindings, parameters, rarely, words
from drafts import PATTERNS, TEXTS, VARIABLES, Draft
from hypothesis import strategies as st
from leavings import add_codes, add_leavings, add_streams, evaluated, fitting, globbed, recorded
from sides import Case


@st.composite
def parameter_tools(draw: Any) -> Case:
    """Tools whose inputs are no files: all is about the command line."""
    return _case(_draft(draw))


@st.composite
def file_tools(draw: Any) -> Case:
    """Tools with files and directories among their inputs, at times for stdin, streams and the working directory too."""
    draft = _draft(draw, few=True)
    for name in ("f", "g")[:draw(st.integers(1, 2))]:
        _add_file(draw, draft, name)
    if rarely(draw, 3):
        _add_directory(draw, draft)
    if rarely(draw, 3):
        _add_files(draw, draft)
    if rarely(draw, 3):
        _add_stdin(draw, draft)
    if rarely(draw, 3):
        _add_environment(draw, draft)
    draft.tool["arguments"] += draw(st.lists(draft.expressions(), max_size=2))
    return _case(draft)


@st.composite
def workdir_tools(draw: Any) -> Case:
    """Tools with an InitialWorkDirRequirement."""
    draft = _draft(draw, few=True)
    _add_file(draw, draft, "f")
    if draw(st.booleans()):
        _add_directory(draw, draft)
    if rarely(draw, 3):
        _add_files(draw, draft)
    _add_workdir(draw, draft)
    return _case(draft)


@st.composite
def output_tools(draw: Any) -> Case:
    """Tools that leave files and say what of them they give."""
    draft = _draft(draw, few=True)
    if rarely(draw, 3):
        _add_file(draw, draft, "f")
    add_leavings(draw, draft)
    add_streams(draw, draft)
    add_codes(draw, draft)
    count = draw(st.integers(1, 3))
    draft.alone = count == 1
    for name in ("o", "p", "q")[:count]:
        draft.tool["outputs"][name] = draw(_output(draw, draft))
    return _case(draft)


def _output(draw: Any, draft: Draft) -> st.SearchStrategy[dict[str, Any]]:
    """An output; one that finds nothing, or what does not fit, only now and then."""
    if rarely(draw, 10):
        return draw(st.sampled_from((evaluated(draft), globbed(draft))))
    return recorded(draft) if rarely(draw, 6) else fitting(draft)


def _draft(draw: Any, few: bool = False) -> Draft:
    shell, script = rarely(draw), draw(st.booleans())
    inputs, job = draw(parameters(shell, script, few))
    requirements: dict[str, Any] = {"InlineJavascriptRequirement": {}} if script else {}
    if shell:
        requirements["ShellCommandRequirement"] = {}
    if rarely(draw):
        requirements["ResourceRequirement"] = draw(st.sampled_from((
            {"coresMin": 1}, {"ramMin": 100, "ramMax": 128}, {"coresMin": 0.5}, {"ramMin": 100.5}, {"tmpdirMin": 10}, {"outdirMax": 2000})))
    tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "baseCommand": ["PROBE"], "requirements": requirements, "inputs": inputs,
            "arguments": draw(arguments(shell, script)) if not few else [], "outputs": {}}
    return Draft(tool, job, script, shell)


def _case(draft: Draft) -> Case:
    return Case(draft.tool, draft.job, draft.files, draft.plan)


# -- inputs ---------------------------------------------------------------------------------------------------------


def _file(draw: Any, draft: Draft, folder: str) -> dict[str, Any]:
    """A File object for a job; its file is laid."""
    if rarely(draw, 6):
        return {"class": "File", "basename": _name(draw, draft), "contents": draw(st.sampled_from(("", "one\n", "$(inputs.flag)")))}
    name = _name(draw, draft)
    draft.files[f"in/{folder}/{name}"] = draw(st.sampled_from(TEXTS))
    # what is an address is quoted; a path with such characters cwltool takes for an address
    made = {"class": "File", "location": quote(f"in/{folder}/{name}")}
    if not set(name) & set("#?%") and draw(st.booleans()):
        made = {"class": "File", "path": f"in/{folder}/{name}"}
    if rarely(draw, 6):
        made["basename"] = _name(draw, draft)
    return made


def _name(draw: Any, draft: Draft) -> str:
    """A name that no other file of the draft has: what two of one name in one directory mean is left open."""
    name: str = draw(st.sampled_from(draft.names))
    draft.names.remove(name)
    return name


def _add_file(draw: Any, draft: Draft, name: str) -> None:
    made: dict[str, Any] = {"type": draw(st.sampled_from(("File", "File", "File?", "Any", ["File", "string"])))}
    given = _file(draw, draft, name)
    if draw(st.integers(0, 3)):
        made["inputBinding"] = draw(bindings(draft.shell, draft.script, "File"))
    if draw(st.booleans()) and made["type"] != "Any" and "contents" not in given:
        made["loadContents"] = True
        draft.about += [f"$(inputs.{name}.contents)", f"x$(inputs.{name}.contents)"]
    if draw(st.booleans()) and "contents" not in given and made["type"] != "Any" and _plain(given):
        made["secondaryFiles"] = draw(st.lists(st.sampled_from([each for each in PATTERNS if draft.script or "{" not in each]), min_size=1,
                                               max_size=2))
        for lying in (".s", "^.s", "^^.s", "^.t"):
            if draw(st.integers(0, 3)):
                draft.files[_beside(unquote(given.get("path") or given["location"]), lying)] = draw(st.sampled_from(TEXTS))
        draft.about += [f"$(inputs.{name}.secondaryFiles[0].path)", f"$(inputs.{name}.secondaryFiles.length)",
                        f"$(inputs.{name}.secondaryFiles[0].nameroot)"]
    draft.tool["inputs"][name] = made
    draft.about += [f"$(inputs.{name}.{word})" for word in ("path", "basename", "nameroot", "nameext", "size", "dirname", "class")]
    if made["type"] == "File?" and draw(st.booleans()):
        return
    if rarely(draw, 6) and "location" in given:
        made["default"] = given
        return
    draft.job[name] = given


def _plain(given: dict[str, Any]) -> bool:
    """Whether both sides look for the secondary files of a file under the same names."""
    name = (given.get("path") or given["location"]).rpartition("/")[2]
    return "%" not in name and not name.startswith(".")


def _beside(path: str, pattern: str) -> str:
    folder, _, name = path.rpartition("/")
    while pattern.startswith("^"):
        root, dot, _ = name.rpartition(".")
        name, pattern = (root if dot and root.strip(".") else name), pattern[1:]
    return f"{folder}/{name}{pattern}"


def _add_directory(draw: Any, draft: Draft) -> None:
    made: dict[str, Any] = {"type": "Directory"}
    name = draw(st.sampled_from(("d", "d e", "d.x", "é")))
    for each in [_name(draw, draft) for _ in range(draw(st.integers(0, 3)))]:
        draft.files[f"in/d/{name}/{each}"] = draw(st.sampled_from(TEXTS))
    draft.files[f"in/d/{name}/inner/"] = ""
    draft.files[f"in/d/{name}/inner/x"] = "X"
    if draw(st.booleans()):
        made["loadListing"] = draw(st.sampled_from(("no_listing", "shallow_listing", "deep_listing")))
        draft.about += ["$(inputs.d.listing.length)", "$(inputs.d.listing[0].basename)"]
        if draft.script:
            draft.about.append("${return inputs.d.listing.map(function(x) { return x.basename + (x.listing || []).length; }).sort();}")
    if draw(st.booleans()):
        made["inputBinding"] = draw(bindings(draft.shell, draft.script, "Directory"))
    draft.tool["inputs"]["d"] = made
    draft.job["d"] = {"class": "Directory", "path": f"in/d/{name}"}
    draft.about += ["$(inputs.d.path)", "$(inputs.d.basename)", "$(inputs.d.path)/inner"]


def _add_files(draw: Any, draft: Draft) -> None:
    """A list of files, or a record with a file."""
    if draw(st.booleans()):
        draft.tool["inputs"]["fs"] = {"type": "File[]", "inputBinding": draw(bindings(draft.shell, draft.script, "string"))}
        draft.job["fs"] = [_file(draw, draft, f"fs{number}") for number in range(draw(st.integers(0, 3)))]
        draft.about += ["$(inputs.fs.length)", "$(inputs.fs[0].path)", "$(inputs.fs[0].basename)"]
    else:
        fields = [{"name": "f", "type": "File", "inputBinding": draw(bindings(draft.shell, draft.script, "File"))},
                  {"name": "n", "type": "int", "inputBinding": draw(bindings(draft.shell, draft.script, "File"))}]
        draft.tool["inputs"]["r"] = {"type": {"type": "record", "fields": fields}}
        draft.job["r"] = {"f": _file(draw, draft, "r"), "n": 3}
        draft.about += ["$(inputs.r.f.path)", "$(inputs.r.n)", "$(inputs.r['f'].size)"]


def _add_stdin(draw: Any, draft: Draft) -> None:
    draft.tool["stdin"] = draw(st.sampled_from(("$(inputs.f.path)", "$(inputs.g.path)", "$(inputs['f'].path)")))
    draft.plan["stdin"] = True


def _add_environment(draw: Any, draft: Draft) -> None:
    names = draw(st.lists(st.sampled_from(("A", "B_1", "lower", "LANG", "a.b", "é")), min_size=1, max_size=3, unique=True))
    draft.requirement("EnvVarRequirement")["envDef"] = {name: draw(st.one_of(st.sampled_from(VARIABLES), words)) for name in names}


# -- the working directory ------------------------------------------------------------------------------------------

ENTRIES = ("$(inputs.text)", "fixed", "", " $(inputs.text) ", "$(inputs.flag)", "$(inputs.many)", "$(inputs.number)", "$(inputs.none)",
           "a\nb\n",
           "\\$(inputs.flag) \\\\", "$(inputs.f.basename)", "x$(inputs.many)", "$5", "a \\b")
SCRIPT_ENTRIES = ("${return {a: [1, null]};}", "$(1.5)", "$([1])", "${return 'a\\n';}")
WHOLE_LISTINGS = ("$([inputs.f])", "$([{entryname: 'n', entry: 'e'}])", "$([{class: 'Directory', basename: 'made', listing: [inputs.f]}])",
                  "${return [{class: 'File', basename: 'm', contents: 'c'}];}", "$([])",
                  "$([{entryname: 'm', entry: inputs.f, writable: true}])")


def _add_workdir(draw: Any, draft: Draft) -> None:
    data = [f"$(inputs.{name})" for name in ("f", "d", "fs") if name in draft.job]
    if "loadListing" in draft.tool["inputs"].get("d", {}) and draw(st.booleans()):
        data = [*data[:-1], "$(inputs.d.listing)"]
    taken = draw(st.lists(st.sampled_from(data), max_size=2, unique=True)) if data else []
    listing: list[Any] = [draw(_placed(each)) for each in taken]
    listing += [draw(st.one_of(_texts(draft, number), _literals(draft))) for number in range(draw(st.integers(0, 2)))]
    if rarely(draw, 5):
        listing.append("$(inputs.none)")
    draft.requirement("InitialWorkDirRequirement")["listing"] = draw(st.permutations(listing))
    if draft.script and "f" in draft.job and rarely(draw, 5):
        draft.requirement("InitialWorkDirRequirement")["listing"] = draw(st.sampled_from(WHOLE_LISTINGS))
    if rarely(draw):
        draft.requirement("InplaceUpdateRequirement")["inplaceUpdate"] = draw(st.booleans())


@st.composite
def _placed(draw: Any, data: str) -> Any:
    """An item that is an input, by itself or as a Dirent."""
    if draw(st.booleans()):
        return data
    made: dict[str, Any] = {"entry": data}
    if data in ("$(inputs.f)", "$(inputs.d)") and draw(st.booleans()):
        made["entryname"] = draw(st.sampled_from((f"to-{data[9]}", f"sub/{data[9]}", f"{data[9]} é", f"./{data[9]}2", f"{data[9]}//b")))
    if draw(st.booleans()):
        made["writable"] = draw(st.booleans())
    return made


@st.composite
def _texts(draw: Any, draft: Draft, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {"entry": draw(st.sampled_from(ENTRIES + SCRIPT_ENTRIES if draft.script else ENTRIES)),
                            "entryname": draw(st.sampled_from((f"n{number}", f"n{number}.txt", f"sub{number}/n",
                                                               f"n{number} $(inputs.flag)", f"é{number}")))}
    if draw(st.booleans()):
        made["writable"] = draw(st.booleans())
    return made


@st.composite
def _literals(draw: Any, draft: Draft) -> dict[str, Any]:
    name = _name(draw, draft)
    inner = {"class": "File", "basename": name, "contents": draw(st.sampled_from(TEXTS[:4]))}
    folder = {"class": "Directory", "basename": f"{name} folder", "listing": draw(st.sampled_from(([inner], [])))}
    made: dict[str, Any] = draw(st.sampled_from((inner, folder)))
    return made
