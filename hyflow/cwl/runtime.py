"""`runtime` as expressions see it (CWL v1.2, CommandLineTool, section 5.1)."""

from __future__ import annotations

import math
from typing import Any

from hyflow.model.places import Place
from hyflow.model.resources import MIB, Resources


def runtime_at(place: Place) -> dict[str, Any]:
    """`runtime` of an attempt."""
    return {"outdir": place.outdir, "tmpdir": place.tmpdir, **runtime_resources(place.resources)}


def runtime_resources(resources: Resources) -> dict[str, Any]:
    """What it shows of the resources: whole cores, sizes in MiB."""
    return {
        "cores": math.ceil(resources.cores), "ram": math.ceil(resources.memory / MIB),
        "outdirSize": math.ceil(resources.outdir / MIB), "tmpdirSize": math.ceil(resources.tmpdir / MIB),
    }
