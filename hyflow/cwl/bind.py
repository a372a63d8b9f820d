"""From a job and a place to a Task: argv, environment, streams, what to stage in, what to collect.

Pure: what is lacking is asked for. One `Binder` per tool holds what needs to be worked out only once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hyflow.cwl.commandline import command_line, text_of
from hyflow.cwl.demand import Demand
from hyflow.cwl.expressions import Compiled
from hyflow.cwl.knowledge import Knowledge
from hyflow.cwl.layout import Layout
from hyflow.cwl.mpi import Mpi
from hyflow.cwl.runtime import runtime_at
from hyflow.cwl.shapes import Port
from hyflow.cwl.tool import Tool
from hyflow.cwl.workdir import WorkDir, WorkTree, relocated
from hyflow.model.containers import Container, Mount
from hyflow.model.jobs import Job, Key
from hyflow.model.places import Place
from hyflow.model.tasks import Glob, Task
from hyflow.model.values import Inputs, Value

_ENVIRONMENT = "requirements.EnvVarRequirement.envDef."


@dataclass(frozen=True, slots=True)
class Bound:
    """A task and what `collect` needs to understand what it leaves.

    `inputs` as the command's expressions saw them; `globs`: for each output and each field of a record output, by its path
    ("report", "result.plot"), the numbers of its globs in `task.collect`.
    """

    task: Task
    inputs: Inputs
    runtime: Mapping[str, Value]
    place: Place
    globs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class Binder:
    """Binds the jobs of one tool."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self._workdir, self._mpi = WorkDir(tool), Mpi(tool)
        self._outputs = tuple(output_bindings(tool.outputs))
        globs = [glob for _, port in self._outputs for glob in (port.output.globs if port.output else ())]
        fixed = all(glob.constant and not str(glob.value).startswith("/") for glob in globs)
        self._fixed = self._globs({}, {}) if fixed else None

    def bind(self, job: Job, key: Key, label: str, place: Place, demand: Demand, know: Knowledge) -> Bound:
        """The task of one attempt. Raises WorkflowError, Lacking."""
        tool = self._tool
        layout = Layout(place, know)
        inputs = layout.inputs(demand.inputs)
        runtime = runtime_at(place)
        stages, mounts = tuple(layout.stages), tuple[Mount, ...]()
        if self._workdir:
            tree = WorkTree(place, know, inplace=tool.inplace)
            stages += tree.lay(self._workdir.items(inputs, runtime))
            inputs, mounts = relocated(inputs, tree.moved), tuple(tree.mounts)
        globs, numbers = self._fixed or self._globs(inputs, runtime, place.outdir)
        task = Task(
            key, label, place.dir, command_line(tool, inputs, runtime), self._environment(inputs, runtime),
            stdin=self._stdin(inputs, runtime, place), stdout=self._stream(tool.stdout, "stdout", inputs, runtime),
            stderr=self._stream(tool.stderr, "stderr", inputs, runtime), resources=place.resources, time_limit=demand.time_limit,
            network=demand.network, stage=stages, collect=globs, limits=demand.limits, container=self._container(place, mounts),
            processes=self._mpi.processes(inputs, runtime),
        )
        if not task.argv and task.container is None:  # an image may bring a command along
            raise tool.error("the command line is empty: there is no baseCommand, no argument and no bound input")
        return Bound(task, inputs, runtime, place, numbers)

    def _container(self, place: Place, mounts: tuple[Mount, ...]) -> Container | None:
        """The container that the command runs in, where it does."""
        if not place.contained or self._tool.container is None:  # what else it asks does not matter where there is no engine
            return None
        return Container(self._tool.container.image, place.indir, place.outdir, place.tmpdir, mounts)

    # -- environment and streams ----------------------------------------------------------------------------------

    def _environment(self, inputs: Inputs, runtime: Mapping[str, Value]) -> dict[str, str]:
        made = {"HOME": str(runtime["outdir"]), "TMPDIR": str(runtime["tmpdir"])}
        for name, compiled in self._tool.environment:
            value = compiled.evaluate(inputs, None, runtime)
            if isinstance(value, bool | list | dict) or value is None:
                raise self._tool.error(f"the variable {name} must be a string, found {value!r:.200}", path=_ENVIRONMENT + name)
            if "\0" in name or "=" in name or not name or "\0" in (text := text_of(value)):
                raise self._tool.error(f"{name!r} cannot be an environment variable: it holds a character that none may hold",
                                       path=_ENVIRONMENT + name)
            made[name] = text
        return made

    def _stream(self, compiled: Compiled | None, word: str, inputs: Inputs, runtime: Mapping[str, Value]) -> str | None:
        """The file that a stream goes to, relative to the output directory."""
        if compiled is None:
            return None
        name = compiled.evaluate(inputs, None, runtime)
        if not isinstance(name, str):
            raise self._tool.error(f"{word} must be the name of a file, found {name!r}", path=word)
        return self._inside(name, str(runtime["outdir"]), word)

    def _inside(self, name: str, outdir: str, what: str) -> str:
        """A name relative to the output directory. Raises WorkflowError when it leads out of it."""
        path = name[len(outdir):].lstrip("/") if name == outdir or name.startswith(outdir + "/") else name
        path = posixpath.normpath(path) if path else "."
        if path.startswith("/") or path.split("/")[0] == ".." or "\0" in path:
            raise self._tool.error(f"{what} {name!r} leads out of the output directory", path=what)
        return path

    def _stdin(self, inputs: Inputs, runtime: Mapping[str, Value], place: Place) -> str | None:
        """The absolute path on the machine: the command's view is translated back."""
        if self._tool.stdin is None:
            return None
        path = self._tool.stdin.evaluate(inputs, None, runtime)
        if path is None:
            return None
        if not isinstance(path, str) or not path:
            raise self._tool.error(f"stdin must be the path of a file, found {path!r}", path="stdin")
        for seen, name in ((place.indir, "in"), (place.outdir, "out")):
            if path.startswith(seen + "/"):
                return f"{place.dir}/{name}/{self._inside(path[len(seen) + 1:], '', 'stdin')}"
        return f"{place.dir}/out/{self._inside(path, place.outdir, 'stdin')}"

    # -- what to collect ------------------------------------------------------------------------------------------

    def _globs(self, inputs: Inputs, runtime: Mapping[str, Value], outdir: str = "") -> tuple[tuple[Glob, ...], dict[str, tuple[int, ...]]]:
        """All globs, and for each output the numbers of its own. Globs for likely secondary files are there for their checksums."""
        globs: list[Glob] = []
        numbers: dict[str, tuple[int, ...]] = {}
        extra: list[Glob] = []
        for path, port in self._outputs:
            first = len(globs)
            for compiled in port.output.globs if port.output else ():
                globs += [Glob(pattern, contents=port.output is not None and port.output.contents)
                          for pattern in self._patterns(compiled, inputs, runtime, outdir, path)]
            numbers[path] = tuple(range(first, len(globs)))
            extra += [Glob(secondary) for glob in globs[first:] for secondary in secondary_globs(port, glob.pattern)]
        return (*globs, *dict.fromkeys(extra)), numbers

    def _patterns(self, compiled: Compiled, inputs: Inputs, runtime: Mapping[str, Value], outdir: str, path: str) -> Iterator[str]:
        """The patterns that one `glob` of the output at `path` gives."""
        value = compiled.value if compiled.constant else compiled.evaluate(inputs, None, runtime)
        streams = (("stdout", self._tool.stdout), ("stderr", self._tool.stderr))
        stream = next((word for word, each in streams if each is not None and each.value == compiled.value), None)
        for pattern in value if isinstance(value, list) else [value]:
            if pattern is None or pattern == "":
                continue
            if not isinstance(pattern, str):
                what = f"{stream} must be the name of a file" if stream else "a glob must be a string or a list of strings"
                raise self._tool.error(f"{what}, found {value!r:.200}", path=stream or f"outputs.{path}.glob")
            inside = self._pattern_inside(pattern, outdir, f"outputs.{path}.glob")
            yield escaped(inside) if stream else inside

    def _pattern_inside(self, pattern: str, outdir: str, path: str) -> str:
        if outdir and (pattern == outdir or pattern.startswith(outdir + "/")):
            pattern = pattern[len(outdir):].lstrip("/") or "."
        if pattern.startswith("/"):
            raise self._tool.error(f"the glob {pattern!r} must be relative to the output directory", path=path)
        if ".." in pattern.split("/"):
            raise self._tool.error(f"the glob {pattern!r} leads out of the output directory", path=path)
        return "/".join(part for part in pattern.split("/") if part not in ("", ".")) or "."


def output_bindings(ports: tuple[Port, ...], prefix: str = "") -> Iterator[tuple[str, Port]]:
    """Every output and every field of a record output that has a binding of its own, with its path."""
    for port in ports:
        path = f"{prefix}{port.name}"
        if port.output is not None:
            yield path, port
        for shape in (port.shape, *port.shape.options):
            if shape.fields:
                yield from output_bindings(shape.fields, path + ".")


def secondary_globs(port: Port, pattern: str) -> Iterator[str]:
    """Globs that find the secondary files of what `pattern` finds, as far as names alone can tell."""
    if pattern.endswith("/") or pattern == ".":
        return
    for secondary in port.shape.details.secondary:
        if secondary.pattern.constant:
            text = str(secondary.pattern.value)
            base = pattern
            while text.startswith("^"):
                text, base = text[1:], posixpath.splitext(base)[0]
            yield base + escaped(text)


def escaped(text: str) -> str:
    """A glob that matches `text` alone."""
    return "".join("[\\\\]" if char == "\\" else f"[{char}]" if char in "*?[" else char for char in text)

