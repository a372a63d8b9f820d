"""Environment modules: which are chosen, and tasks that load them, against the real Environment Modules and Lmod."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from generated import examples
from hypothesis import given
from hypothesis import strategies as st
from modulehouse import SHELLS, need_modules, ran, task, unpacked_lmod

from hyflow.containers.modules import chosen, doubts, loaded
from hyflow.model.software import Package

SAM, BWA = Package("SAMtools", ("1.19",), ("https://bio.tools/samtools",)), Package("bwa")


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        ({}, {}),
        ({"samtools": "s/1"}, {"s/1": "SAMtools"}),
        ({"samtools": "s/1", "SAMtools": "s/2"}, {"s/2": "SAMtools"}),
        ({"samTools": "s/1", "samtools": "s/2"}, {"s/1": "SAMtools"}),
        ({"https://bio.tools/samtools": "s/3"}, {"s/3": "SAMtools"}),
        ({"https://bio.tools/samtools": "s/3", "samtools": "s/1"}, {"s/1": "SAMtools"}),
        ({"bwa": "all/1", "samtools": "all/1"}, {"all/1": "SAMtools, bwa"}),
        ({"bwa": "b/1", "samtools": "s/1", "tar": "t/1"}, {"s/1": "SAMtools", "b/1": "bwa"}),
    ],
)
def test_what_gives_the_software(modules: Mapping[str, str], found: Mapping[str, str]) -> None:
    assert list(chosen([SAM, BWA], modules).items()) == list(found.items())


@pytest.mark.parametrize(
    ("module", "fits"),
    [
        ("samtools/1.19", True), ("samtools/1.19-GCC-12.3.0", True), ("apps/samtools/v1.19.2", True), ("samtools", True),
        ("samtools/1.1", False), ("samtools/1.190", False), ("samtools/1.2", False), ("samtools/", False),
    ],
)  # fmt: skip
def test_the_version_that_is_asked_for(module: str, fits: bool) -> None:
    said = f"SAMtools 1.19, where the site gives the module {module}"
    assert doubts([SAM, BWA], {"samtools": module, "bwa": "bwa/7"}) == ([] if fits else [said])


def test_a_task_that_needs_none_is_the_same(tmp_path: Path) -> None:
    plain = task(tmp_path, "true")
    assert loaded(plain, {}) is plain


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A directory with modules for both: as Environment Modules reads them, and beside each as Lmod does."""
    need_modules()
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "samtools").write_text('#!/bin/sh\necho "samtools $SAMTOOLS_HOME $BWA"\n')
    (bin_ / "samtools").chmod(0o755)
    modules = tmp_path / "modules"
    for folder in ("samtools", "bwa"):
        (modules / folder).mkdir(parents=True)
    (modules / "samtools" / "1.19").write_text(
        f"#%Module\nprepend-path PATH {bin_}\nprepend-path EXTRA /module\nsetenv SAMTOOLS_HOME /apps\nsetenv THREADS 8\n"
        "file mkdir $env(HOME)/.samtools\nsetenv HOME /nowhere\nputs stderr {hello from the module}\n"
    )
    (modules / "samtools" / "1.19.lua").write_text(
        f'prepend_path("PATH", "{bin_}"); prepend_path("EXTRA", "/module"); setenv("SAMTOOLS_HOME", "/apps"); setenv("THREADS", "8")\n'
        'os.execute("mkdir $HOME/.samtools"); setenv("HOME", "/nowhere"); LmodMessage("hello from the module")\n'
    )
    (modules / "bwa" / "0.7").write_text("#%Module\nprereq samtools\nsetenv BWA here\n")
    (modules / "bwa" / "0.7.lua").write_text('prereq("samtools"); setenv("BWA", "here")\n')
    return modules


@pytest.fixture(scope="session")
def lmod(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return unpacked_lmod(tmp_path_factory.mktemp("lmod"))


@pytest.fixture(params=["Environment Modules", "Lmod"])
def site(request: pytest.FixtureRequest, house: Path) -> Mapping[str, str]:
    """What tasks set so that the one or the other is used, and finds the modules of `house`."""
    extra: Mapping[str, str] = request.getfixturevalue("lmod") if request.param == "Lmod" else {}
    return {**extra, "MODULEPATH": str(house)}


WANTED = {"samtools/1.19": "samtools", "bwa/0.7": "bwa"}


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_modules_are_loaded_in_order_and_say_nothing(tmp_path: Path, site: Mapping[str, str], shell: Sequence[str]) -> None:
    done = ran(loaded(task(tmp_path, "samtools", **site), WANTED), shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, "samtools /apps here\n", "")


def test_what_the_task_sets_may_be_extended_but_not_replaced(tmp_path: Path, site: Mapping[str, str]) -> None:
    path = f"{os.environ['PATH']}:/mine:/usr/bin:/usr/bin"
    line = 'samtools && cat && echo "$EXTRA $THREADS $HOME" && echo "$PATH"; umask'
    own = task(tmp_path, "sh", "-c", line, PATH=path, EXTRA="/a:/b", THREADS="", **site)
    software, given, variables, found, mask = ran(loaded(own, WANTED), stdin="input\n").stdout.splitlines()
    assert (software, given, variables) == ("samtools /apps here", "input", f"/module:/a:/b  {tmp_path}/home")
    assert found.startswith(f"{tmp_path}/bin:")
    assert set(path.split(":")) < set(found.split(":"))
    assert int(mask, 8) == os.umask(os.umask(0o022))
    assert list((tmp_path / "home").iterdir()) == []
    assert (tmp_path / "tmp" / ".samtools").is_dir()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_module_that_is_not_there(tmp_path: Path, site: Mapping[str, str], shell: Sequence[str]) -> None:
    own = task(tmp_path, "touch", str(tmp_path / "started"), **site)
    done = ran(loaded(own, {"samtools/1.19": "x", "samtools/2": "sam\ntools"}), shell)
    *before, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (127, "")
    assert last == r"hyflow: the module samtools/2, for the software sam\ntools, cannot be loaded"
    assert any("samtools/2" in line for line in before)
    assert not (tmp_path / "started").exists()


@pytest.mark.usefixtures("house")
def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    done = ran(loaded(task(tmp_path, "samtoools", MODULEPATH=str(tmp_path / "modules")), WANTED))
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr.startswith("hyflow: ")
    assert done.stderr.endswith(": samtoools: not found\n")


def behind(tmp_path: Path, folder: Path, over: str) -> list[str]:
    """What makes a command see `folder` in place of /etc/profile.d, and nothing in place of the directory `over`."""
    (tmp_path / "nothing").mkdir()
    script = 'mount --bind "$1" /etc/profile.d && mount --bind "$2" "$3" && shift 3 && exec "$@"'
    around = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", str(folder), str(tmp_path / "nothing"), over]
    if subprocess.run([*around, "true"], capture_output=True, check=False, timeout=30).returncode:
        pytest.skip("this system lets nobody make a name space of mounts")
    return around


@pytest.mark.usefixtures("house")
def test_a_machine_without_modules(tmp_path: Path) -> None:
    (tmp_path / "profile.d").mkdir()
    done = ran(loaded(task(tmp_path, "true"), WANTED), around=behind(tmp_path, tmp_path / "profile.d", "/usr/share/modules"))
    said = "hyflow: the module samtools/1.19, for the software samtools, cannot be loaded: this machine has no module command\n"
    assert (done.returncode, done.stdout, done.stderr) == (127, "", said)


PROFILES = [
    {"a-mod.sh": "exit 3", "b-mod.sh": "this ( is no shell", "c-mod.sh": "set -- x y; umask 777; PATH=/nowhere; IFS=/; echo noise; false",
     "d-mod.sh": ". /usr/share/modules/init/sh; module use HOUSE"},
    {"c-mod.sh": ". /usr/share/modules/init/sh; umask 777", "site.sh": "module use HOUSE; PATH=/nowhere; set -- x; false"},
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("profiles", PROFILES, ids=["files that end a shell", "modules that lie elsewhere"])
def test_whatever_else_logins_set_up_does_no_harm(tmp_path: Path, shell: Sequence[str], profiles: Mapping[str, str]) -> None:
    (tmp_path / "profile.d").mkdir()
    for name, text in profiles.items():
        (tmp_path / "profile.d" / name).write_text(text.replace("HOUSE", str(tmp_path / "modules")))
    done = ran(loaded(task(tmp_path, "sh", "-c", "samtools; umask"), WANTED), shell, behind(tmp_path, tmp_path / "profile.d", "/var/mail"))
    assert (done.returncode, done.stdout) == (0, f"samtools /apps here\n{os.umask(os.umask(0o022)):04o}\n")


ANY = st.text("'\"\\$`!*?[]{}()<>|&;#~ \n\t-=:a", max_size=9) | st.binary(max_size=30).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
NAMES = st.sampled_from(
    ["A-B", "a.b", "1x", "é", "-x", "_", "_x", "_hyflow_1", "_hyflow_names", "FOO", "names", "IFS", "PWD", "OLDPWD", "UID", "EUID", "PPID",
     "ENV", "BASH_ENV", "BASH_FUNC_x%%", "PS4", "LINENO", "RANDOM", "SECONDS", "OPTIND", "SHLVL", "SHELLOPTS"]
)
TELL = "import os, sys; print(ascii((sys.argv[1:], dict(os.environ))))"


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@examples(12)
@given(argv=st.lists(ANY, max_size=5), environment=st.dictionaries(NAMES, ANY, max_size=6))
def test_command_and_environment_survive(
    tmp_path_factory: pytest.TempPathFactory, shell: Sequence[str], argv: Sequence[str], environment: Mapping[str, str]
) -> None:
    need_modules()
    top = tmp_path_factory.getbasetemp() / "survivors"
    (top / "modules").mkdir(parents=True, exist_ok=True)
    (top / "modules" / "any").write_text("#%Module\nsetenv FOO module\n")
    own = task(top, sys.executable, "-IS", "-c", TELL, *argv, MODULEPATH=str(top / "modules"), **environment)
    words, found = ast.literal_eval(ran(loaded(own, {"any": "any"}), shell).stdout)
    assert words == argv
    assert {name: found.get(name) for name in own.environment} == own.environment
    assert [name for name in found if name.startswith("_hyflow") and name not in environment] == []
