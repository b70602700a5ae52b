"""Bright points on the ground stand where they are, in every format and with every engine."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from xml.etree import ElementTree as ET

import h5netcdf
import numpy as np
import pytest
import rasterio
from matplotlib.image import imread
from numpy.typing import NDArray
from rasterio import Affine

from dinsar_cli import run
from dinsar_cli.simulate import Coherence, Corners, Scenario, Still, Terrain, simulate

CENTRE = (-8.85, 31.35)
EXACT = 0.35  # output pixels: a shift of half a pixel, the usual error, must show
ANY = 1.5  # of a single point: it lies anywhere in its look cell, and the map between look cells
KML = "{http://www.opengis.net/kml/2.2}"


def spread() -> tuple[tuple[float, float], ...]:
    """A loose lattice within 2 km of the centre: points at all fractions of a look cell and of a pixel."""
    places = [(x + 0.07 * y, y - 0.1 * x) for x in (-1.9, -0.7, 0.6, 1.8) for y in (-2.3, 1.9)]  # km
    return tuple((CENTRE[0] + x / (111.2 * cos(radians(CENTRE[1]))), CENTRE[1] + y / 111.2) for x, y in places)


@dataclass(frozen=True)
class Made:
    """Products of a scene that does not move, with displacement at its bright points alone."""

    products: Path
    posting: float


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("eos")
    scenario = Scenario(
        centre=CENTRE,
        columns=2000,
        lake=None,
        terrain=Terrain(relief=400.0, margin=0.05),
        deformation=Still(),
        coherence=Coherence(repeat=0.45, floor=0.45),
        corners=Corners(spread(), amplitude=20000.0),
    )
    return simulate(scenario, tmp_path_factory.mktemp("places") / "scene").folder


@pytest.fixture(scope="module", params=["eos", pytest.param("isce2", marks=pytest.mark.isce2)])
def made(request: pytest.FixtureRequest, scene: Path) -> Made:
    result = run(
        slc={"files": sorted((scene / "slc").iterdir())},
        orbits={"dir": scene / "orbits"},
        dem={"file": scene / "dem" / "dem.tif", "datum": "ellipsoid"},
        roi=f"{CENTRE[0] - 0.04} {CENTRE[1] - 0.04} {CENTRE[0] + 0.04} {CENTRE[1] + 0.04}",
        looks="7x2",
        engine=request.param,
        filter={"strength": 0.0},
        reference_point="none",
        mask={"coherence": 0.78},
        output={"formats": ["netcdf", "hyp3", "mintpy", "range_change"]},
        workdir=scene.parent / request.param,
        cache=scene.parent / "cache",
    )
    with rasterio.open(result.products["los_displacement"]) as file:
        return Made(result.folder / "products", file.transform.a)


def offsets(image: NDArray[np.floating], transform: Affine, posting: float, least: float) -> NDArray[np.floating]:
    """Centroid of what is bright around each point, minus its place, in output pixels east and south.

    Bright is what is above that share of the brightest, both without what is around.
    """
    image = np.nan_to_num(image.astype(float))
    reach = round(4 * posting / transform.a)
    found = []
    for place in spread():
        column, row = ~transform @ place
        window = tuple(slice(int(middle) - reach, int(middle) + reach + 1) for middle in (row, column))
        bright = np.clip(image[window] - np.percentile(image[window], 20), 0, None)
        bright[bright < least * bright.max()] = 0
        assert bright.any()
        rows, columns = np.mgrid[window] + 0.5
        size = transform.a / posting
        found.append(((columns * bright).sum() / bright.sum() - column, (rows * bright).sum() / bright.sum() - row))
    return np.array(found) * size


def check(image: NDArray[np.floating], transform: Affine, posting: float, least: float = 0.1) -> None:
    """A point lies anywhere in its look cell, which is about a pixel: the mean of eight tells where the map is."""
    found = offsets(image, transform, posting, least)
    assert np.abs(found.mean(axis=0)).max() <= EXACT, found
    assert np.abs(found).max() <= ANY, found


def raster(path: Path) -> tuple[NDArray[np.floating], Affine]:
    with rasterio.open(path) as file:
        return file.read(1, masked=True).astype(float).filled(np.nan), file.transform


def test_geotiffs(made: Made) -> None:
    power, transform = raster(made.products / "amplitude.tif")
    check(10 ** (power / 10), transform, made.posting)
    for name in ("los_displacement", "range_change"):
        values, transform = raster(made.products / f"{name}.tif")
        check(np.isfinite(values).astype(float), transform, made.posting)


def test_netcdf(made: Made) -> None:
    with h5netcdf.File(made.products / "displacement.nc") as file:
        lon, lat, power = file["lon"][:], file["lat"][:], file["amplitude_reference"][:]
    step = (lon[-1] - lon[0]) / (len(lon) - 1)
    transform = Affine(step, 0, lon[0] - step / 2, 0, (lat[-1] - lat[0]) / (len(lat) - 1), lat[0] + step / 2)
    check(10 ** (power / 10), transform, made.posting)


@pytest.mark.parametrize("folder", ["hyp3", "mintpy"])
def test_sets_of_other_names(made: Made, folder: str) -> None:
    """Their coherence, which is that of the ground but at the points."""
    (path,) = (made.products / folder).glob("S1*/*_corr.tif")
    coherence, transform = raster(path)
    check(coherence, transform, made.posting, least=0.6)  # which keeps the noise of the ground out


def test_kmz(made: Made) -> None:
    """Displacement is only shown at the points: the rest is masked."""
    with zipfile.ZipFile(made.products / "overview.kmz") as archive:
        document = ET.fromstring(archive.read("doc.kml"))
        picture = imread(io.BytesIO(archive.read("displacement.png")))
    box = document.find(f".//{KML}LatLonBox")
    assert box is not None
    west, south, east, north = (
        float(box.findtext(f"{KML}{side}", "")) for side in ("west", "south", "east", "north")
    )
    rows, columns = picture.shape[:2]
    transform = Affine((east - west) / columns, 0, west, 0, (south - north) / rows, north)
    check(picture[..., 3], transform, made.posting)
