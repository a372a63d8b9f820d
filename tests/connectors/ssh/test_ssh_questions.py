"""What ssh asks reaches whoever starts a run, once, before anything else is shown; and an answer lasts for the next command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import afar
import pytest
from commandline import ENTRY, Shell, until
from lab import setting
from terminals import Terminal, terminal

from hyflow.journal import find_run, holder, list_runs

PROMPT = "(quentin@127.0.0.1) Password: "


class Desk(Shell):
    """One at which somebody may sit. The site lets nobody in with keys alone, unless another host is named."""

    def flow(self, **more: str) -> None:
        site = {
            "type": "ssh", "host": "quentin", "config": setting("SSH_CONFIG"), "workdir": f"~/{self.top.name}", "poll": 0.2,
            "container": {"runtime": "none"}, **more,
        }  # fmt: skip
        self.write("deploy.json", json.dumps({"version": 1, "sites": {"far": site}}))
        tool = {
            "class": "CommandLineTool", "cwlVersion": "v1.2", "baseCommand": ["whoami"], "stdout": "who.txt", "inputs": {},
            "outputs": {"who": "stdout"},
        }  # fmt: skip
        self.write("tool.cwl", json.dumps(tool))

    @property
    def words(self) -> list[str]:
        return ["--no-reuse", "--outdir", "results", "tool.cwl", "deploy.json"]

    def sit(self, *options: str) -> AbstractContextManager[Terminal]:
        argv = [sys.executable, "-c", ENTRY["hyflow"], "run", *options, *self.words]
        return terminal(argv, self.top, {**os.environ, "HYFLOW_HOME": str(self.home), "TERM": "xterm"})

    def who(self) -> str:
        return (self.top / "results/who.txt").read_text().strip()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with afar.short_home() as home:
        made = Desk(tmp_path, home)
        made.flow()
        yield made
        afar.end_masters(home)  # who was asked for a password does not want to be asked soon again: they stay


def password() -> str:
    return Path(setting("QUENTIN_PASSWORD")).read_text().strip()


@pytest.mark.parametrize("transport", ["auto", "openssh"])
def test_a_password_is_asked_for_once(desk: Desk, transport: str) -> None:
    desk.flow(transport=transport)
    with desk.sit() as at:
        at.until(PROMPT)
        assert at.silent() and at.shown.strip("\r") == PROMPT
        at.type(f"{password()}\n")
        assert at.ends() == 0, at.shown
        assert at.shown.count(PROMPT) == 1 and password() not in at.shown
    assert desk.who() == "quentin" and len(afar.masters(desk.home)) == 1
    again = desk("hyflow", "run", *desk.words)
    assert again.status == 0, again.stderr
    assert len(afar.masters(desk.home)) == 1


def test_it_is_asked_for_before_a_run_goes_into_the_background(desk: Desk) -> None:
    with desk.sit("--detach") as at:
        at.until(PROMPT)
        at.type(f"{password()}\n")
        assert at.ends() == 0, at.shown
        run = find_run(desk.home)
        assert at.shown.count(PROMPT) == 1 and f"in the background: hyflow attach {run.id}" in at.shown
    until(lambda: holder(run.lock) is None)
    assert desk.who() == "quentin"


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_whoever_does_not_want_to_answer_interrupts(desk: Desk, options: list[str]) -> None:
    with desk.sit(*options) as at:
        at.until(PROMPT)
        at.type("half\x03")
        assert at.ends() == 130
        assert not at.silent() and at.shown.count("hyflow: ") == 1 and at.shown.rstrip("\n").endswith("hyflow: interrupted")
    assert list_runs(desk.home) == [] and afar.masters(desk.home) == []


def test_a_wrong_answer(desk: Desk) -> None:
    once = ("NumberOfPasswordPrompts 1", "PreferredAuthentications keyboard-interactive")
    desk.flow(transport="openssh", config=afar.configured(desk.top, setting("SSH_KNOWN_HOSTS"), *once))
    with desk.sit() as at:
        at.until(PROMPT)
        at.type("guessed\n")
        assert at.ends() == 1
        assert "hyflow: ssh could not log in at quentin; it has said above why" in at.shown
        assert "Permission denied" in at.shown
    assert list_runs(desk.home) == []


@pytest.mark.parametrize("transport", ["auto", "openssh"])
def test_nobody_is_there_to_answer(desk: Desk, transport: str) -> None:
    desk.flow(transport=transport)
    done = desk("hyflow", "run", *desk.words)
    done.fails(
        1, "ssh is not let in at quentin without a question, and there is no terminal to ask at: quentin@127.0.0.1: Permission denied",
        "Log in first in a terminal, with hyflow check DEPLOY --connect; to see what is asked: ssh -F ",
    )  # fmt: skip
    assert list_runs(desk.home) == []


def test_a_host_key_that_is_not_known_is_asked_about(desk: Desk) -> None:
    """Even if the configuration would have it accepted unseen."""
    known = desk.top / "known"
    config = afar.configured(desk.top, known, "StrictHostKeyChecking no")
    desk.flow(host="cluster", transport="openssh", config=config)
    with desk.sit() as at:
        at.until("(yes/no/[fingerprint])? ")
        assert "SHA256:" in at.shown
        at.type("yes\n")
        assert at.ends() == 0, at.shown
    assert desk.who() == "ada" and known.read_text().startswith("[127.0.0.1]:")
