"""Which observer fits: by what the user asked for and what standard error is."""

from __future__ import annotations

import os
from typing import TextIO

from hyflow.report.jsonlog import JsonLog
from hyflow.report.lines import Lines, Quiet
from hyflow.report.observer import Observer


def observer(stream: TextIO, *, quiet: bool = False, json_log: bool = False, live: bool = True) -> Observer:
    """Live progress when `stream` is a terminal that can move its cursor, plain lines elsewhere and without `live`. `json_log` wins over
    `quiet`."""
    if json_log:
        return JsonLog(stream)
    if quiet:
        return Quiet(stream)
    if live and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        from hyflow.report.live import Live  # rich is slow to import

        return Live(stream)
    return Lines(stream)
