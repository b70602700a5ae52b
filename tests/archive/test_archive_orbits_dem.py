"""Orbit files and elevation tiles of the test archive, read with sentineleof and dem_stitcher."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
from lxml import etree
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from scipy.interpolate import RectBivariateSpline
from shapely import box

from dinsar_cli.sentinel1.orbit_file import read_orbit_file
from dinsar_cli.simulate import SimulatedStack
from support.archive import Archive, restituted
from support.archive.elevation import Elevation, geoid_height
from support.archive.messages import Request

ORBITS = """
import eof.download, json, os, pathlib
from datetime import datetime
times = [datetime(2023, 9, 4, 6, 35, 25), datetime(2023, 9, 16, 6, 35, 25)]
for folder in ("asf", "cdse"):
    pathlib.Path(folder).mkdir()
user = dict(cdse_user=os.environ["CDSE_USER"], cdse_password=os.environ["CDSE_PASSWORD"])
public = eof.download.download_eofs(times, ["S1A"] * 2, save_dir="asf", force_asf=True)
other = eof.download.download_eofs(times, ["S1A"] * 2, save_dir="cdse", **user)
print(json.dumps([[str(path) for path in public], [str(path) for path in other]]))
"""


def test_orbit_files_come_from_both_sources(
    child: Callable[..., Any], archive: Archive, simulated: SimulatedStack, tmp_path: Path
) -> None:
    """The second date has no precise orbit yet."""
    precise, later = simulated.orbits
    fresh = restituted(later, tmp_path)
    archive.orbits.files.clear()
    archive.orbits.add([precise, fresh])
    archive.orbits.page_size = 1
    more = {"CDSE_USER": archive.orbits.user, "CDSE_PASSWORD": archive.orbits.password}
    public, other = child(ORBITS, **more)
    for found in (public, other):
        assert sorted(Path(name).name for name in found) == sorted([precise.name, fresh.name])
        for name in found:
            source = precise if "POEORB" in name else fresh
            assert (tmp_path / name).read_bytes() == source.read_bytes()
    assert archive.refused == []


def test_a_restituted_orbit_has_the_same_vectors(simulated: SimulatedStack, tmp_path: Path) -> None:
    precise, fresh = (
        read_orbit_file(path) for path in (simulated.orbits[0], restituted(simulated.orbits[0], tmp_path))
    )
    assert (fresh.kind, fresh.mission) == ("RESORB", precise.mission)
    np.testing.assert_array_equal(fresh.position, precise.position)
    assert fresh.stop - fresh.start < timedelta(hours=4)
    assert fresh.created is not None
    assert precise.created is not None
    assert fresh.created < precise.created


def test_the_bucket_lists_in_pages(web: requests.Session, archive: Archive, simulated: SimulatedStack) -> None:
    archive.orbits.page_size = 1
    address, space = "https://s1-orbits.s3.amazonaws.com/", "{http://s3.amazonaws.com/doc/2006-03-01/}"
    keys, query = [], {"list-type": "2", "prefix": "AUX_POEORB/S1A"}
    while True:
        page = etree.fromstring(web.get(address, params=query).content)
        keys += [key.text for key in page.iter(f"{space}Key")]
        if page.findtext(f"{space}IsTruncated") == "false":
            break
        query["continuation-token"] = page.findtext(f"{space}NextContinuationToken", "")
    assert keys == [f"AUX_POEORB/{path.name}" for path in simulated.orbits]
    assert web.get(address + "AUX_POEORB/S1A_nothing.EOF").status_code == 404
    picked = web.get(f"https://s1-orbits.asf.alaska.edu/scene/{archive.scenes[1].name}")
    assert picked.content == simulated.orbits[1].read_bytes()
    nothing = archive.scenes[1].repeated(500).name
    assert web.get(f"https://s1-orbits.asf.alaska.edu/scene/{nothing}").status_code == 404


STITCH = """
import dem_stitcher, json, numpy
heights, profile = dem_stitcher.stitch_dem([-8.92, 31.1, -8.78, 31.6], "glo_30")
numpy.save("heights.npy", heights)
print(json.dumps(list(profile["transform"])[:6]))
"""


def test_stitched_elevation_is_that_of_the_simulation(
    child: Callable[..., Any], archive: Archive, simulated: SimulatedStack, tmp_path: Path
) -> None:
    """A geoid of some 26 m, or half a pixel on slopes of ten percent, would be far beyond the bound."""
    step_x, _, west, _, step_y, north = child(STITCH)
    heights = np.load(tmp_path / "heights.npy")
    with rasterio.open(simulated.dem) as source:
        truth, transform = source.read(1), source.transform
    centre_x = transform.c + transform.a * (np.arange(truth.shape[1]) + 0.5)
    centre_y = transform.f + transform.e * (np.arange(truth.shape[0]) + 0.5)
    surface = RectBivariateSpline(-centre_y, centre_x, truth)
    x = west + step_x * (np.arange(heights.shape[1]) + 0.5)
    y = north + step_y * (np.arange(heights.shape[0]) + 0.5)
    assert np.abs(heights - surface(-y, x)).max() < 0.01
    assert np.ptp(heights) > 300.0
    hosts = {entry.host for entry in archive.log}
    assert hosts == {"copernicus-dem-30m.s3.amazonaws.com", "aria-geoid.s3.us-west-2.amazonaws.com"}
    assert archive.sent("copernicus-dem-30m.s3.amazonaws.com") < 20e6
    assert archive.refused == []


def elevation_request(name: str) -> Request:
    return Request("copernicus-dem-90m.s3.amazonaws.com", "GET", f"/{name}/{name}.tif", "", {})


def test_tiles_far_north_sea_and_missing_tiles(tmp_path: Path) -> None:
    raster = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 40, "width": 40, "crs": "EPSG:4326"}
    with rasterio.open(raster, "w", transform=from_origin(-20.0, 62.0, 0.01, 0.01), **profile) as target:
        target.write(np.full((40, 40), 250.0, np.float32), 1)
    west, gone = (f"Copernicus_DSM_COG_30_N61_00_W0{degrees}_00_DEM" for degrees in (20, 21))
    ground = Elevation(raster, missing={gone}, sea=box(-20.0, 61.0, -19.5, 62.0))
    reply = ground.tile(elevation_request(west))
    with MemoryFile(reply.content()) as memory, memory.open() as tile:
        assert (tile.width, tile.height, tile.tags()["AREA_OR_POINT"]) == (600, 1200, "Point")
        assert tile.xy(0, 0) == pytest.approx((-20.0, 62.0), abs=1e-9)
        assert tile.xy(1199, 599) == pytest.approx((-19.0 - 1 / 600, 61.0 + 1 / 1200), abs=1e-9)
        values = tile.read(1)
    assert values[600, 150] == 0.0
    assert values[600, 450] == pytest.approx(250.0 - geoid_height(-19.25, 61.5), abs=1e-3)
    far = west.replace("W020", "W040")
    assert [ground.tile(elevation_request(name)).status for name in (gone, far, "README")] == [404, 404, 404]
