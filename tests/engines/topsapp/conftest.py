"""topsApp for the tests that hold for the real one and for its replay."""

from __future__ import annotations

import pytest

from dinsar_cli.simulate import SimulatedStack, simulate
from support.topsapp.isce2_process import find_isce2
from support.topsapp.recording import FOLDER, SCENARIO, Recording
from support.topsapp.replay import write_replay
from support.topsapp.workbench import Workbench


@pytest.fixture(scope="session")
def recording() -> Recording:
    """The recorded runs."""
    return Recording.load(FOLDER / "pair.zip")


@pytest.fixture(scope="session")
def recorded_pair(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """The scenes that were recorded, simulated again."""
    return simulate(SCENARIO, tmp_path_factory.mktemp("recorded") / "pair")


@pytest.fixture(scope="session")
def replayed(
    recording: Recording, recorded_pair: SimulatedStack, tmp_path_factory: pytest.TempPathFactory
) -> Workbench:
    """The pair with the replay of topsApp."""
    folder = tmp_path_factory.mktemp("replayed")
    return Workbench(write_replay(recording, folder / "isce2"), recorded_pair, folder / "cache", replayed=True)


@pytest.fixture(scope="session", params=["replay", pytest.param("real", marks=pytest.mark.isce2)])
def topsapp(
    request: pytest.FixtureRequest, recorded_pair: SimulatedStack, tmp_path_factory: pytest.TempPathFactory
) -> Workbench:
    """The pair with the replay of topsApp, and under the marker isce2 with topsApp itself."""
    name = "replayed" if request.param == "replay" else "real_topsapp"
    bench: Workbench = request.getfixturevalue(name)
    return bench


@pytest.fixture(scope="session")
def real_topsapp(recorded_pair: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The pair with topsApp itself."""
    installation, reason = find_isce2()
    if installation is None:
        pytest.skip(reason)
    return Workbench(installation, recorded_pair, tmp_path_factory.mktemp("real"), replayed=False)
