"""A shell site on this machine whose files nothing outside of it sees, and which can be cut off."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import Shell, processes, until

HIDE = 'mount -t tmpfs tmpfs "$0" && echo there && exec sleep 600'


@dataclass(frozen=True, slots=True)
class FarAway:
    """`shell` has a deployment file d.yml that sends everything to the site, whose work directory is `workdir`."""

    shell: Shell
    workdir: Path

    @property
    def _cut(self) -> Path:
        return self.shell.top / "cut"

    def followers(self) -> list[int]:
        """The commands there that print what jobs write."""
        return [int(one.split()[0]) for one in processes(str(self.workdir)) if "tail" in one.split("\\x00")[0]]

    def cut(self) -> None:
        """From now on nobody gets there, and who is there to follow a job is gone."""
        self._cut.touch()
        for pid in self.followers():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), signal.SIGKILL)

    def mend(self) -> None:
        """The way is open again."""
        self._cut.unlink()


@contextlib.contextmanager
def far_away(shell: Shell) -> Iterator[FarAway]:
    """While this lasts the site is there. Skips the test where name spaces cannot be made."""
    box = shell.top / "box"
    box.mkdir()
    around = ["unshare", "--mount", "--map-root-user", "sh", "-c", HIDE, str(box)]
    with subprocess.Popen(around, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        assert holder.stdout is not None
        try:
            if holder.stdout.readline() != "there\n":
                pytest.skip("this system lets nobody make a name space of mounts")
            enter = f'nsenter --preserve-credentials --user --mount --target {holder.pid} sh -c "$1"'
            shell.write("way", f"#!/bin/sh\n[ ! -e {shlex.quote(str(shell.top))}/cut ] || exit 1\nexec {enter}\n")
            (shell.top / "way").chmod(0o755)
            site = f"{{type: shell, command: [{shell.top}/way], workdir: {box}/work, poll: 0.1, container: {{runtime: none}}}}"
            shell.write("d.yml", f"version: 1\nsites:\n  box: {site}\nbind: [{{step: /, site: box}}]\nretry: {{temporary: {{wait: 0s}}}}\n")
            yield FarAway(shell, box / "work")
            until(lambda: not processes(f"{box}/work"))
        finally:
            holder.kill()
