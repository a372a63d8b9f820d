"""Enclosure -> the scripts that an attempt's bundle holds besides; see `hyflow.model.containers.Enclosure` for what they are for.

`end.sh` ends the container, `own.sh` makes what it wrote ours, `relink.sh` changes the links that are its arguments. Which of them is
run when, and for how long at the most, is the affair of whoever runs attempts: `enclosed.sh`, `markers.sh` and `cancel.sh`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hyflow.model.containers import Enclosure
from hyflow.shell.quoting import quote


def enclosure_scripts(enclosure: Enclosure) -> Iterator[tuple[str, str]]:
    """Name and text of each script that there is a need for. ValueError for a NUL, which none can hold."""
    if enclosure.end:
        yield "end.sh", f"cd / && exec {quote(enclosure.end)} </dev/null >/dev/null 2>&1\n"
    if enclosure.own:
        yield "own.sh", f"cd / && exec {quote(enclosure.own)} </dev/null >/dev/null\n"
    if enclosure.paths:
        yield "relink.sh", relink_script(enclosure.paths)


def relink_script(paths: Iterable[tuple[str, str]]) -> str:
    """Each argument is a symbolic link, whose name begins with ./; those that lead nowhere special stay."""
    seen = [f"    {word} | {word}/*) inside={word} outside={quote([outside])} ;;" for word, outside in ((quote([a]), b) for a, b in paths)]
    return "\n".join([
        'change() { ln -sfn "$outside${text#"$inside"}" "$link"; }',
        "for link; do",
        '    text=$(readlink "$link" && echo x) || continue',
        "    text=${text%??}",  # the line's end and the x that kept it, and others before it, from being dropped
        "    case $text in",
        *seen,
        "    *) continue ;;",
        "    esac",
        '    change 2>/dev/null && continue',
        '    chmod u+w "${link%/*}" && change',  # the tool may have left a directory that nobody is to write in
        '    chmod u-w "${link%/*}"',
        "done",
        "",
    ])
