"""Sets up hyflow's peers, each in an environment of its own under .bench, with the versions that peers/NAME.txt pins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from runners import BENCH, ROOT, Runner

PINS = Path(__file__).with_name("peers")


class NotSetUp(Exception):
    """A peer could not be installed; the text says which, and what pip said."""


def pins(peer: Runner) -> str:
    return (PINS / f"{peer.name.lower()}.txt").read_text(encoding="ascii")


def version(peer: Runner) -> str:
    """The pinned version of the peer itself."""
    found = re.search(rf"^{peer.name.lower()}==(\S+)$", pins(peer), re.MULTILINE)
    return found[1] if found else "of an unknown version"


def set_up(peer: Runner) -> None:
    """Install a peer unless it is there in these versions, and compile its modules, so that no run has to."""
    mark = peer.bin.parent / "pins.txt"
    if mark.is_file() and mark.read_text(encoding="ascii") == pins(peer):
        return
    print(f"Setting up {peer.name} {version(peer)} in {peer.bin.parent.relative_to(ROOT)}", file=sys.stderr, flush=True)
    python = getattr(sys, "_base_executable", sys.executable)
    _do(peer, [python, "-m", "venv", "--clear", str(peer.bin.parent)])
    _do(peer, [str(peer.python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--requirement",
               str(PINS / f"{peer.name.lower()}.txt")])
    compile_modules(peer.python, *peer.bin.parent.glob("lib/python3.*/site-packages"))
    mark.write_text(pins(peer), encoding="ascii")


def _do(peer: Runner, argv: list[str]) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        shutil.rmtree(peer.bin.parent, ignore_errors=True)
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        hint = "To measure without it, name the others: --only hyflow --only cwltool"
        raise NotSetUp(f"{peer.name} could not be set up:\n{said[-1500:]}\n{hint}")


def compile_modules(python: Path, *places: Path) -> None:
    """Make the .pyc files of everything below; what does not compile (a template, a test) is passed over."""
    subprocess.run([str(python), "-m", "compileall", "-q", "-j", "0", *map(str, places)], capture_output=True, check=False)


def compile_own() -> None:
    """Make the .pyc files of hyflow, which runs from this checkout, and of what it stands on."""
    here = Path(sys.executable)
    compile_modules(here, ROOT / "hyflow", ROOT / "connectors", *here.parent.parent.glob("lib/python3.*/site-packages"))


def clear_room() -> Path:
    """The room in which things are run, empty. It lies in the checkout, on a real disk: in memory a durable journal would cost nothing."""
    room = BENCH / "room"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)
    return room
