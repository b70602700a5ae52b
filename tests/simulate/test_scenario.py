"""Scenarios that are refused, and the ground that they ask for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate import Coherence, Scenario, Terrain
from dinsar_cli.simulate.world.terrain import ARCSECOND, Bounds, Field, Lattice, fractal, made_elevation, write_map

if TYPE_CHECKING:
    from pathlib import Path

DATES = (date(2025, 7, 1), date(2025, 7, 13), date(2025, 7, 25))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"centre": (10.0, 88.0)}, "centre"),
        ({"centre": (180.1, 0.0)}, "centre"),
        ({"centre": (0.0, 75.1)}, "centre"),
        ({"direction": "sideways"}, "direction"),
        ({"dates": DATES[:1]}, "dates"),
        ({"dates": DATES[::-1]}, "dates"),
        ({"dates": (date(2025, 7, 1), date(2025, 7, 7))}, "dates"),
        ({"dates": DATES, "baselines": (1.0, 2.0, 3.0)}, "baselines"),
        ({"baselines": (float("nan"),)}, "baselines"),
        ({"missions": ("S1X",)}, "missions"),
        ({"track": 176}, "track"),
        ({"swaths": (1, 3)}, "swaths"),
        ({"swaths": ()}, "swaths"),
        ({"bursts": 0}, "bursts"),
        ({"bursts": 2, "slices": 3}, "slices"),
        ({"columns": 10}, "columns"),
        ({"incidence": 70.0}, "incidence"),
        ({"polarization": "VH"}, "polarization"),
        ({"archive": "tar"}, "archive"),
        ({"motion": "jump"}, "motion"),
        ({"coherence": Coherence(repeat=0.2, floor=0.5)}, "coherence"),
        ({"coherence": Coherence(repeat=0.9, floor=0.5, south=0.2)}, "coherence.south"),
        ({"terrain": Terrain(relief=-1.0)}, "terrain"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Scenario(**options)
    assert caught.value.cause
    assert caught.value.remedy


def test_lattice_and_field(tmp_path: Path) -> None:
    import rasterio

    lattice = Lattice.over(Bounds(10.0, 10.1, 20.0, 20.05), 0.01)
    assert (lattice.rows, lattice.columns) == (10, 5)
    longitude, latitude = lattice.centres()
    plane = 3.0 * longitude - 2.0 * latitude
    assert Field(lattice, plane).at(np.array([20.0234]), np.array([10.0567])) == pytest.approx(
        3.0 * 20.0234 - 2.0 * 10.0567
    )
    write_map(tmp_path / "plane.tif", lattice, plane, unit="metre", description="plane")
    with rasterio.open(tmp_path / "plane.tif") as source:
        value = next(source.sample([(20.025, 10.055)]))[0]
        assert value == pytest.approx(3.0 * 20.025 - 2.0 * 10.055, rel=1e-6)


def test_terrain_has_the_wanted_relief_and_no_short_waves() -> None:
    scene = Bounds(10.0, 10.2, 20.0, 20.2)
    lattice = Lattice.over(scene.grown(0.05), ARCSECOND)
    random = np.random.default_rng(1)
    heights = made_elevation(lattice, scene, Terrain(relief=900.0, lowest=300.0), random)
    longitude, latitude = lattice.centres()
    inside = heights[(abs(longitude - 20.1) < 0.1) & (abs(latitude - 10.1) < 0.1)]
    assert inside.min() == pytest.approx(300.0, abs=2.0)
    assert np.ptp(inside) == pytest.approx(900.0, abs=4.0)
    # Linear interpolation halfway between posts errs by a half metre at most: 0.1 mm at 150 m of baseline.
    assert np.max(np.abs(np.diff(heights, 2, axis=0))) / 8.0 < 0.5
    field = fractal(lattice, exponent=11.0 / 3.0, shortest=300.0, random=random)
    assert field.std() == pytest.approx(1.0)
