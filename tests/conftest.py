"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from support.command import Outcome, run_here
from support.refusal import Refusal
from support.run_inputs import Inputs, write_inputs
from support.safe_factory import Product
from support.topsapp.isce2_process import find_isce2

REPOSITORY = Path(__file__).parents[1]


ISCE_HOME = os.environ.get("ISCE_HOME")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell may have it ignored in the background, and programs that tests start would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = (
    "end_to_end/test_notebook.py",
    "end_to_end/test_cases.py",
    "workflow/test_job.py",
    "net/test_download.py",
    "workflow/test_resume.py",
    "workflow/test_remote_run.py",
    "end_to_end/test_across_180.py",
    "managers/orbits/test_remote.py",
    "managers/dem/test_remote.py",
    "workflow/test_demo.py",
    "engines/topsapp/process/test_kill_every_step.py",
    "documentation/test_tutorial.py",
    "compare/test_decompose.py",
    "end_to_end/test_examples.py",
    "formats/test_run_formats.py",
    "catalog/bursts/test_burst_fetch.py",
)
"""Files that take longest, in the order in which workers start them, so that none is left alone with one."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep the order of the files: xdist would start those with the most tests first."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Take half as many workers again as there are cores: many tests wait for servers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores * 3 // 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; within a file the order stays."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    tests = Path(__file__).parent
    items.sort(key=lambda item: ranks.get(item.path.relative_to(tests).as_posix(), len(ranks)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let only the tests that ask for it find ISCE2, and skip them where there is none."""
    wanted = item.get_closest_marker("isce2") is not None
    if ISCE_HOME is not None and wanted:
        os.environ["ISCE_HOME"] = ISCE_HOME
    else:
        os.environ.pop("ISCE_HOME", None)
    if wanted:
        found, reason = find_isce2()
        if found is None:
            pytest.skip(reason)


@pytest.fixture(scope="session")
def pair_folder() -> Path:
    """Folder of the simulated Sentinel-1 pair with known truth."""
    folder = Path(os.environ.get("DINSAR_TEST_PAIR", REPOSITORY.parent / "shared" / "data" / "pair"))
    if not (folder / "truth.json").is_file():
        pytest.skip(f"the test pair is not at {folder} (set DINSAR_TEST_PAIR)")
    return folder


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Two small scenes with orbits and DEM that give a map; no test changes them."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def narrow_inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """The same with pixels of a fifth of that size, for maps: the engine looks at the ground every 100 m or so."""
    narrow = Product(line_interval=0.02, range_sampling_rate=312_500.0)
    return write_inputs(tmp_path_factory.mktemp("narrow"), narrow)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Give a new folder that every user may enter; that of `tmp_path` is for one user only."""
    with tempfile.TemporaryDirectory(prefix="dinsar-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def dinsar(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process: ``dinsar("run", "--slc", path, ...)``."""
    return partial(run_here, capsys)


@pytest.fixture
def refused(dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path) -> Refusal:
    """Runs of `inputs` with something changed, which must be refused: ``refused(code, named, option=value)``."""
    return Refusal(dinsar, inputs, tmp_path / "work")
