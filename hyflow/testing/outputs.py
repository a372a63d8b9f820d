# ruff: noqa: S101 - assertions are what a test is made of
"""The manifest: what an attempt left, told once and whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hyflow.model.tasks import Entry, EntryKind, Glob, Manifest, Stage, StageKind
from hyflow.testing.site import Suite

NOTHING = hashlib.sha1(b"", usedforsecurity=False).hexdigest(), hashlib.sha256(b"").hexdigest()


def _checksums(data: bytes) -> tuple[str, str]:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest()


def _kinds(manifest: Manifest) -> dict[str, str]:
    return {path: entry.kind.value for path, entry in manifest.entries.items()}


class OutputSuite(Suite):
    """What Manifest promises."""

    async def _matches(self, tmp_path: Path, script: str, *patterns: str) -> tuple[tuple[str, ...], ...]:
        async with self.site(tmp_path) as site:
            done = await site.script(script, collect=[Glob(pattern, checksum=False) for pattern in patterns])
            assert done.outcome.code == 0, done.outcome
            return done.manifest.matches

    async def test_the_whole_tree_is_told(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            manifest = (await site.script("mkdir -p a/b empty; echo x > a/b/c; : > d; echo hidden > .h")).manifest
            assert dict(manifest.entries) == {
                "a": Entry("a", EntryKind.DIRECTORY), "a/b": Entry("a/b", EntryKind.DIRECTORY),
                "empty": Entry("empty", EntryKind.DIRECTORY),
                "a/b/c": Entry("a/b/c", EntryKind.FILE, 2), "d": Entry("d", EntryKind.FILE, 0), ".h": Entry(".h", EntryKind.FILE, 7)}
            assert (manifest.matches, manifest.output_json) == ((), None)

    async def test_hostile_names_are_told_and_matched(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            script = 'for name; do mkdir "d$name" && printf %s "$name" > "d$name/$name" && : > "$name" || exit 1; done'
            done = await site.done(site.task("sh", "-c", script, "sh", *self.hostile, collect=[Glob("*"), Glob("d*/*")]))
            assert done.outcome.code == 0, done.outcome
            assert set(done.manifest.entries) == {path for name in self.hostile for path in (name, f"d{name}", f"d{name}/{name}")}
            assert done.manifest.matches == (
                tuple(sorted([*self.hostile, *(f"d{name}" for name in self.hostile)], key=os.fsencode)),
                tuple(sorted((f"d{name}/{name}" for name in self.hostile), key=os.fsencode)))
            for name in self.hostile:
                entry = done.manifest.entries[f"d{name}/{name}"]
                data = name.encode(errors="surrogateescape")
                assert (entry.size, entry.sha1, entry.sha256) == (len(data), *_checksums(data))

    async def test_links_are_followed_and_named(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            await site.write(f"{site.root}/data/dir/inside", b"12345")
            outside = await site.write(f"{site.root}/data/outside", b"123")
            base = (await site.sh('cd "$1" && pwd -P', f"{site.root}/data")).decode().rstrip("\n")
            task = site.task("sh", "-c", "echo x > own; ln -s own inner; ln -s ../in/file input; ln -s ../in/dir tree; "
                                         'ln -s "$1" outer; ln -s /not/there dangling; ln -s loop loop', "sh", outside,
                             stage=[Stage(StageKind.LINK, "in/file", outside), Stage(StageKind.LINK, "in/dir", f"{site.root}/data/dir")])
            entries = (await site.done(task)).manifest.entries
            out = (await site.sh('cd "$1" && pwd -P', f"{task.dir}/out")).decode().rstrip("\n")
            assert entries["own"] == Entry("own", EntryKind.FILE, 2)
            assert entries["inner"] == Entry("inner", EntryKind.FILE, 2, real=f"{out}/own")
            assert entries["input"] == Entry("input", EntryKind.FILE, 3, real=f"{base}/outside")
            assert entries["outer"] == Entry("outer", EntryKind.FILE, 3, real=f"{base}/outside")
            assert entries["tree"] == Entry("tree", EntryKind.DIRECTORY, real=f"{base}/dir")
            assert entries["dangling"].kind is entries["loop"].kind is EntryKind.DANGLING
            assert set(entries) == {"own", "inner", "input", "outer", "tree", "dangling", "loop"}

    async def test_what_matches_is_told_whole_even_beyond_links(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            await site.write(f"{site.root}/data/sub/file", b"12345")
            base = (await site.sh('cd "$1" && pwd -P', f"{site.root}/data")).decode().rstrip("\n")
            task = site.task("sh", "-c", "ln -s ../in/dir tree; mkdir a; ln -s ../../in/dir/sub a/link",
                             collect=[Glob("tree"), Glob("a/link/*")], stage=[Stage(StageKind.LINK, "in/dir", f"{site.root}/data")])
            manifest = (await site.done(task)).manifest
            sums = _checksums(b"12345")
            assert manifest.matches == (("tree",), ("a/link/file",))
            assert manifest.entries["tree/sub"] == Entry("tree/sub", EntryKind.DIRECTORY, real=f"{base}/sub")
            assert manifest.entries["tree/sub/file"] == Entry("tree/sub/file", EntryKind.FILE, 5, f"{base}/sub/file", *sums)
            assert manifest.entries["a/link/file"] == Entry("a/link/file", EntryKind.FILE, 5, f"{base}/sub/file", *sums)

    async def test_cycles_of_links_come_to_an_end(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.script("mkdir -p a/b; echo x > a/f; ln -s .. a/b/up; ln -s . self", collect=[Glob("*"), Glob("a")])
            assert done.outcome.code == 0
            assert done.manifest.matches == (("a", "self"), ("a",))
            assert {"a", "a/b", "a/f", "a/b/up", "self"} <= set(done.manifest.entries)

    async def test_globs_match_as_glob_3_does(self, tmp_path: Path) -> None:
        script = "touch b B a .hidden ä 'x*y' xzy '[q]'; mkdir -p d1/e d2/e; touch d1/e/f.txt d2/e/g.txt d2/.no; ln -s d1 link"
        patterns = {
            "*": ("B", "[q]", "a", "b", "d1", "d2", "link", "x*y", "xzy", "ä"),
            ".*": (".hidden",), "?": ("B", "a", "b", "ä"), "[ab]": ("a", "b"), "[!ab]": ("B", "ä"), "[A-Z]": ("B",), "[[:upper:]]": ("B",),
            r"x\*y": ("x*y",), "x*y": ("x*y", "xzy"), "[[]q]": ("[q]",), "[q": (), "d?/*/*.txt": ("d1/e/f.txt", "d2/e/g.txt"),
            "link/e/f.txt": ("link/e/f.txt",), "li*/*": ("link/e",), "d2/*": ("d2/e",), "*/": ("d1", "d2", "link"), "not there": (),
            "./a": ("a",), ".": (".",), "**": ("B", "[q]", "a", "b", "d1", "d2", "link", "x*y", "xzy", "ä"), "../*": (), "d1/../a": ()}
        found = await self._matches(tmp_path, script, *patterns)
        assert dict(zip(patterns, found, strict=True)) == patterns

    async def test_checksums_are_given_where_they_are_asked_for(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            script = "mkdir -p d/e; printf 123 > d/e/f; printf 45 > plain; : > none; printf x > other"
            entries = (await site.script(script, collect=[Glob("d"), Glob("plain", checksum=False), Glob("none")])).manifest.entries
            assert (entries["d/e/f"].sha1, entries["d/e/f"].sha256) == _checksums(b"123")
            assert (entries["none"].sha1, entries["none"].sha256) == NOTHING
            assert entries["plain"].sha1 is entries["other"].sha1 is entries["d"].sha1 is None

    async def test_the_directory_itself_matches_as_a_dot(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            manifest = (await site.script("mkdir d; printf 123 > d/f; printf 1 > g", collect=[Glob(".")])).manifest
            assert manifest.matches == ((".",),)
            assert "." not in manifest.entries
            assert (manifest.entries["d/f"].sha1, manifest.entries["g"].sha1) == (_checksums(b"123")[0], _checksums(b"1")[0])

    async def test_contents_are_given_up_to_the_limit_and_one(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = bytes(range(256)) * 300
            source = await site.write(f"{site.root}/data/every byte", data)
            done = await site.script('cp "$1" large; printf "a\\000\\377" > small; : > none; printf x > other', source,
                                     collect=[Glob("[lsn]*", checksum=False, contents=True), Glob("other")])
            entries = done.manifest.entries
            assert entries["large"].contents == data[:65_537]
            assert entries["small"].contents == b"a\0\xff"
            assert entries["none"].contents == b""
            assert entries["other"].contents is None
            assert entries["large"].size == len(data)

    async def test_a_large_file_is_hashed_whole(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.script("dd if=/dev/zero of=large bs=1048576 count=40 2>/dev/null", collect=[Glob("large")])
            entry = done.manifest.entries["large"]
            assert (entry.size, entry.sha1, entry.sha256) == (40 << 20, *_checksums(bytes(40 << 20)))

    async def test_cwl_output_json_comes_whole(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            data = b'{"x": "\xff' + b"y" * 200_000 + b'\n"}\n'
            source = await site.write(f"{site.root}/data/json", data)
            assert (await site.script('cp "$1" cwl.output.json', source)).manifest.output_json == data

    async def test_what_is_no_file_is_told_and_not_read(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            script = "mkfifo fifo cwl.output.json; ln -s /dev/zero zero; mkdir d; mkfifo d/p"
            done = await site.script(script, collect=[Glob("*", contents=True)])
            assert done.outcome.code == 0
            assert _kinds(done.manifest) == {"fifo": "o", "cwl.output.json": "o", "zero": "o", "d": "d", "d/p": "o"}
            assert all(entry.sha1 is None and entry.contents is None for entry in done.manifest.entries.values())

    async def test_the_outputs_of_a_failure_are_told_too(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.script("echo x > partial; exit 1", collect=[Glob("partial")])
            assert done.outcome.code == 1
            assert done.manifest.matches == (("partial",),)

    async def test_many_files(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            script = "mkdir d; cd d; i=0; while [ $i -lt 3000 ]; do : > f$i; i=$((i+1)); done"
            done = await site.script(script, collect=[Glob("d"), Glob("d/*")])
            assert len(done.manifest.entries) == 3001
            assert len(done.manifest.matches[1]) == 3000
            assert all(entry.sha1 == NOTHING[0] for path, entry in done.manifest.entries.items() if path != "d")
