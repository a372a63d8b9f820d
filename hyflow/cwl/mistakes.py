"""A mistake in the inputs of a run, named by where in the input object it is; whoever knows where that was written says so."""

from __future__ import annotations

from hyflow.cwl.marks import Path
from hyflow.cwl.types import Type, at_path
from hyflow.errors import InputError


class Mistake(InputError):
    """What is wrong at `path` of the input object. `missing`: the type of an input that is not given at all; `named`: it is the
    address or the path of a File or Directory that is wrong, not what kind of value it is; `key`: the name of an input is."""

    def __init__(
        self, what: str, path: Path, *, hint: str | None = None, missing: Type | None = None, named: bool = False, key: bool = False
    ) -> None:
        super().__init__(what, hint=hint)
        self.path, self.missing, self.named, self.key = path, missing, named, key

    def __str__(self) -> str:
        return self.told() + (f"\n  {self.hint}" if self.hint else "")

    def told(self) -> str:
        """What is wrong, with the name of the input."""
        if self.missing is not None or self.key:
            return self.what
        return f"{at_path(self.path)}: {self.what}"
