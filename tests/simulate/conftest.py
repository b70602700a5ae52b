"""Small stacks that several test files read."""

from __future__ import annotations

from datetime import date

import pytest

from dinsar_cli.simulate import Atmosphere, Corners, GaussianBowl, Mogi, Scenario, SimulatedStack, Terrain, simulate

DATES = (date(2025, 7, 1), date(2025, 7, 13), date(2025, 7, 25))


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return Scenario(
        centre=(20.0, -33.0),
        dates=DATES[:2],
        direction="ascending",
        swaths=(1, 2),
        columns=320,
        terrain=Terrain(relief=500.0, margin=0.02),
        deformation=GaussianBowl(peak=-0.04, radius=2000.0),
        baselines=(60.0,),
        lake=None,
        corners=Corners(((20.005, -33.02),)),
        archive="safe",
    )


@pytest.fixture(scope="session")
def stack(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    return simulate(scenario, tmp_path_factory.mktemp("stack") / "new")


@pytest.fixture(scope="session")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Three dates, two slices, zip archives, two satellites, HH, descending in the north."""
    options = Scenario(
        centre=(25.0, 64.0),
        dates=DATES,
        missions=("S1C", "S1A", "S1C"),
        swaths=(3,),
        bursts=4,
        slices=2,
        columns=100,
        polarization="HH",
        baselines=(50.0, -70.0),
        motion="velocity",
        deformation=Mogi.from_uplift(0.5, depth=2500.0),
        terrain=Terrain(relief=500.0, margin=0.01),
        atmosphere=Atmosphere(),
    )
    return simulate(options, tmp_path_factory.mktemp("sliced"))
