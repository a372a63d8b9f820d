"""Archives of images, as `docker save` writes them and as every engine loads them.

    archive.py pack FILE LAYER NAME CONFIG WHAT [BASE]    one image: the layers of the archive BASE, then LAYER (tar)
    archive.py layers FILE                                the names of its layers in the archive, the lowest first

CONFIG is JSON, with the keys of an OCI image's "config"; WHAT says what the image really is.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path
from typing import Any

ORIGIN = "Built from Debian packages for hyflow's tests; not the official image."
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def pack(file: str, layer: str, name: str, config: str, what: str, base: str | None = None) -> None:
    """Write the archive. Layers are named by their digests, so that those that images share are known to be the same."""
    digest = digest_of(Path(layer))
    below = layers(base) if base else []
    with tarfile.open(file, "w") as out:
        if base:
            with tarfile.open(base) as source:
                for entry in below:
                    out.addfile(source.getmember(entry), source.extractfile(entry))
        out.add(layer, f"{digest}.tar")
        names = [*below, f"{digest}.tar"]
        image = configuration(name, json.loads(config), what, [entry.removesuffix(".tar") for entry in names])
        add(out, "config.json", image)
        add(out, "manifest.json", [{"Config": "config.json", "RepoTags": [name.removeprefix("registry/")], "Layers": names}])


def configuration(name: str, config: dict[str, Any], what: str, digests: list[str]) -> dict[str, Any]:
    machine = platform.machine()
    return {
        "architecture": ARCHITECTURES.get(machine, machine), "os": "linux", "created": "2024-01-01T00:00:00Z",
        "config": {**config, "Labels": {
            "org.opencontainers.image.title": f"{name} of hyflow's lab",
            "org.opencontainers.image.description": f"{ORIGIN} {what}",
        }},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "2024-01-01T00:00:00Z", "comment": ORIGIN} for _ in digests],
    }


def add(out: tarfile.TarFile, name: str, value: object) -> None:
    content = json.dumps(value).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    out.addfile(entry, io.BytesIO(content))


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def layers(file: str) -> list[str]:
    with tarfile.open(file) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        found: list[str] = json.load(manifest)[0]["Layers"]
        return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["pack", *rest] if len(rest) in (5, 6):
            pack(*rest)
        case ["layers", archive]:
            print("\n".join(layers(archive)))
        case _:
            sys.exit(__doc__)
