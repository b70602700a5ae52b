"""Orbit files, DEMs, areas and topsApp's notes as other people's programs wrote them."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from lxml import etree
from pyproj.transformer import TransformerGroup

from dinsar_cli.engines.topsapp.results.metadata import Stated, read_pair
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.managers.dem.manager import Dem, DemManager
from dinsar_cli.sentinel1.orbit_file import read_orbit_file, window
from support.real_inputs import each, files

pytestmark = pytest.mark.real

ORBITS = each("*.EOF")
AREAS = each("roi/*.kml")
NOTES = each("topsproc/topsProc.xml")
DEMS = each("dem/los_angeles_*.tif", "mexico_city/*_dem.tif")
STATED = each("dem/Rome-*.tif")

# Orbits


@pytest.mark.parametrize("path", ORBITS)
def test_an_orbit_file_is_read_as_it_is(path: Path) -> None:
    root, orbit = etree.parse(str(path)).getroot(), read_orbit_file(path)
    vectors = root.xpath("//OSV")
    assert len(orbit.times) == len(vectors) == int(root.xpath("string(//List_of_OSVs/@count)"))
    assert orbit.mission == f"S1{root.findtext('.//Mission')[-1]}"
    assert f"AUX_{orbit.kind}" == root.findtext(".//File_Type")
    for number, vector in enumerate(vectors):
        assert str(orbit.times[number]) == vector.findtext("UTC").removeprefix("UTC=")
        assert [*orbit.position[number]] == [float(vector.findtext(axis)) for axis in "XYZ"]
        assert [*orbit.velocity[number]] == [float(vector.findtext(axis)) for axis in ("VX", "VY", "VZ")]
    # positions and velocities belong together: central differences, whose error is 10 s ** 2 / 6 of 1e-3 m/s3
    step = np.diff(orbit.times) / np.timedelta64(1, "s")
    central = (orbit.position[2:] - orbit.position[:-2]) / (step[1:] + step[:-1])[:, None]
    assert np.abs(central - orbit.velocity[1:-1]).max() < 0.3
    valid = [
        datetime.fromisoformat(root.findtext(f".//Validity_{end}").removeprefix("UTC=")).replace(tzinfo=UTC)
        for end in ("Start", "Stop")
    ]
    assert valid[0] <= orbit.start < orbit.stop <= valid[1]
    part = window(orbit, orbit.start, orbit.stop, 0)
    assert len(part.times) == len(orbit.times)


# Areas


@pytest.mark.parametrize("path", AREAS)
def test_an_overlay_is_the_area_of_its_corners(path: Path) -> None:
    """The map-overlay.kml of a product: an image between four corners."""
    (words,) = etree.parse(str(path)).getroot().xpath("//*[local-name() = 'coordinates']/text()")
    corners = [tuple(map(float, word.split(","))) for word in words.split()]
    if max(x for x, _ in corners) - min(x for x, _ in corners) > 180:
        with pytest.raises(UsageError, match="antimeridian"):
            parse_roi(str(path))
        return
    assert parse_roi(str(path)).geometry.symmetric_difference(shapely.Polygon(corners)).area < 1e-9


def test_an_area_across_the_antimeridian_is_among_them(real_data: Path) -> None:
    assert any("antimeridian" in path.name for path in files("roi/*.kml"))


# topsApp's notes


@pytest.mark.parametrize("path", NOTES)
def test_notes_of_a_run_tell_dates_sign_and_baseline(path: Path, tmp_path: Path) -> None:
    (tmp_path / "topsProc.xml").write_bytes(path.read_bytes())
    text = path.read_text()
    nodes = [date.fromisoformat(day) for day in re.findall(r"<ascendingnodetime>(\S+) ", text)]
    across = [float(number) for number in re.findall(r"Bperp_at_midrange_for_\w+_common_burst>(-?[\d.]+)<", text)]
    assert len(nodes) == 2
    assert len(across) >= 2
    with pytest.raises(NoDataError, match="wavelength"):
        read_pair(tmp_path, Stated())
    pair = read_pair(tmp_path, Stated(wavelength=0.0554658))
    assert [pair.reference.time.date(), pair.secondary.time.date()] == nodes
    assert pair.backwards == (nodes[0] > nodes[1])
    assert pair.dates == tuple(day.isoformat() for day in sorted(nodes))
    mean = sum(across) / len(across)
    assert pair.baseline == pytest.approx(-mean if nodes[0] > nodes[1] else mean)
    assert 5 < abs(pair.baseline) < 300
    looks = [int(number) for number in re.findall(r"(?:Range|Azimuth)_looks>(\d+)<", text)]
    assert ([pair.looks.range, pair.looks.azimuth] if pair.looks else []) == looks


# DEMs


def inner(path: Path) -> tuple[float, float, float, float]:
    """Bounds that leave out a tenth on each side, which is the buffer."""
    with rasterio.open(path) as dataset:
        west, south, east, north = dataset.bounds
    x, y = 0.1 * (east - west), 0.1 * (north - south)
    return west + x, south + y, east - x, north - y


def made(path: Path, datum: str | None, cache: Path) -> Dem:
    manager = DemManager(path, datum, 0.005, cache)
    return manager.fetch(manager.plan(inner(path)))


def at_centres(path: Path, dem: Dem) -> tuple[np.ndarray, np.ndarray]:
    """Heights of a file and of the DEM that was made from it, at the pixel centres of the latter."""
    with rasterio.open(dem.path) as dataset:
        heights, a = dataset.read(1), dataset.transform
    rows, columns = np.indices(heights.shape)
    with rasterio.open(path) as dataset:
        place = ~dataset.transform * (a * (columns + 0.5, rows + 0.5))
        source = dataset.read(1)[tuple(np.floor(part).astype(int) for part in place[::-1])]
    return source, heights


@pytest.mark.parametrize("path", DEMS)
def test_a_dem_keeps_its_heights_in_their_places(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not known what the heights"):
        made(path, None, tmp_path)
    source, heights = at_centres(path, made(path, "ellipsoid", tmp_path))
    np.testing.assert_array_equal(heights, source)
    assert np.isfinite(heights).all()
    assert np.ptp(heights) > 30


@pytest.mark.parametrize("path", STATED)
def test_a_stated_geoid_is_believed(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contradict"):
        made(path, "ellipsoid", tmp_path)
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        there = TransformerGroup("EPSG:4326+5773", "EPSG:4979").best_available
    if not there:
        with pytest.raises(UsageError, match=r"us_nga_egm96_15\.tif"):
            made(path, None, tmp_path)
        return
    source, heights = at_centres(path, made(path, None, tmp_path))
    assert 47 < (heights - source).min() < (heights - source).max() < 50  # EGM96 about Rome


def test_the_same_ground_above_geoid_and_ellipsoid(real_data: Path, tmp_path: Path) -> None:
    """The undulation about Los Angeles is -35 m: smooth, where the ground is not."""
    above = [
        at_centres(path, made(path, "ellipsoid", tmp_path))[1]
        for path in (real_data / "dem" / f"los_angeles_dem_{name}.tif" for name in ("ellipsoid", "geoid"))
    ]
    undulation = above[0] - above[1]
    assert -37 < undulation.min() < undulation.max() < -33
    assert np.ptp(undulation) < 1 < np.ptp(above[0])
