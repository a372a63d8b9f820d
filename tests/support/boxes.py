"""Tasks that ask for a container, and engines of every kind, as tests of `hyflow.containers` need them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

from hyflow.containers.apptainer import Apptainer
from hyflow.containers.engine import Engine, Facts, Kind, Ready
from hyflow.containers.oci import Oci
from hyflow.model.containers import Container, ContainerSettings, Image, Mount
from hyflow.model.jobs import Key
from hyflow.model.resources import Resources
from hyflow.model.tasks import Task

DIR, INDIR, OUTDIR = "/work/a1", "/var/lib/cwl", "/var/spool/cwl"
BUSYBOX = Ready("sha256:b0", "sha256:d0")
MOUNTS = [f"--mount=type=bind,source={DIR}/tmp,target=/tmp", f"--mount=type=bind,source={DIR}/in,target={INDIR},readonly",
          f"--mount=type=bind,source={DIR}/out,target={OUTDIR}"]
"""The mounts of the attempt's own directories, as docker and podman are told."""


def task(*argv: str, mounts: Iterable[Mount] = (), outdir: str = OUTDIR, tmpdir: str = "/tmp", **fields: Any) -> Task:
    """A task with a container of the image busybox."""
    container = Container(Image("busybox"), INDIR, outdir, tmpdir, tuple(mounts))
    known: dict[str, Any] = {"environment": {}, "resources": Resources(2.0, 64 << 20), "container": container, **fields}
    return Task(Key("a1"), "/step", DIR, argv or ("true",), **known)


def engine(kind: Kind, *, rootless: bool = False, user: tuple[int, int] = (1000, 100), can: tuple[str, ...] = ("cores", "memory"),
           **settings: Any) -> Engine:
    """An engine with these facts and settings; `can`: which limits it enforces."""
    facts = Facts(kind, "1.0", rootless, () if kind == "apptainer" else can, user, "box", "/home/ada/.cache/hyflow/images")
    chosen = ContainerSettings(runtime=kind, **settings)
    return Apptainer(facts, chosen) if kind == "apptainer" else Oci(facts, chosen)


def told(argv: Iterable[str]) -> list[Mount]:
    """The mounts that a client is told, read as it reads them: each value is one line of comma-separated values."""
    found = []
    for word in argv:
        if word.startswith("--mount="):
            [fields] = csv.reader([word.removeprefix("--mount=")], strict=True)
            known = dict(field.partition("=")[::2] for field in fields)
            target = known.get("target") or known["destination"]
            found.append(Mount(known["source"], target, not {"ro", "readonly"} & known.keys()))
    return found
