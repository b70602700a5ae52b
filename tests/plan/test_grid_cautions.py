"""What is told of the system of a map: where it is not made for, metres that are none, a datum known badly."""

from __future__ import annotations

import re

import pytest

from dinsar_cli.geo.crs import better_accuracy
from dinsar_cli.geo.grid import grid_for
from dinsar_cli.plan.grid_cautions import grid_cautions

PARIS, LONDON, TOKYO = (2.3, 48.8, 2.4, 48.9), (-0.3, 51.4, -0.2, 51.5), (139.7, 35.6, 139.8, 35.7)


@pytest.mark.parametrize(
    ("crs", "box", "posting"),
    [
        ("EPSG:4326", PARIS, 0.001),
        ("utm", PARIS, 40.0),
        ("EPSG:2154", PARIS, 40.0),
        ("EPSG:2154", PARIS, 2.0),
        ("EPSG:3035", PARIS, 40.0),
        ("EPSG:30169", TOKYO, 20.0),
        ("EPSG:3413", (-40.1, 70.0, -40.0, 70.1), 40.0),
    ],
)
def test_nothing_is_told_of_what_suits(crs: str, box: tuple[float, float, float, float], posting: float) -> None:
    assert grid_cautions(grid_for(box, crs, posting)) == []


def test_an_area_that_a_system_is_not_made_for_is_told_with_both() -> None:
    (text,) = grid_cautions(grid_for((12.5, 52.0, 12.6, 52.1), "EPSG:25832", 40.0))
    assert re.search(r"made for 6\.00 [\d.]+ 12\.0\d [\d.]+ \(west", text)  # zone 32
    assert "spans 12.49 52.00 12.61 52.10" in text


def test_metres_that_are_none_on_the_ground_are_told() -> None:
    (text,) = grid_cautions(grid_for(PARIS, "EPSG:3857", 30.0))
    assert "the cells of 30 m are 19.7 to 19.8 m" in text  # 30 m x cos 48.85 degrees


def test_a_datum_that_is_known_worse_than_half_a_cell_is_told() -> None:
    (text,) = grid_cautions(grid_for(TOKYO, "EPSG:30169", 10.0))
    assert "good to 9 m, and half a cell is 5 m" in text
    text = " ".join(grid_cautions(grid_for(LONDON, "EPSG:27700", 3.0)))
    if better_accuracy("EPSG:27700") is not None:  # the file of the Ordnance Survey is not here
        assert "good to 2 m, and half a cell is 1.5 m" in text
        assert "projsync --file uk_os_OSTN15_NTv2_OSGBtoETRS.tif" in text
    unknown = "+proj=tmerc +lat_0=49 +lon_0=2 +ellps=intl +units=m"
    assert "takes it for WGS84" in " ".join(grid_cautions(grid_for(PARIS, unknown, 40.0)))
