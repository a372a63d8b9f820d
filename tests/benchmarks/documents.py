"""The documents that are run: standard CWL v1.2 that every runner takes as it is, and the input objects for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

TOOLS = 20
"""How many different tools the workflow of many steps is made of."""
WIDE = 10
"""How many of its steps could run side by side."""

ECHO = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs:
  word: {type: string, inputBinding: {}}
outputs:
  said: {type: stdout}
"""

SCATTER = """cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {}}
inputs:
  words: string[]
outputs:
  said: {type: "File[]", outputSource: echo/said}
steps:
  echo:
    run: echo.cwl
    scatter: word
    in:
      word: WORD
    out: [said]
"""

HAND_ON = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs:
  text: {type: File, inputBinding: {}}
outputs:
  said: {type: stdout}
"""

STAMP = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'touch -- "$0"; exit 1']
inputs:
  stamp: {type: string, inputBinding: {}}
outputs:
  said: {type: stdout}
"""

MAKE = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'mkdir many && seq "$0" | split -l 1 -a 5 -d - many/f']
inputs:
  count: {type: int, inputBinding: {}}
outputs:
  many: {type: Directory, outputBinding: {glob: many}}
"""

TAKE = """cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'cat "$0"/* | wc -l']
inputs:
  many: {type: Directory, inputBinding: {}}
outputs:
  said: {type: stdout}
"""


def tool(number: int) -> str:
    """One of the tools that the workflow of many steps is made of: each has a name, an option and a default of its own."""
    return f"""cwlVersion: v1.2
class: CommandLineTool
doc: Tool {number} of a generated workflow
requirements: {{ResourceRequirement: {{coresMin: 1, ramMin: {64 + number}}}}}
baseCommand: [echo, tool{number}]
arguments: [--cores, $(runtime.cores)]
inputs:
  text: {{type: File, inputBinding: {{position: 2}}}}
  number: {{type: int, default: {number}, inputBinding: {{prefix: --number, position: 1}}}}
  label{number}: {{type: string?, inputBinding: {{prefix: --label}}}}
stdout: said-{number}.txt
outputs:
  said: {{type: stdout}}
"""


def chain(length: int) -> str:
    """A workflow whose steps pass one file on, each to the next."""
    steps = [f"  s{n}: {{run: pass.cwl, in: {{text: {f's{n - 1}/said' if n else 'text'}}}, out: [said]}}" for n in range(length)]
    head = f"cwlVersion: v1.2\nclass: Workflow\ninputs: {{text: File}}\noutputs: {{said: {{type: File, outputSource: s{length - 1}/said}}}}"
    return "\n".join([head, "steps:", *steps, ""])


def steps(count: int) -> str:
    """A workflow of many steps. All hang on the first, which writes down when it ran and then fails: the others never run."""
    def step(number: int) -> str:
        source = f"s{number - WIDE}" if number > WIDE else "start"
        return f"  s{number}: {{run: tool{number % TOOLS}.cwl, in: {{text: {source}/said, number: {{default: {number}}}}}, out: [said]}}"

    last = f"{{said: {{type: File, outputSource: s{count - 1}/said}}}}"
    head = f"cwlVersion: v1.2\nclass: Workflow\ninputs: {{stamp: string}}\noutputs: {last}"
    first = "  start: {run: stamp.cwl, in: {stamp: stamp}, out: [said]}"
    return "\n".join([head, "steps:", first, *(step(number) for number in range(1, count)), ""])


def words(count: int) -> str:
    return json.dumps({"words": [f"word{number}" for number in range(count)]})


def texts(jobs: set[int], chains: set[int], steps_of: set[int], files: set[int], stamp: Path) -> Mapping[str, str]:
    """Every document and input object by file name, in the sizes asked for. `stamp` is the file that the first of many steps makes."""
    javascript = SCATTER.replace("WORD", '{source: words, valueFrom: "$(self.toUpperCase())"}')
    return {
        "echo.cwl": ECHO, "pass.cwl": HAND_ON, "stamp.cwl": STAMP, "make.cwl": MAKE, "take.cwl": TAKE,
        "scatter.cwl": SCATTER.replace("WORD", "words"), "javascript.cwl": javascript,
        "one.json": json.dumps({"word": "hello"}), "stamp.json": json.dumps({"stamp": str(stamp)}),
        "text.json": json.dumps({"text": {"class": "File", "location": "hello.txt"}}), "hello.txt": "hello\n",
        **{f"tool{number}.cwl": tool(number) for number in range(TOOLS)},
        **{f"words-{count}.json": words(count) for count in jobs},
        **{f"chain-{count}.cwl": chain(count) for count in chains},
        **{f"steps-{count}.cwl": steps(count) for count in steps_of},
        **{f"count-{count}.json": json.dumps({"count": count}) for count in files},
        **{f"many-{count}.json": json.dumps({"many": {"class": "Directory", "location": f"many-{count}"}}) for count in files},
    }


def fill(directory: Path, count: int) -> None:
    """A directory of `count` small files, for the tool that takes one."""
    directory.mkdir()
    for number in range(count):
        (directory / f"f{number:05}").write_text(f"{number}\n", encoding="ascii")
