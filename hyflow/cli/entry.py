"""Where the commands begin: signals first, since all that follows takes its time."""

from __future__ import annotations

from hyflow.cli.signals import leave_when_told


def hyflow() -> None:
    """The command `hyflow`."""
    leave_when_told()
    from hyflow.cli.main import main

    main()


def cwl_runner() -> None:
    """The command `cwl-runner`."""
    leave_when_told()
    from hyflow.cli.cwl_runner import main

    main()
