"""Reading deployment files: what they mean, and every mistake at once with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyflow.connector import Connector, SiteContext
from hyflow.deployment import Override, Target, default, read
from hyflow.errors import DeploymentError, UsageError
from hyflow.model.containers import ContainerSettings
from hyflow.model.jobs import FailureClass
from hyflow.model.quantities import SIZE, TIME
from hyflow.model.retries import RETRIES, Retry


@dataclass(frozen=True, slots=True)
class Queue:
    partition: str = "cpu"
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = field(metadata={"doc": "The machine."})
    command: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    mode: Literal["fast", "slow"] | None = None
    cores: float = 1
    queue: Queue = Queue()
    space: str | None = field(default=None, metadata={"schema": SIZE})
    weight: int = field(default=1, metadata={"schema": {"minimum": 1}})
    code: str = field(default="", metadata={"schema": {"pattern": "^[a-z]*$"}})

    def __post_init__(self) -> None:
        if self.host == "nowhere":
            raise ValueError("there is no such place")


@dataclass(frozen=True, slots=True)
class Far:
    name: str = "far"
    doc: str = "A machine far away."
    settings: type[Settings] = Settings

    def connect(self, settings: Any, context: SiteContext) -> AbstractAsyncContextManager[Connector]:
        raise AssertionError("nobody connects here")


PLUGINS = {"far": Far()}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(text: str) -> Path:
        path = tmp_path / "deploy.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return made


def complaints(path: Path, *, profile: str | None = None, sets: tuple[str, ...] = ()) -> list[str]:
    """Every problem as line:column and the rest, on one line each."""
    with pytest.raises((DeploymentError, UsageError)) as caught:
        read(path, profile, sets, PLUGINS)
    problems = caught.value.problems or [caught.value]
    return [str(problem).replace(f"{path}:", "").replace("\n  ", "; ") for problem in problems]


SITED = "version: 1\nsites: {a: {type: far, host: x}}\n"


def test_a_whole_file(write: Write) -> None:
    path = write("""
version: 1
sites:
  a.b: {type: far, host: yes, cores: 3, mode: fast, command: [sh, -c], names: {x: y}, queue: {limit: 2}}
  c:
    type: far
    host: c
    container: {runtime: podman, command: [podman, --remote], options: [--init], cache: /images, pull: never, limits: false}
    modules: {samtools: samtools/1.19}
bind:
  - {step: /, site: c}
  - {step: /x/*, site: [a.b/gpu, c], resources: {cores: 2, memory: 1.5GiB, gpus: 1, time: 1h30m}}
""")
    deployment = read(path, plugins=PLUGINS)
    assert deployment.sites["a.b"].settings == Settings("yes", ["sh", "-c"], {"x": "y"}, "fast", 3.0, Queue("cpu", 2.0))
    assert isinstance(deployment.sites["a.b"].settings.cores, float)
    assert [site.container for site in deployment.sites.values()] == [
        ContainerSettings(),
        ContainerSettings("podman", ["podman", "--remote"], None, ["--init"], "/images", "never", limits=False),
    ]
    assert [site.modules for site in deployment.sites.values()] == [{}, {"samtools": "samtools/1.19"}]
    assert deployment.targets("/x/y/z") == (Target("a.b", "gpu"), Target("c"))
    assert deployment.override("/x/y") == Override(2.0, 3 << 29, 1, 5400)
    assert deployment.override("/q") == Override()
    assert deployment.source == str(path)
    assert json.loads(deployment.text)["sites"]["c"]["host"] == "c"


def test_every_mistake_at_once_with_its_place(write: Write) -> None:
    path = write("""version: 2
sites:
  a: {type: fra, host: h}
  b c: {type: far, hots: h, queue: {partitoin: x}, mode: fats}
  d: {type: far, host: 3, command: sh, container: {runtime: dokcer, cache: images, pul: never}, modules: {x: 1, y: -f, z: a b}}
bind:
  - {step: x, site: e}
  - {step: /x, site: [], resources: {memory: 3 apples, time: "", cores: 0, gpus: -1}}
bnid: []
""")
    assert complaints(path) == [
        "1:1: version cannot be 2; known: 1",
        "3:7: sites.a.type cannot be 'fra'; did you mean far?",
        "4:3: 'b c' is not a name of letters, digits and ._-; did you mean b-c?",
        "4:20: sites.b c has no setting 'hots'; did you mean host?",
        "4:37: sites.b c.queue has no setting 'partitoin'; did you mean partition?",
        "4:52: sites.b c.mode cannot be 'fats'; did you mean fast?",
        "5:18: sites.d.host must be text, not 3; The machine.",
        "5:27: sites.d.command must be a list, not 'sh'; did you mean [sh]?",
        "5:52: sites.d.container.runtime cannot be 'dokcer'; did you mean docker?",
        "5:69: sites.d.container.cache must be an absolute path, not 'images'",
        "5:84: sites.d.container has no setting 'pul'; did you mean pull?",
        "5:107: sites.d.modules.x must be the name of a module, not 1; As module load takes it: samtools/1.19.",
        "5:113: sites.d.modules.y must be the name of a module, not '-f'",
        "5:120: sites.d.modules.z must be the name of a module, not 'a b'",
        "7:6: bind[0].step must be the path of a step, as in / or /train/fit, not 'x'; did you mean /x?",
        "7:21: there is no site 'e'; sites: a, b c, d",
        "8:16: bind[1].site is empty; A site, or a list of sites of which hyflow may choose; SITE/LOCATION names one location of a site.",
        "8:38: bind[1].resources.memory must be a size, as in 16GiB or 500MB, not '3 apples'",
        "8:56: bind[1].resources.time must be a length of time, as in 30m, 2h or 1h30m, not ''",
        "8:66: bind[1].resources.cores must be more than 0, not 0",
        "8:76: bind[1].resources.gpus must be at least 0, not -1",
        "9:1: there is no setting 'bnid'; did you mean bind?",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1:1: a deployment file is a mapping: version, sites, bind; hyflow init writes one"),
        ("version: 1\nversion: 1\n", "2:1: version stands twice (first in line 1)"),
        ("version: [1\n", "2:1: this is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("version: !!python/name:os.system x\n", "1:10: a tag that has no meaning here: tag:yaml.org,2002:python/name:os.system"),
        ("version: 1\nsites: &a {b: *a}\n", "2:8: nested more than 30 deep"),
        ('version: "1"\nsites: {a: {type: far, host: x}}\n', "1:1: version cannot be '1'; write it without quotes"),
        ("sites: {a: {type: far, host: x}}\n", "1:1: the file lacks version; The version of this format: 1."),
        ("version: 1\nstes: {a: {type: far, host: x}}\n", "2:1: there is no setting 'stes'; did you mean sites?"),
        ("version: 1\nsites: [a]\n",
         "2:1: sites must be a mapping, not a list; The machines, clusters and namespaces that may run steps, by name, "
         "as in {here: {type: local}}."),
        ("version: 1\nsites: {a: far}\n", "2:9: sites.a must be a mapping, not 'far'; did you mean {type: far}?"),
        ("version: 1\nsites: {a: {Type: far, host: x}}\n", "2:13: sites.a has no setting 'Type'; did you mean type?"),
        ("version: 1\nsites:\n\ta: {}\n", "3:1: this is not YAML: a tab stands where the line is indented; indent with spaces"),
        ("version: 1\nsites: {a: {type: far, host: x, <<: {cores: 1}}}\n", "2:33: merging (<<) is not of YAML 1.2, and not done here"),
        ("version: 1\nsites: {a: {type: far, host: x, space: 64}}\n",
         "2:33: sites.a.space must be a size, as in 16GiB or 500MB, not 64; with its unit, as in 64GiB"),
        ("version: 1\nsites: {a: {type: far, host: x, space: '64'}}\n",
         "2:33: sites.a.space must be a size, as in 16GiB or 500MB, not '64'; with its unit, as in 64GiB"),
        ("version: 1\nsites: {a: {type: far, host: x}}\nbind: [{step: /, site: a, resources: {time: 90}}]\n",
         "3:39: bind[0].resources.time must be a length of time, as in 30m, 2h or 1h30m, not 90; with its unit, as in 90m"),
        ("version: 1\nsites: {a: {type: far, host: x, container: docker}}\n",
         "2:33: sites.a.container must be a mapping, not 'docker'; did you mean {runtime: docker}?"),
        ("version: 1\nsites: {a: {type: far, host: x, container: {command: []}}}\n",
         "2:45: sites.a.container.command is empty; "
         "The command that starts the engine's client, as a list; by default the engine's name."),
        ("version: 1\nsites: {a: {type: far, host: x}}\nbind: [{step: /a//b/, site: a}]\n",
         "3:9: bind[0].step must be the path of a step, as in / or /train/fit, not '/a//b/'; did you mean /a/b?"),
        ("version: 1\nsites: {a: {type: far, host: x}}\nbind: [{step: /, site: [a, a]}]\n",
         "3:18: bind[0].site names the same thing twice; name it once"),
        ("version: 1\nsites: {a: {type: far, host: x}}\nbind: [{step: /, site: a/}]\n",
         "3:18: bind[0].site must be a site, or SITE/LOCATION, or a list of them, not 'a/'"),
        ("version: 1\nsites: {}\n",
         "2:1: sites is empty; The machines, clusters and namespaces that may run steps, by name, as in {here: {type: local}}."),
        ('version: 1\nsites: {"a\\n": {type: far, host: x}}\n', r"2:9: 'a\n' is not a name of letters, digits and ._-; did you mean a?"),
        ('version: 1\nsites: {a: {type: far, host: x}}\nbind: [{step: /, site: a, resources: {memory: "1MB\\n"}}]\n',
         r"3:39: bind[0].resources.memory must be a size, as in 16GiB or 500MB, not '1MB\n'"),
        ("version: 1\nsites: {a: {type: far, host: x, cores: 1e999}}\n", "2:40: this is not a number that can be used: 1e999"),
        (f"version: {'9' * 5000}\n", f"1:10: this is not a number that can be used: {'9' * 40}"),
        ("version: 1\nsites: {a: {type: far, host: nowhere}}\n", "2:9: a: there is no such place"),
        ("version: 1\nsites: {a: {type: far, host: x}}\nrerty: {}\n", "3:1: there is no setting 'rerty'; did you mean retry?"),
        ("version: 1\nsites: {a: {type: far, host: x}}\nother: {}\n",
         "3:1: there is no setting 'other'; known: version, sites, bind, retry, profiles"),
        (f"{SITED}retry: {{memry: {{tries: 2}}}}\n", "3:9: retry has no setting 'memry'; did you mean memory?"),
        (f"{SITED}retry: {{memory: {{trys: 2}}}}\n", "3:18: retry.memory has no setting 'trys'; did you mean tries?"),
        (f"{SITED}retry: {{tool: {{tries: 2, scale: 2}}}}\n", "3:26: retry.tool has no setting 'scale'; known: tries, wait"),
        (f"{SITED}retry: {{memory: {{scale: 3}}}}\n", "3:9: retry.memory lacks tries; Attempts in all, the first one included."),
        (f"{SITED}retry: {{memory: {{tries: 0}}}}\n", "3:18: retry.memory.tries must be at least 1, not 0"),
        (f"{SITED}retry: {{memory: {{tries: 101}}}}\n", "3:18: retry.memory.tries must be at most 100, not 101"),
        (f"{SITED}retry: {{time: {{tries: 2, scale: 0.5}}}}\n", "3:26: retry.time.scale must be at least 1, not 0.5"),
        (f"{SITED}retry: {{staging: {{wait: 10}}}}\n",
         "3:19: retry.staging.wait must be a length of time, as in 30m, 2h or 1h30m, not 10; with its unit, as in 10m"),
        (f"{SITED}retry: {{staging: {{wait: {'9' * 5000}s}}}}\n", "3:19: retry.staging.wait must be at most 20 characters long, not 5,001"),
        (f"{SITED}retry: {{memory: 3}}\n",
         "3:9: retry.memory must be a mapping, not 3; What is done about failures of class memory, as in {tries: 3}."),
        ("version: 1\nsites: {a: {type: far, host: x}}\nprofiles: {p: {bnid: []}}\n",
         "3:16: profiles.p has no setting 'bnid'; did you mean bind?"),
    ],
)  # fmt: skip
def test_one_mistake(write: Write, text: str, complaint: str) -> None:
    assert complaints(write(text)) == [complaint]


def test_settings_of_a_type_with_a_slip_in_it_are_checked_too(write: Write) -> None:
    assert complaints(write("version: 1\nsites:\n  a: {type: fra, hots: x, cores: lots}\n")) == [
        "3:7: sites.a.type cannot be 'fra'; did you mean far?",
        "3:18: sites.a has no setting 'hots'; did you mean host?",
        "3:27: sites.a.cores must be a number, not 'lots'",
    ]


@dataclass(frozen=True, slots=True)
class Placed(Far):
    locations: tuple[str, ...] = ("gpu", "cpu")


@dataclass(frozen=True, slots=True)
class Single(Far):
    locations: tuple[str, ...] = ("",)


def test_locations_that_are_known_beforehand(write: Write) -> None:
    path = write("version: 1\nsites: {a: {type: far, host: x}, b: {type: single, host: x}, c: {type: open, host: x}}\n"
                 "bind:\n- {step: /, site: [a/gpu, c/any]}\n- {step: /x, site: a/gpus}\n- {step: /y, site: b/gpu}\n")  # fmt: skip
    with pytest.raises(DeploymentError) as caught:
        read(path, plugins={"far": Placed(), "single": Single(), "open": Far()})
    assert [str(one).replace(f"{path}:", "").replace("\n  ", "; ") for one in caught.value.problems] == [
        "5:3: the site a has no location 'gpus'; did you mean gpu?",
        "6:3: the site b has no location 'gpu'; it is one place: name b alone",
    ]


def test_a_plugin_may_say_more_of_its_values_than_their_types(write: Write) -> None:
    assert complaints(write("version: 1\nsites:\n  a: {type: far, host: x, space: 5 apples, weight: 0, code: A}\n")) == [
        "3:27: sites.a.space must be a size, as in 16GiB or 500MB, not '5 apples'",
        "3:44: sites.a.weight must be at least 1, not 0",
        "3:55: sites.a.code must be text that matches ^[a-z]*$, not 'A'",
    ]


def test_aliases_cannot_make_a_small_file_huge(write: Write) -> None:
    levels = "\n".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10))
    (complaint,) = complaints(write(f"sites:\n  l0: &l0 [x]\n{levels}\n"))
    assert "more than 10000 parts" in complaint


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{a: " * 5000, "x" * (1 << 19)])
def test_hostile_sizes_are_refused_quickly(write: Write, text: str) -> None:
    assert len(complaints(write(text))) == 1


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read(tmp_path / "none.yml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeploymentError, match="no text"):
        read(tmp_path / "bytes")


TWO = """
version: 1
sites:
  a.x: {type: far, host: one, names: {k: v}}
  b: {type: far, host: two}
bind: [{step: /, site: a.x}, {step: /s, site: b}]
profiles:
  dev: {sites: {a.x: {host: dev}}, bind: [{step: /, site: b}]}
"""


def test_a_profile_is_laid_over(write: Write) -> None:
    deployment = read(write(TWO), "dev", plugins=PLUGINS)
    assert deployment.sites["a.x"].settings == Settings("dev", names={"k": "v"})
    assert [str(one.targets[0]) for one in deployment.bind] == ["b"]
    assert complaints(write(TWO), profile="dve") == [" there is no profile 'dve'; did you mean dev?"]


def test_values_from_the_command_line(write: Write) -> None:
    sets = ("sites.a.x.host=h", "sites.a.x.queue={limit: 3}", "sites.b.container.runtime=none", "bind.1.site=a.x",
            "sites.b.modules.bwa=bwa/0.7")
    path = write(TWO.replace("host: two", "host: two, names: {}"))
    deployment = read(path, sets=[*sets, "sites.b.names.k=no"], plugins=PLUGINS)
    assert deployment.sites["a.x"].settings == Settings("h", names={"k": "v"}, queue=Queue(limit=3.0))
    assert deployment.sites["b"].container == ContainerSettings("none")
    assert deployment.sites["b"].modules == {"bwa": "bwa/0.7"}
    assert deployment.sites["b"].settings.names == {"k": "no"}
    assert deployment.targets("/s") == (Target("a.x"),)


RETRY = f"""{SITED}
retry: {{memory: {{tries: 3, scale: 1.5}}, time: {{tries: 2}}, infrastructure: {{wait: 10s}}, staging: {{tries: 1, wait: 0s}}}}
profiles: {{patient: {{retry: {{memory: {{tries: 9}}, tool: {{tries: 2}}}}}}}}
"""


def test_what_is_tried_again(write: Write) -> None:
    path = write(RETRY)
    said = {
        FailureClass.MEMORY: Retry(3, 1.5, 0.0), FailureClass.TIME: Retry(2, 2.0, 0.0),
        FailureClass.INFRASTRUCTURE: Retry(3, wait=10.0), FailureClass.STAGING: Retry(1, wait=0.0),
    }  # fmt: skip
    assert read(path, plugins=PLUGINS).retries == {**RETRIES, **said}
    changed = {**said, FailureClass.MEMORY: Retry(9, 1.5, 0.0), FailureClass.TOOL: Retry(2)}
    assert read(path, "patient", plugins=PLUGINS).retries == {**RETRIES, **changed}
    assert read(write(SITED), plugins=PLUGINS).retries == default().retries == RETRIES


def test_what_is_tried_again_from_the_command_line(write: Write) -> None:
    for text in (SITED, RETRY):
        retries = read(write(text), sets=["retry.memory.tries=2", "retry.output={tries: 4, wait: 1m}"], plugins=PLUGINS).retries
        assert (retries[FailureClass.MEMORY].tries, retries[FailureClass.OUTPUT]) == (2, Retry(4, wait=60.0))
        (complaint,) = complaints(write(text), sets=("retry.memry.tries=2",))
        assert complaint == "--set retry.memry.tries=2: retry has no setting 'memry'; did you mean memory?"


def test_another_runtime_for_all_sites(write: Write) -> None:
    """What the file says of one engine holds for no other."""
    settings = "container: {runtime: docker, command: [sudo, docker], options: [--init], network: lab, cache: /images, pull: never}"
    deployment = read(write(TWO.replace("host: two", f"host: two, {settings}")), plugins=PLUGINS)
    assert deployment.with_runtime("docker").sites["b"] == deployment.sites["b"]
    changed = deployment.with_runtime("apptainer")
    assert [site.container for site in changed.sites.values()] == [
        ContainerSettings("apptainer"), ContainerSettings("apptainer", cache="/images", pull="never"),
    ]  # fmt: skip
    path = write(changed.text)
    assert read(path, plugins=PLUGINS).sites == changed.sites


def test_wrong_values_from_the_command_line(write: Write) -> None:
    path = write(TWO)
    assert complaints(path, sets=("sites.q.host=x", "nothing", "bind.7.site=b", "version.x=1", "sites.b.host=[")) == [
        "--set sites.q.host=x: there is no q to set something in; there are: a.x, b",
        "--set nothing: this is not PATH=VALUE; as in --set sites.hpc.workdir=/scratch/me",
        "--set bind.7.site=b: there is no item 7 in this list of 2; items count from 0",
        "--set version.x=1: x cannot be set inside of a plain value",
        "--set sites.b.host=[: this is not YAML: expected the node content, but found '<stream end>'",
    ]
    assert complaints(path, sets=("sites.b.hots=x",)) == ["--set sites.b.hots=x: sites.b has no setting 'hots'; did you mean host?"]


def test_without_a_file_everything_runs_here() -> None:
    deployment = default()
    assert [(site.name, site.plugin.name) for site in deployment.sites.values()] == [("local", "local")]
    assert deployment.targets("/any/step") == (Target("local"),)
    deployment.check_steps(["/any", "/any/step"])


def test_what_the_command_line_gets_wrong_is_wrong_usage(write: Write) -> None:
    wrong: list[dict[str, Any]] = [{"profile": "dve"}, {"sets": ["nothing"]}, {"sets": ["sites.q.host=x", "bind.9.site=b"]}]
    for arguments in wrong:
        with pytest.raises(UsageError):
            read(write(TWO), plugins=PLUGINS, **arguments)
    with pytest.raises(DeploymentError):
        read(write(TWO), sets=["sites.b.hots=x"], plugins=PLUGINS)


WORDS = ["far", "fra", "/", "a", "a/b", "64"]
NAMES = [
    "version", "sites", "bind", "profiles", "type", "tpye", "host", "step", "site", "resources", "memory", "a", "p", "container", "queue",
]  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(WORDS))
KEYS = st.one_of(st.sampled_from(NAMES), st.text(max_size=3))
TREES = st.recursive(SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(KEYS, part, max_size=4), max_leaves=12)
SITE = st.fixed_dictionaries({"type": st.just("far"), "host": st.just("h")}, optional={"queue": TREES})
SITES = st.dictionaries(KEYS, TREES | SITE)
RULES = st.fixed_dictionaries({}, optional={"tries": SCALARS, "scale": SCALARS, "wait": SCALARS | st.from_regex(TIME["pattern"])})
RETRIED = TREES | st.dictionaries(st.sampled_from([*FailureClass]) | KEYS, RULES | TREES, max_size=3)
OTHERS = {"bind": st.lists(TREES), "profiles": TREES, "retry": RETRIED}
FILES = TREES | st.fixed_dictionaries({"version": st.just(1), "sites": SITES}, optional=OTHERS)


@given(FILES, st.sampled_from([(), ("sites.a.host=x",), ("bind.0.site=a",), ("retry.memory.tries=2",), ("x=[",)]))
def test_whatever_a_file_says_is_understood_or_told(tmp_path_factory: pytest.TempPathFactory, content: Any, sets: tuple[str, ...]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_text(json.dumps(content), encoding="utf-8")
    for profile in (None, "p"):
        try:
            read(path, profile, sets, PLUGINS)
        except (DeploymentError, UsageError) as error:
            for problem in error.problems or [error]:
                assert problem.where is not None
                assert "None" not in problem.what
