"""Text that is safe and pleasant on a terminal: hostile characters made visible, times, tables. Knows nothing of runs."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Sequence

from hyflow.model.places import HERE, replica_of

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and their like: titles, links
    r"|\x1b[ -/]*[0-Z\\^-~]"  # the short ones
)
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """Several lines as a terminal may show them: control sequences are gone; what else could move the cursor, reorder or hide
    text is shown as an escape. Newlines and tabs stay; a carriage return begins a new line."""
    plain = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub(_escaped, plain)


def one_line(text: str) -> str:
    """A name as a terminal may show it: as `clean`, and line ends and tabs are escapes too."""
    return clean(text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t"))


def address(uri: str) -> str:
    """How a person calls what is there: a file of this machine by its path, anything else by its address. Not made safe."""
    replica = replica_of(uri)
    return f"/{replica.path}" if replica is not None and replica.filesystem == HERE else uri


def when(at: float) -> str:
    """A point in time (seconds since the epoch) on this machine's clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def duration(seconds: float) -> str:
    """As a person says it: 0.4 s, 12 s, 3 min 05 s, 2 h 07 min, 3 d 04 h."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Columns side by side, each cell on one line and made safe. `numbers`: the columns that are set to the right."""
    cells = [[one_line(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(cell_width(row[column]) for row in cells) for column in range(len(heads))]
    return "\n".join("  ".join(_pad(cell, widths[n], n in numbers) for n, cell in enumerate(row)).rstrip() for row in cells)


def shorten(text: str, width: int) -> str:
    """The text, its middle left out when it takes more than `width` columns."""
    if cell_width(text) <= width:
        return text
    head, tail = text[: width // 3], ""
    for char in reversed(text):
        if cell_width(head) + 1 + cell_width(char + tail) > width:
            break
        tail = char + tail
    return f"{head}…{tail}"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _pad(cell: str, width: int, right: bool) -> str:
    space = " " * (width - cell_width(cell))
    return space + cell if right else cell + space


def cell_width(text: str) -> int:
    """Columns of a terminal that the (safe) text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
