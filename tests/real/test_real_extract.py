"""Values of real maps of other programs: those that rasterio samples, at places that others surveyed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from dinsar_cli.extraction.extract import Choices, values_of_places
from dinsar_cli.extraction.profile import profiles_along

pytestmark = pytest.mark.real


def test_displacement_of_kilauea_at_its_gnss_stations(real_data: Path) -> None:
    folder = real_data / "hawaii"
    maps = sorted(folder.glob("displacement_*.tif"))
    stations = folder / "gnss_20160711_20160921.csv"
    found = values_of_places(maps, str(stations), Choices(window=3)).columns
    assert set(found["first_date"]) == {"2016-07-11"}
    lonlat = np.column_stack([found["lon"], found["lat"]])
    for path in maps:
        mine = found["map"] == path.stem
        with rasterio.open(path) as file:
            x, y = Transformer.from_crs("EPSG:4326", file.crs, always_xy=True).transform(*lonlat[mine].T)
            wanted = np.concatenate(list(file.sample(zip(x, y, strict=True))))
        np.testing.assert_array_equal(found["los_displacement_m"][mine], wanted)
    assert mine.sum() == 7
    assert set(found["station"]) >= {"AHUP", "CNPK", "OUTL"}


def test_the_lake_bed_of_mexico_city_sinks_over_more_noise_the_longer_it_is_looked_at(
    real_data: Path,
) -> None:
    """Phase in radians becomes metres toward the satellite; the atmosphere of maps is shared over kilometres."""
    folder = real_data / "mexico_city"
    area = "POLYGON((-99.14 19.40,-99.10 19.40,-99.10 19.44,-99.14 19.44,-99.14 19.40))"
    found = values_of_places([folder], area, Choices()).columns
    assert len(found["map"]) == 30
    assert (found["cells"] > 500).all()
    assert (found["noise_range_m"] > 1000).all()
    alone = np.sqrt((found["noise_nugget"] + found["noise_sill"]) / found["cells"])
    assert (found["los_displacement_mean_sigma_m"] > 3 * alone).all()
    days = (found["last_date"].astype("datetime64[D]") - found["first_date"].astype("datetime64[D]")).astype(int)
    span = found["los_displacement_max_m"] - found["los_displacement_min_m"]
    assert np.corrcoef(days, span)[0, 1] > 0.8  # subsidence goes on


def test_a_profile_from_the_hill_to_the_lake_bed(real_data: Path) -> None:
    folder = real_data / "mexico_city"
    found = profiles_along([folder], "-99.18 19.42 -99.06 19.42", width=500.0)
    assert len(found.profiles) == 30
    median = found.profiles[0].values["los_displacement_swath_median_m"]
    assert np.isfinite(median).mean() > 0.8
