"""A generated case in the making, and the names, texts and expressions that it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bindings import expressions
from hypothesis import strategies as st

NAMES = ("a.txt", "b.tar.gz", "c", ".hidden", "d e", "é.x", "-f", "g'h", "i.", "j..k", "$x", "#n", "50%", "l;m", "..n", "o*", "[p]", "q?",
         "日本.🜚", "a.b c")
TEXTS = ("", "one\n", "é\n🜚", "two\r\nlines", "$(inputs.flag)", "x" * 300)
VARIABLES = ("$(inputs.text)", "x$(inputs.flag)y", " $(inputs.text) ", "$(inputs.f.basename)", "$(runtime.outdir)/x", "$(runtime.tmpdir)",
             "$(inputs.many)-", "\\$(inputs.flag)")
PATTERNS = (".s", "^.s", "^^.s", "$(self.basename).s", "$(self.nameroot).s", "${return self.basename + '.s';}", ".s?", "^.t?")


@dataclass(slots=True)
class Draft:
    """A case in the making: the parts of a Case, and `about`, expressions that speak of what it has."""

    tool: dict[str, Any]
    job: dict[str, Any]
    script: bool
    shell: bool
    files: dict[str, str] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    about: list[str] = field(default_factory=list)
    alone: bool = False  # there is one output: cwltool fails where two give one file and one of them has secondary files
    names: list[str] = field(default_factory=lambda: list(NAMES))

    def requirement(self, name: str) -> dict[str, Any]:
        requirement: dict[str, Any] = self.tool["requirements"].setdefault(name, {})
        return requirement

    def expressions(self) -> st.SearchStrategy[str]:
        return st.one_of(st.sampled_from(self.about), expressions(self.script)) if self.about else expressions(self.script)
