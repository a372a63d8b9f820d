"""A workflow of every kind of step, and what must hold of it whatever befell the hyflow that drove it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

from commandline import Ended, Shell, processes, until
from warm import Warm

from hyflow.journal import find_run, read_events
from hyflow.model.events import Finished

DOCUMENT = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, SubworkflowFeatureRequirement: {}, InlineJavascriptRequirement: {},
  StepInputExpressionRequirement: {}, MultipleInputFeatureRequirement: {}}
inputs: {names: "string[]", go: boolean, stop: boolean}
outputs:
  chained: {type: "File[]", outputSource: chain/o}
  nested: {type: "File[]", outputSource: inner/o}
  taken: {type: "File?", outputSource: taken/o}
  skipped: {type: "File?", outputSource: skipped/o}
  flaky: {type: File, outputSource: flaky/o}
  all: {type: File, outputSource: gather/o}
  folder: {type: Directory, outputSource: folder/d}
  words: {type: string, outputSource: words/v}
steps:
  each: {run: tool.cwl, scatter: label, in: {label: {source: names, valueFrom: $('each-' + self)}}, out: [o]}
  chain: {run: tool.cwl, scatter: file, in: {label: {default: chain}, file: each/o}, out: [o]}
  inner:
    scatter: name
    in: {name: names}
    out: [o]
    run:
      class: Workflow
      inputs: {name: string}
      outputs: {o: {type: File, outputSource: second/o}}
      steps:
        first: {run: tool.cwl, in: {label: {source: name, valueFrom: $('first-' + self)}}, out: [o]}
        second: {run: tool.cwl, in: {label: {source: name, valueFrom: $('second-' + self)}, file: first/o}, out: [o]}
  taken: {run: tool.cwl, when: $(inputs.go), in: {go: go, label: {default: taken}}, out: [o]}
  skipped: {run: tool.cwl, when: $(inputs.go), in: {go: stop, label: {default: skipped}}, out: [o]}
  flaky: {run: flaky.cwl, in: {label: {default: flaky}}, out: [o]}
  words:
    run: {class: ExpressionTool, inputs: {names: "string[]"}, outputs: {v: string}, expression: "${return {v: inputs.names.join('+')};}"}
    in: {names: names}
    out: [v]
  gather:
    run: gather.cwl
    in: {label: {default: gather}, files: {source: [chain/o, inner/o, flaky/o], linkMerge: merge_flattened}}
    out: [o]
  folder: {run: folder.cwl, in: {label: {default: folder}, file: gather/o}, out: [d]}
"""
START = 'echo "$LABEL" >>TOP/starts'
"""A line of this length is appended whole."""
TOOLS = {
    "tool": (START + '; sleep NAP; { echo "$LABEL"; [ $# = 0 ] || cat "$1"; } >o', "file: {type: File?, inputBinding: {}}", "o", ""),
    "flaky": (START + "; mkdir TOP/once 2>/dev/null && exit 75; echo steady >o", "", "o", "temporaryFailCodes: [75]\n"),
    "gather": (START + '; cat "$@" >o', 'files: {type: "File[]", inputBinding: {}}', "o", ""),
    "folder": (START + '; mkdir -p d/deep; cp "$1" d/a; cp "$1" d/deep/b', "file: {type: File, inputBinding: {}}", "d", ""),
}
JOB: dict[str, Any] = {"names": ["x", "y", "z"], "go": True, "stop": False}
LABELS = {f"{step}-{name}" for step in ("each", "first", "second") for name in "xyz"} | {"chain", "taken", "flaky", "gather", "folder"}
ONCE = {label: 3 if label == "chain" else 2 if label == "flaky" else 1 for label in LABELS}
"""How often each command starts in a run that nothing befalls."""
SITES = {
    "local": "{type: local, cores: 2}",
    "shell": "{type: shell, command: [sh, -c], workdir: TOP/box, poll: 0.1}",
}
"""Settings of the site, by the way to run; TOP is the directory of the test."""

EVERY = int(os.environ.get("HYFLOW_CRASH_EVERY", "23"))
"""Of so many points one is tried; all of them with 1 (make soak)."""
Delivery: TypeAlias = tuple[Any, dict[str, str]]
"""An output object with contents in place of paths, and the files that were delivered."""
Mishap: TypeAlias = tuple[()] | tuple[str, int, str]
"""Where in hyflow, at which time, and what: see `dying.arm`."""


class CrashingShell(Shell):
    """A directory with the workflow: as new, but for the compiled program, which need not be compiled for every run. `requirement`: of
    every tool, for a container. `there`: the directory for what commands write down, where they run elsewhere; `seen`: that, from here."""

    def __init__(
        self, warm: Warm, top: Path, site: str, requirement: str = "", home: str = "home",
        *, there: Path | None = None, seen: Path | None = None, nap: str = "0.03",
    ) -> None:  # fmt: skip
        super().__init__(top, top / home)
        self._warm, self.there, self.seen = warm, there or top, seen or top
        settled(self)  # if another one was here
        for path in [*top.glob("*"), *self.home.glob("*")]:
            if path not in (self.home, self.home / "cache", top / home.partition("/")[0]):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        retry = "retry: {temporary: {tries: 3, wait: 0s}, infrastructure: {tries: 4, wait: 0s}}"
        self.write("deploy.yml", f"version: 1\nsites:\n  here: {site.replace('TOP', str(self.there))}\n{retry}\n")
        self.write("workflow.cwl", DOCUMENT)
        self.write("job.json", json.dumps(JOB))
        for name, (script, extra, output, rest) in TOOLS.items():
            kind = "Directory" if output == "d" else "File"
            self.write(f"{name}.cwl", "cwlVersion: v1.2\nclass: CommandLineTool\n"
                       f"baseCommand: [sh, -ec, {json.dumps(script.replace('TOP', str(self.there)).replace('NAP', nap))}, sh]\n"
                       f"requirements: {{EnvVarRequirement: {{envDef: {{LABEL: $(inputs.label)}}}}{requirement}}}\n"
                       f"inputs: {{label: string{', ' * bool(extra)}{extra}}}\n"
                       f"outputs: {{{output}: {{type: {kind}, outputBinding: {{glob: {output}}}}}}}\n{rest}")  # fmt: skip

    def __call__(self, command: str, *words: str, mishap: Mishap = ()) -> Ended:
        (self.top / "reached").unlink(missing_ok=True)
        return self._warm(self.top, self.home, list(words), {}, [*mishap, str(self.top)] if mishap else ())

    def begin(self, mishap: Mishap = (), outdir: str = "results") -> Ended:
        return self("hyflow", "run", "workflow.cwl", "deploy.yml", "job.json", "--outdir", outdir, mishap=mishap)

    def resume(self, *words: str, mishap: Mishap = ()) -> Ended:
        return self("hyflow", "resume", *words, mishap=mishap)

    def died(self, mishap: Mishap, outdir: str = "results") -> bool:
        """Begin; whether the hyflow was killed before the end. A run that had not begun by then is begun anew."""
        done, before = self.begin(mishap, outdir), self.starts
        if done.status != -signal.SIGKILL:
            assert done.status == 0 and not self.reached, done.stderr
            return False
        if not self.has_begun():
            assert before == {}
            self.begin()
        return True

    @property
    def reached(self) -> bool:
        """Whether the mishap has happened."""
        return (self.top / "reached").exists()

    @property
    def starts(self) -> Counter[str]:
        """How often each command has started."""
        file = self.seen / "starts"
        return Counter(file.read_text().split()) if file.exists() else Counter()

    def finished(self) -> set[str]:
        """The jobs of which it is on disk that they are done."""
        return {str(record.event.job) for record in read_events(find_run(self.home).journal, kinds=(Finished,))}  # type: ignore[union-attr]  # it is one

    def has_begun(self) -> bool:
        runs = self.home / "runs"
        return runs.exists() and any(path.name[0].isdigit() and next(read_events(path / "journal.sqlite"), None) is not None
                                     for path in runs.iterdir() if (path / "journal.sqlite").exists())  # fmt: skip

    def kill_supervisor(self) -> None:
        """With -9, as a machine short of memory might."""
        for line in processes(str(self.home)):
            if "supervisor" in line:
                os.kill(int(line.split()[0]), signal.SIGKILL)

    def is_quiet(self) -> bool:
        """Nothing of the run is left running."""
        return not [line for word in {self.top, self.there} for line in processes(str(word)) if "pytest" not in line]


def job_of(label: str) -> str:
    """The job whose command starts under this label; those of /chain share one, which no set of jobs holds."""
    step, _, name = label.partition("-")
    path = f"/inner/{step}" if step in ("first", "second") else f"/{step}"
    return f"{path}[{JOB['names'].index(name)}]" if name else path


def sparsely(factor: int) -> int:
    """The stride of a test that tries so many times fewer points than others, unless all are to be tried."""
    return 1 if EVERY == 1 else factor * EVERY


def content(output: Any) -> Any:
    """The output object with contents in place of what depends on where it lies."""
    if isinstance(output, list):
        return [content(item) for item in output]
    if isinstance(output, dict) and output.get("class") == "File":
        return {"class": "File", "basename": output["basename"], "text": Path(output["path"]).read_text()}
    if isinstance(output, dict) and output.get("class") == "Directory":
        return {"class": "Directory", "basename": output["basename"], "listing": content(output["listing"])}
    return {name: content(item) for name, item in output.items()} if isinstance(output, dict) else output


def delivery(done: Ended, shell: CrashingShell, outdir: str = "results") -> Delivery:
    """What the command has given: its output object, and the files in the directory of the results."""
    top = shell.top / outdir
    files = {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}
    return content(done.output), files


def undisturbed_run(warm: Warm, top: Path) -> Delivery:
    """What the run gives that nothing befalls."""
    shell = CrashingShell(warm, top, SITES["local"])
    done = shell.begin()
    assert shell.starts == ONCE
    return delivery(done, shell)


def ends_as(undisturbed: Delivery, shell: CrashingShell) -> None:
    """Whoever takes the run up gets what an undisturbed one gives, and nothing is left running."""
    assert delivery(shell.resume(), shell) == undisturbed
    settled(shell)


def settled(shell: CrashingShell) -> None:
    """Wait until nothing runs any more."""
    until(shell.is_quiet)
    time.sleep(0.01)
