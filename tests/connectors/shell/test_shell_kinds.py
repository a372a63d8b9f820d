"""The runner and all scripts do the same under every shell, with coreutils and with busybox alone."""

import shutil
import subprocess
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from hyflow.connector import Connector, SiteContext
from hyflow.testing.ends import EndSuite
from hyflow.testing.layout import LayoutSuite
from hyflow.testing.outputs import OutputSuite
from hyflow_shell import Settings, plugin


class OtherShell(OutputSuite, LayoutSuite, EndSuite):
    def tools(self, directory: Path) -> str:
        raise NotImplementedError

    def connect(self, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        directory = Path(context.state).parent / "bin"
        directory.mkdir(exist_ok=True)
        command = ["env", f"PATH={self.tools(directory)}", "sh", "-c"]
        return plugin.connect(Settings(command=command, workdir=str(directory.parent / "site")), context)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed: apt-get install bash")
class TestBash(OtherShell):
    def tools(self, directory: Path) -> str:
        if not (directory / "sh").exists():
            (directory / "sh").symlink_to(shutil.which("bash") or "")
        return f"{directory}:/usr/bin:/bin"


@pytest.mark.skipif(not shutil.which("busybox"), reason="busybox is not installed: apt-get install busybox")
class TestBusybox(OtherShell):
    def tools(self, directory: Path) -> str:
        if not (directory / "sh").exists():
            busybox = shutil.which("busybox") or ""
            subprocess.run([busybox, "--install", "-s", str(directory)], check=True)
        return str(directory)
