"""What a container has left, under every shell: links as it saw things, files of other users."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from makeshift import there, until_there
from unprivileged import NOBODY

from hyflow.connector import Done
from hyflow.model.containers import Enclosure
from hyflow.model.tasks import Glob
from hyflow.testing.site import HOSTILE

LINKS = 'mkdir d; while [ $# -gt 1 ]; do ln -s -- "$2" "./$1" || exit 1; shift 2; done'
"""A script that makes links; its arguments are their names and texts in turn."""


async def test_links_lead_to_what_the_container_saw(tmp_path: Path, tools: str) -> None:
    async with there(tmp_path, tools) as site:
        task = site.task()
        data = f"{site.root}/data"
        real = {name: await site.write(f"{data}/{name}/file", b"x") for name in HOSTILE}
        pairs = [(f"/nowhere/in/{name}", f"{data}/{name}") for name in HOSTILE]
        pairs += [("/nowhere/out", f"{task.dir}/out"), ("/nowhere", "/elsewhere")]
        texts = {f"d/{name}": (f"/nowhere/in/{name}/file", path) for name, path in real.items()}
        texts |= {name: (f"/nowhere/in/{name}", f"{data}/{name}") for name in HOSTILE}
        texts |= {"to itself": ("/nowhere/out/d", f"{task.dir}/out/d"), "longer": ("/nowhere/outer", "/elsewhere/outer")}
        texts |= {text: (text, text) for text in ("relative", "nowhere")} | {"root": ("/", "/"), "line": ("/nowhere/x\n", "/elsewhere/x\n")}
        texts |= {"bytes": ("/nowhere/\udc81\udc82\udc88", "/elsewhere/\udc81\udc82\udc88"), "other": ("/nowherever", "/nowherever")}
        words = [word for name, (text, _) in texts.items() for word in (name, text)]
        done = await site.done(replace(task, argv=("sh", "-c", LINKS, "sh", *words), enclosure=Enclosure((), paths=tuple(pairs))))
        assert done.outcome.code == 0, done.outcome
        assert {name: os.readlink(f"{task.dir}/out/{name}") for name in texts} == {name: text for name, (_, text) in texts.items()}
        assert {path for path in done.manifest.entries if path.startswith("to itself")} == {"to itself"}
        for name, path in real.items():
            assert done.manifest.entries[f"d/{name}"].real == os.path.realpath(path)


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A directory of NOBODY's, for a test that is root."""
    if os.geteuid() != 0:
        pytest.skip("needs root, who can make files of other users")
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
ASK = 'echo 1 >"$0.ask"; until [ -s "$0.answer" ]; do sleep 0.05; done; read -r code <"$0.answer"; echo "said: $code" >&2; exit "$code"'
"""Asks the test to do what an engine's root could do."""


async def test_links_in_a_directory_that_nobody_is_to_write_in(tools: str) -> None:
    with open_to_all() as base:
        async with there(base, tools, before=AS_NOBODY) as site:
            task = site.task("sh", "-c", "mkdir d; ln -s /nowhere/x d/l; chmod 500 d")
            await site.done(replace(task, enclosure=Enclosure((), paths=(("/nowhere", "/elsewhere"),))))
        assert os.readlink(f"{task.dir}/out/d/l") == "/elsewhere/x"
        assert Path(task.dir, "out/d").stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize(("code", "mode"), [(0, 0o600), (1, 0o644), (1, 0o600)])
async def test_files_of_another_user_become_ours(tools: str, code: int, mode: int) -> None:
    with open_to_all() as base:
        async with there(base, tools, before=AS_NOBODY) as site:
            task = site.task("sh", "-c", "echo 1 >../ready; until [ -e f ]; do sleep 0.05; done", collect=[Glob("f")])
            [ticket] = (await site.submit(replace(task, enclosure=Enclosure((), own=("sh", "-c", ASK, f"{base}/own"))))).values()
            await until_there(site, f"{task.dir}/ready")
            made = Path(task.dir, "out", "f.part")
            made.write_text("x")
            made.chmod(mode)
            made = made.rename(made.with_name("f"))
            await until_there(site, base / "own.ask")
            if code == 0:
                os.chown(made, NOBODY, NOBODY)
            (base / "own.answer").write_text(f"{code}\n")
            done = (await site.ends([ticket]))[ticket]
    assert isinstance(done, Done) and done.outcome.code == 0
    if (code, mode) == (1, 0o600):
        assert "belong to another user" in (done.outcome.trouble or "") and "said: 1" in (done.outcome.trouble or "")
    else:
        assert done.outcome.trouble is None and done.manifest.entries["f"].sha1 == "11f6ad8ec52a2984abaafd7c3b516503785c2072"


@pytest.mark.parametrize("foreign", [False, True])
async def test_nobody_is_asked_where_all_is_ours_nor_by_root(tmp_path: Path, tools: str, foreign: bool) -> None:
    if foreign and os.geteuid() != 0:
        pytest.skip("needs root, who can make files of other users")
    async with there(tmp_path, tools) as site:
        own = Enclosure((), own=("touch", str(tmp_path / "asked")))
        done = await site.done(replace(site.task("sh", "-c", f"touch f; {'chown 65534 f' if foreign else ':'}"), enclosure=own))
        assert "f" in done.manifest.entries and not (tmp_path / "asked").exists()
