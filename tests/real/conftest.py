"""The folder of real data, and a skip with its reason where there is none; real products and simulated ones."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from dinsar_cli.simulate import Scenario, SimulatedStack, Still, Terrain, simulate
from support.likeness import DOCUMENTS, parsed
from support.real_inputs import FOLDER, REASON


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of files that archives and other people's programs wrote; `DINSAR_TEST_DATA` names it."""
    if FOLDER is None:
        pytest.skip(REASON)
    return FOLDER


@pytest.fixture(scope="session")
def real(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the SAFE folders of two whole products."""
    folder = tmp_path_factory.mktemp("real")
    archives = sorted((real_data / "safe").glob("*.zip"))
    assert archives, real_data
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates of a strip of all three subswaths near the real ones."""
    scenario = Scenario(
        centre=(-8.5, 31.0),
        dates=(date(2023, 9, 4), date(2023, 9, 16)),
        missions=("S1A",),
        direction="descending",
        swaths=(1, 2, 3),
        bursts=3,
        columns=128,
        terrain=Terrain(relief=300.0, margin=0.01),
        deformation=Still(),
        baselines=(60.0,),
        lake=None,
        archive="safe",
    )
    return simulate(scenario, tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="session", params=["real", "ours"])
def products(request: pytest.FixtureRequest) -> list[list[etree._Element]]:
    """Annotation of the three subswaths of both dates: of the real products, and of the simulated ones."""
    folder = request.getfixturevalue(request.param)
    folder = folder.folder / "slc" if isinstance(folder, SimulatedStack) else folder
    pattern = DOCUMENTS["product"].partition("/")[2]
    return [[parsed(path) for path in sorted(safe.glob(pattern))] for safe in sorted(folder.glob("*.SAFE"))]
