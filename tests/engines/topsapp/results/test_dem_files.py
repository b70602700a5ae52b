"""The DEM for ISCE2: the same heights at the same places, for GDAL and for ISCE2 itself."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from dinsar_cli.engines.topsapp.results import dem_files as demfiles
from dinsar_cli.engines.topsapp.results.dem_files import read_isce_dem_header, write_isce_dem
from dinsar_cli.errors import DinsarError, EngineError, NoDataError, UsageError
from support.topsapp.isce2_process import ask

STEP = 1 / 3600
# Corners that no short decimal number says.
CORNER = Affine(STEP, 0, -7.9 - STEP / 3, 0, -STEP, 31.2 + STEP / 7)
SHAPE = 140, 210
SPIKE = 57, 133
NAMES = ["plain", "Ätna 'north' \"east\" & <west>", "日本 [1]", "end "]


def write_dem(
    path: Path, heights: np.ndarray, transform: Affine = CORNER, crs: str = "EPSG:4326", nodata: float = math.nan
) -> Path:
    profile = {"driver": "GTiff", "dtype": heights.dtype, "count": 1, "crs": crs, "transform": transform}
    rows, columns = heights.shape
    with rasterio.open(path, "w", **profile, height=rows, width=columns, nodata=nodata) as dataset:
        dataset.write(heights, 1)
    return path


def spiked() -> np.ndarray:
    heights = np.random.default_rng(4).uniform(200, 210, SHAPE).astype(np.float32)
    heights[SPIKE] = 4000.5
    return heights


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / request.param
    place.mkdir()
    return place


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    return write_dem(tmp_path / "dem.tif", spiked())


def test_the_header_counts_positions_at_the_samples(dem: Path, folder: Path) -> None:
    written = write_isce_dem(dem, folder)
    header = read_isce_dem_header(Path(f"{written}.xml"))
    assert written == folder / "dem.wgs84"
    assert header.first_lon == pytest.approx(CORNER.c + STEP / 2, abs=1e-12)
    assert header.first_lat == pytest.approx(CORNER.f - STEP / 2, abs=1e-12)
    assert (header.delta_lon, header.delta_lat) == (CORNER.a, CORNER.e)
    assert (header.length, header.width) == SHAPE
    assert header.reference == "WGS84"


def test_gdal_sees_the_same_raster(dem: Path, folder: Path) -> None:
    with rasterio.open(f"{write_isce_dem(dem, folder)}.vrt") as vrt:
        assert vrt.transform == CORNER
        assert vrt.crs.to_epsg() == 4326
        assert vrt.dtypes == ("float32",)
        np.testing.assert_array_equal(vrt.read(1), spiked())


def test_a_spike_is_at_the_same_place_for_both_conventions(dem: Path, tmp_path: Path) -> None:
    written = write_isce_dem(dem, tmp_path)
    header = read_isce_dem_header(Path(f"{written}.xml"))
    heights = np.fromfile(written, "<f4").reshape(header.length, header.width)
    row, column = np.unravel_index(heights.argmax(), heights.shape)
    place = header.first_lon + column * header.delta_lon, header.first_lat + row * header.delta_lat
    with rasterio.open(dem) as dataset:
        assert place == pytest.approx(dataset.xy(*SPIKE), abs=1e-12)
        assert next(dataset.sample([place]))[0] == np.float32(4000.5)


def test_blocks_join(dem: Path, tmp_path: Path) -> None:
    """More than one block of rows, the last one shorter."""
    rows = demfiles._BLOCK_PIXELS // 2000
    heights = np.arange((rows + 7) * 2000, dtype=np.float32).reshape(-1, 2000)
    written = write_isce_dem(write_dem(tmp_path / "large.tif", heights), tmp_path)
    np.testing.assert_array_equal(np.fromfile(written, "<f4"), heights.ravel())


def test_integers_become_floats(tmp_path: Path) -> None:
    source = write_dem(tmp_path / "dem.tif", spiked().astype(np.int16), nodata=-32768)
    np.testing.assert_array_equal(
        np.fromfile(write_isce_dem(source, tmp_path), "<f4"), spiked().astype(np.int16).ravel()
    )


@pytest.mark.parametrize("void", [math.nan, math.inf, -32768.0])
def test_voids_are_refused(tmp_path: Path, void: float) -> None:
    heights = spiked()
    heights[-1, 3] = void
    source = write_dem(tmp_path / "void.tif", heights, nodata=-32768.0)
    with pytest.raises(NoDataError, match="cannot be given to ISCE2"):
        write_isce_dem(source, tmp_path)
    assert not list(tmp_path.glob("dem.wgs84*"))


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("EPSG:32629", {"crs": "EPSG:32629"}),
        ("north to south", {"transform": Affine(STEP, 0, 1, 0, STEP, 2)}),
        ("north to south", {"transform": CORNER @ Affine.rotation(5)}),
    ],
)
def test_other_layouts_are_refused(tmp_path: Path, cause: str, changes: dict[str, str | Affine]) -> None:
    source = write_dem(tmp_path / "other.tif", spiked(), **changes)
    with pytest.raises(UsageError) as error:
        write_isce_dem(source, tmp_path)
    assert cause in error.value.cause


def test_what_cannot_be_read_is_refused(dem: Path, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    whole = dem.read_bytes()
    (tmp_path / "half.tif").write_bytes(whole[: len(whole) // 2])
    for name in ("text.tif", "half.tif", "missing.tif"):
        with pytest.raises(DinsarError):
            write_isce_dem(tmp_path / name, tmp_path)
    assert not list(tmp_path.glob("dem.wgs84*"))


def test_a_header_that_was_changed_is_found_out(dem: Path, tmp_path: Path) -> None:
    file = Path(f"{write_isce_dem(dem, tmp_path)}.xml")
    header = read_isce_dem_header(file)
    # a tenth of a millionth of a pixel
    moved = file.read_text().replace(repr(header.first_lon), repr(header.first_lon + 3e-11))
    file.write_text(moved)
    with pytest.raises(EngineError, match="does not say where"):
        demfiles._compare(header, read_isce_dem_header(file), file)
    file.write_text(moved[:300])
    with pytest.raises(EngineError, match="cannot be read"):
        read_isce_dem_header(file)


@pytest.mark.isce2
def test_isce2_reads_the_same(dem: Path, folder: Path) -> None:
    written = write_isce_dem(dem, folder)
    code = """
import isceobj, numpy
image = isceobj.createDemImage()
image.load(sys.argv[1] + '.xml')
longitude, latitude = image.coord1, image.coord2
heights = image.memMap()[:, :, 0] if image.memMap().ndim == 3 else image.memMap()
spike = [int(index) for index in numpy.unravel_index(heights.argmax(), heights.shape)]
answer([longitude.coordStart, latitude.coordStart, longitude.coordDelta, latitude.coordDelta, image.width,
        image.length, image.reference, image.filename, image.dataType.upper(), spike,
        image.firstLongitude, image.firstLatitude])
"""
    found = ask(folder, code, str(written))
    header = read_isce_dem_header(Path(f"{written}.xml"))
    assert found[:7] == list(header)
    assert found[7:10] == [str(written), "FLOAT", list(SPIKE)]
    assert found[10:] == [header.first_lon, header.first_lat]
