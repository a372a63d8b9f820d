"""Whatever stands in a CWL document, hyflow says what is wrong in one clean message, or loads it; it never hangs."""

from __future__ import annotations

from pathlib import Path

import corpus
import pytest
from commandline import Shell
from complaint import check, told
from fuzzing import wrong_documents
from generated import examples
from hypothesis import given

from hyflow.cwl.load import load
from hyflow.cwl.processes import Processes

# what is wrong in a document may leave a file of cwltool's open
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory where all lies that a document of the suite may name."""
    return corpus.linked(tmp_path_factory.mktemp("fuzz") / "suite")


def described(path: Path) -> None:
    """All that is asked of a document before something runs."""
    processes = Processes(load(str(path), cache=None))
    processes.step_paths()
    processes.input_types()
    processes.containers()
    processes.software()
    processes.start({}, {})


@examples(250)
@given(document=wrong_documents())
def test_documents(beside: Path, document: bytes) -> None:
    path = beside / "fuzzed.cwl"
    path.write_bytes(document)
    told(lambda: described(path))


@examples(5)
@given(document=wrong_documents())
def test_the_command_says_the_same(beside: Path, document: bytes) -> None:
    path = beside / "fuzzed.cwl"
    path.write_bytes(document)
    done = Shell(beside, beside.parent / "home")("hyflow", "validate", str(path))
    assert done.status in (0, 1, 2, 33)
    if done.status:
        check(done.stderr)
