"""Which parameters of a test are tried: where several ways come to the same code, `make test` takes a sample of them, `make soak` all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

THOROUGH = os.environ.get("HYFLOW_THOROUGH") == "1"


def thorough(all_of_them: Sequence[T], sample: Sequence[T]) -> Sequence[T]:
    """What is not in the sample is no test at all, unless everything is to be tried."""
    assert set(sample) <= set(all_of_them)
    return all_of_them if THOROUGH else sample
