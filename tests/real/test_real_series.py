"""Motion in time from interferograms that were made by GAMMA, of a city of which it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.timeseries.choices import Choices
from dinsar_cli.timeseries.run import make_series

pytestmark = pytest.mark.real


def test_mexico_city_sinks_but_for_its_hill(real_data: Path, tmp_path: Path) -> None:
    """The lake bed sinks by up to half a metre a year, the volcanic hill beside the airport does not.

    Chaussard et al. (2021), "Over a century of sinking in Mexico City", JGR Solid Earth 126.
    """
    record = make_series(real_data / "mexico_city", tmp_path, Choices()).record
    assert len(record["pairs"]) == 30
    assert len(record["dates"]) == 13
    with rasterio.open(tmp_path / "velocity.tif") as dataset:
        places = ((-99.055, 19.440), (-99.0835, 19.4405), (-99.18, 19.43))
        sinking, hill, west = (float(next(dataset.sample([place]))[0]) for place in places)
    with rasterio.open(tmp_path / "velocity_sigma.tif") as dataset:
        sigma = dataset.read(1)
    assert -0.40 < sinking < -0.20
    assert abs(hill) < 0.08
    assert abs(west) < 0.03
    assert 0.002 < np.nanmedian(sigma) < 0.02
