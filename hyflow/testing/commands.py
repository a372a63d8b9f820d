# ruff: noqa: S101 - assertions are what a test is made of
"""What a command gets and what is kept of it: arguments, environment, streams, directories, exit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hyflow.testing.site import Suite

EVERY_BYTE = bytes(range(256))
UNSET_BY_SHELLS = {b"PWD", b"OLDPWD", b"SHLVL", b"_"}
"""What some shells set by themselves in the environment of the commands that they start."""


class CommandSuite(Suite):
    """What a Task promises to its command."""

    async def test_arguments_arrive_unharmed(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            words = [*self.hostile, "", " ", "a\n\nb", "x" * 20_000]
            task = site.task("sh", "-c", 'for word; do printf "%s\\0" "$word"; done', "sh", *words, stdout="words")
            assert (await site.done(task)).outcome.code == 0
            assert await site.read(f"{task.dir}/out/words") == b"".join(word.encode(errors="surrogateescape") + b"\0" for word in words)

    async def test_environment_is_the_task_s_own_and_path(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            given = {f"V{number}": name for number, name in enumerate(self.hostile)} | {"EMPTY": "", "HOME": "/h", "TMPDIR": "/t"}
            task = site.task("env", "-0", stdout="env", environment=given)
            assert (await site.done(task)).outcome.code == 0
            pairs = dict(line.split(b"=", 1) for line in (await site.read(f"{task.dir}/out/env")).split(b"\0") if line)
            assert pairs.pop(b"PATH")
            expected = {name.encode(): value.encode(errors="surrogateescape") for name, value in given.items()}
            assert {name: value for name, value in pairs.items() if name not in UNSET_BY_SHELLS} == expected

    async def test_path_may_be_set_by_the_task(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            await site.sh('mkdir -p "$1" && printf "#!/bin/sh\\necho mine\\n" > "$1/tool" && chmod +x "$1/tool"', f"{site.root}/bin")
            done = await site.done(site.task("tool", environment={"PATH": f"{site.root}/bin:/usr/bin:/bin"}))
            assert (done.outcome.code, done.outcome.stdout) == (0, "mine\n")

    async def test_it_starts_in_out_with_fresh_directories(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.script('pwd -P; cd .. && pwd -P; ls out tmp in')
            assert done.outcome.code == 0
            out, parent, *listing = done.outcome.stdout.splitlines()
            assert out == f"{parent}/out"
            assert [line for line in listing if line] == ["in:", "out:", "tmp:"]

    async def test_directories_are_for_the_owner_alone(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("true")
            await site.done(task)
            assert (await site.sh('ls -ld "$1"', task.dir)).startswith(b"drwx------")

    async def test_streams_go_to_files_beside_out(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "echo to out; echo to err >&2; exit 2")
            done = await site.done(task)
            assert (done.outcome.code, done.outcome.stdout, done.outcome.stderr) == (2, "to out\n", "to err\n")
            assert done.manifest.entries == {}
            assert await site.read(f"{task.dir}/stdout") == b"to out\n"
            assert await site.read(f"{task.dir}/stderr") == b"to err\n"

    async def test_streams_go_to_named_files(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            task = site.task("sh", "-c", "echo to out; echo to err >&2", stdout="o ut", stderr="-e'rr")
            done = await site.done(task)
            assert (done.outcome.stdout, done.outcome.stderr) == ("to out\n", "to err\n")
            assert {path: entry.size for path, entry in done.manifest.entries.items()} == {"o ut": 7, "-e'rr": 7}
            assert await site.read(f"{task.dir}/out/o ut") == b"to out\n"

    async def test_streams_with_hostile_names(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            tasks = {name: site.task("cat", stdin=await site.write(f"{site.root}/data/{name}", name.encode(errors="surrogateescape")),
                                     stdout=name, stderr=f"{name}.err") for name in self.hostile}
            tickets = await site.submit(*tasks.values())
            await site.ends(tickets.values())
            for name, task in tasks.items():
                assert await site.read(f"{task.dir}/out/{name}") == name.encode(errors="surrogateescape")

    async def test_standard_input_is_empty_unless_given(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            source = await site.write(f"{site.root}/data/every byte", EVERY_BYTE * 300)
            empty, full = site.task("cat", stdout="copy"), site.task("cat", stdin=source, stdout="copy")
            assert (await site.done(empty)).outcome.code == (await site.done(full)).outcome.code == 0
            assert await site.read(f"{empty.dir}/out/copy") == b""
            assert await site.read(f"{full.dir}/out/copy") == EVERY_BYTE * 300

    async def test_a_missing_standard_input_is_trouble(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            done = await site.done(site.task("cat", stdin=f"{site.root}/not there"))
            assert done.outcome.code is None
            assert done.outcome.trouble
            assert "not there" in done.outcome.trouble

    async def test_the_tail_of_a_log_is_four_kib_of_text(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; echo "error $i" >&2; i=$((i+1)); done; printf "\\377end" >&2'
            outcome = (await site.script(script)).outcome
            assert outcome.stdout.endswith("line 1999\n")
            assert outcome.stderr.endswith("error 1999\n\N{REPLACEMENT CHARACTER}end")
            assert 4000 <= len(outcome.stdout) <= 4096
            assert 4000 <= len(outcome.stderr) <= 4096

    async def test_a_command_that_is_not_there(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            for name in ("hyflow-no-such-command", "./hyflow no such", "/no/such/command"):
                outcome = (await site.done(site.task(name))).outcome
                assert outcome.code == 127 or outcome.trouble
                assert name in outcome.stderr + (outcome.trouble or "")

    async def test_a_file_that_cannot_be_executed(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            path = await site.write(f"{site.root}/data/not executable", b"#!/bin/sh\necho ran\n")
            outcome = (await site.done(site.task(path))).outcome
            assert outcome.code == 126 or outcome.trouble
            assert "not executable" in outcome.stderr + (outcome.trouble or "")

    async def test_a_script_without_an_interpreter_line_runs_as_in_a_shell(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            path = await site.write(f"{site.root}/data/plain script", b'echo "ran $1"\n')
            await site.sh('chmod +x "$1"', path)
            outcome = (await site.done(site.task(path, "well"))).outcome
            assert (outcome.code, outcome.stdout) == (0, "ran well\n")

    async def test_a_signal_is_told_as_one(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            outcome = (await site.script("kill -TERM $$; sleep 300")).outcome
            assert (outcome.code, outcome.signal) == (None, 15)

    async def test_signals_have_their_ordinary_meaning(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            outcome = (await site.script("kill -PIPE $$; echo ignored")).outcome
            assert (outcome.code, outcome.signal, outcome.stdout) == (None, 13, "")

    async def test_usage_is_measured(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            outcome = (await site.script("sleep 0.3")).outcome
            assert outcome.usage.wall is None or 0.25 <= outcome.usage.wall < 30
            assert outcome.ended - outcome.started >= 0.25
            assert outcome.usage.cpu is None or outcome.usage.cpu < 0.3

    async def test_a_key_starts_its_command_once(self, tmp_path: Path) -> None:
        async with self.site(tmp_path) as site:
            await site.sh('mkdir -p "$1"', site.root)
            task = site.task("sh", "-c", 'echo started >> "$1"; sleep 0.5', "sh", f"{site.root}/log")
            tickets = await site.submit(task)
            for _ in range(2):
                assert await site.submit(task) == tickets
            await site.ends(tickets.values())
            assert await site.submit(replace(task, label="again")) == tickets
            await site.ends(tickets.values())
            assert await site.read(f"{site.root}/log") == b"started\n"
        async with self.site(tmp_path) as again:
            assert await again.submit(task) == tickets
            await again.ends(tickets.values())
            assert not await again.exists(f"{site.root}/log")
