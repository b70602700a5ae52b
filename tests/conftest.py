"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from command import Outcome, run_here
from dinsar_cli.engines.topsapp.installation import find_isce2
from refusal import Refusal
from run_inputs import Inputs, write_inputs

REPOSITORY = Path(__file__).parents[1]


ISCE_HOME = os.environ.get("ISCE_HOME")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell may have it ignored in the background, and programs that tests start would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture
def dinsar(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command in this process: ``dinsar("run", "--slc", path, ...)``."""
    return partial(run_here, capsys)


@pytest.fixture
def refused(dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path) -> Refusal:
    """Runs of `inputs` with something changed, which must be refused: ``refused(code, named, option=value)``."""
    return Refusal(dinsar, inputs, tmp_path / "work")
