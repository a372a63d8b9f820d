"""The inputs that a command line gives, a job file and flags, held against what the document takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hyflow.errors import HyflowError, InputError, SiteError

if TYPE_CHECKING:
    from hyflow.cwl.given import Given
    from hyflow.cwl.inputs import JobDocument
    from hyflow.cwl.processes import Processes
    from hyflow.model.values import Inputs


def given_by(job: JobDocument, flags: tuple[str, ...], processes: Processes) -> Given:
    """The job file and the flags together. Raises UsageError with every mistake in the flags."""
    from hyflow.cwl.given import Given
    from hyflow.cwl.inputs import from_flags

    return Given(job, from_flags(flags, {port.name: port.type for port in processes.input_types()}) if flags else {})


def accepted(given: Given, processes: Processes, warn: Callable[[str], None]) -> Inputs:
    """Those that the process takes. Raises InputError with every mistake when one is seen at once; others `located` tells."""
    wanted = processes.input_types()
    mistakes, warnings = given.judged(wanted)
    if mistakes:
        raise given.told(InputError([*mistakes, *_further(given, processes)]))
    for warning in warnings:
        warn(warning)
    names = {port.name for port in wanted}
    return {name: value for name, value in given.inputs.items() if name in names}


def _further(given: Given, processes: Processes) -> tuple[HyflowError, ...]:
    """The mistakes that show only when files are looked at."""
    from hyflow.run import check_inputs

    try:
        asyncio.run(check_inputs(processes, given.inputs))
    except InputError as error:
        return error.problems or (error,)
    except SiteError:
        return ()  # what cannot be asked now is told once the rest is right
    return ()


@contextmanager
def located(given: Given) -> Iterator[None]:
    """Mistakes in the inputs are told with the place where they were written."""
    from hyflow.staging.web import NotFetched

    try:
        yield
    except InputError as error:
        raise given.told(error) from error
    except NotFetched as error:
        raise SiteError(error.what, transient=error.transient, where=str(given.where(error.uri) or "") or None, hint=error.hint) from error
