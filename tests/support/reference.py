"""A whole run by cwltool, the reference, in this process: as its command does it without containers."""

from __future__ import annotations

import io
import logging
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from cwltool.command_line_tool import PathCheckingMode
from cwltool.context import RuntimeContext
from cwltool.errors import UnsupportedRequirement
from cwltool.executors import SingleJobExecutor
from cwltool.main import init_job_order, load_job_order
from cwltool.mutation import MutationManager
from cwltool.secrets import SecretStore
from cwltool.stdfsaccess import StdFsAccess
from cwltool.utils import visit_files, visit_files_directories
from wholerun import Ran

from hyflow.cwl.documents import open_process
from hyflow.errors import HyflowError


class _Kept(io.FileIO):
    """A file that many commands may write to: cwltool closes it after each."""

    def close(self) -> None:
        """Stay open."""

    def finish(self) -> None:
        """Close."""
        super().close()


def run(document: Path, job: Path, folder: Path) -> Ran:
    """Run a document with a job file; the results go to folder/results, all else below folder."""
    for name in ("tmp", "results"):
        (folder / name).mkdir(parents=True)
    said = io.StringIO()
    log = logging.getLogger("cwltool")
    handlers, log.handlers, propagate, log.propagate = log.handlers, [logging.StreamHandler(said)], log.propagate, False
    nowhere = _Kept(os.devnull, "wb")
    try:
        status, outputs = _executed(document, job, folder, nowhere)
    except UnsupportedRequirement as error:
        return Ran(33, {}, f"{said.getvalue()}{error}")
    except HyflowError as error:
        return Ran(error.exit_status, {}, str(error))
    except (Exception, SystemExit) as error:  # its command tells any as a failure
        return Ran(1, {}, f"{said.getvalue()}{type(error).__name__}: {error}")
    finally:
        nowhere.finish()
        log.handlers, log.propagate = handlers, propagate
    return Ran(status, outputs, said.getvalue())


def _executed(document: Path, job: Path, folder: Path, nowhere: io.FileIO) -> tuple[int, dict[str, Any]]:
    process, _ = open_process(document.as_uri(), [])
    _allow_names(process)
    args = Namespace(job_order=[str(job)], basedir=None, workflow=str(document))
    order, base, loader = load_job_order(args, io.StringIO(), None, [], document.as_uri())
    context = RuntimeContext({
        "use_container": False, "basedir": base, "outdir": str(folder / "results"), "tmpdir_prefix": f"{folder}/tmp/",
        "secret_store": SecretStore(), "make_fs_access": StdFsAccess, "default_stdout": nowhere, "default_stderr": nowhere,
    })
    given = init_job_order(order, args, process, loader, io.StringIO(), input_basedir=base, secret_store=context.secret_store,
                           make_fs_access=StdFsAccess, runtime_context=context)
    outputs, status = SingleJobExecutor()(process, given, context)
    if outputs is None or status != "success":
        return 1, {}
    visit_files_directories(outputs, _with_path)
    visit_files(outputs, MutationManager().unset_generation)
    return 0, outputs


def _allow_names(process: Any) -> None:
    """Let files have any name, as with --relax-path-checks."""
    if hasattr(process, "path_check_mode"):
        process.path_check_mode = PathCheckingMode.RELAXED
    for step in getattr(process, "steps", ()):
        _allow_names(step.embedded_tool)


def _with_path(data: Any) -> None:
    for word in ("path", "nameext", "nameroot", "dirname"):
        data.pop(word, None)
