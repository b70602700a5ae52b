"""ISCE2's topsApp: running it on a simulated pair, and reading what it leaves."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from lxml import etree
from lxml.builder import E

from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.simulate import Scenario, SimulatedStack
from support.safe_factory import quietly

RANGE_LOOKS, AZIMUTH_LOOKS = 7, 2
TIMEOUT = 600.0  # s

_BASELINE = re.compile(r"Bperp at midrange for \w+ common burst = (\S+)")


@dataclass(frozen=True)
class Products:
    """What topsApp made of a pair, in radar geometry, in looks.

    Attributes
    ----------
    phase : ndarray
        Unwrapped phase of reference times conjugate secondary (rad); NaN without data.
    coherence : ndarray
    incidence : ndarray
        From the normal of the ellipsoid (deg).
    longitude, latitude : ndarray
        Of the middle of each look cell (deg).
    baselines : tuple of float
        Perpendicular ones of the first and the last common burst of each subswath (m).
    """

    phase: np.ndarray
    coherence: np.ndarray
    incidence: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    baselines: tuple[float, ...]


def run_topsapp(isce2: Installation, scenario: Scenario, stack: SimulatedStack, folder: Path) -> Products:
    """Run topsApp in a folder on the first and the last date of a stack, up to the unwrapped phase.

    Raises
    ------
    AssertionError
        It failed; says how its output ended.
    """
    dem = write_isce_dem(stack.dem, folder / "dem")
    _write_inputs(scenario, stack, dem, folder)
    command = [str(isce2.python), str(isce2.program), "topsApp.xml", "--start=startup", "--end=unwrap"]
    with (folder / "topsApp.out").open("w+", encoding="utf-8") as out:
        done = subprocess.run(
            command,
            cwd=folder,
            env=isce2.environment(os.cpu_count() or 1, folder),
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
        out.seek(0)
        log = out.read()
    assert done.returncode == 0, "\n".join(log.splitlines()[-25:])
    return _read_products(folder / "merged", log)


def _write_inputs(scenario: Scenario, stack: SimulatedStack, dem: Path, folder: Path) -> None:
    for name, products in (("reference", stack.products[0]), ("secondary", stack.products[-1])):
        scene = {
            "safe": [str(path) for path in products],
            "polarization": scenario.polarization.lower(),
            "orbit directory": stack.orbits[0].parent,
            "output directory": name,
        }
        _write_xml(folder / f"{name}.xml", E.component(*_properties(scene), name=name))
    options = {
        "sensor name": "SENTINEL1",
        "swaths": list(scenario.swaths),
        "demFilename": dem,
        "range looks": RANGE_LOOKS,
        "azimuth looks": AZIMUTH_LOOKS,
        "filter strength": 0.5,
        "do ESD": False,
        "do unwrap": True,
        "unwrapper name": "snaphu_mcf",
    }
    catalogs = [E.component(E.catalog(f"{name}.xml"), name=name) for name in ("reference", "secondary")]
    _write_xml(folder / "topsApp.xml", E.topsApp(E.component(*_properties(options), *catalogs, name="topsinsar")))


def write_isce_dem(dem: Path, target: Path) -> Path:
    """Write an ellipsoidal DEM as ISCE2 reads it: samples, header, and VRT.

    ISCE2 counts positions at the samples where GDAL counts them at the corners, and adds a geoid unless the
    reference is WGS84.
    """
    with rasterio.open(dem) as dataset:
        heights, corner = dataset.read(1), dataset.transform
    heights.astype("<f4").tofile(target)
    length, width = heights.shape
    west, north = corner.c + 0.5 * corner.a, corner.f + 0.5 * corner.e
    image = {
        "WIDTH": width,
        "LENGTH": length,
        "NUMBER_BANDS": 1,
        "DATA_TYPE": "FLOAT",
        "SCHEME": "BIP",
        "BYTE_ORDER": "l",
        "ACCESS_MODE": "read",
        "FILE_NAME": target,
        "EXTRA_FILE_NAME": f"{target}.vrt",
        "IMAGE_TYPE": "dem",
        "REFERENCE": "WGS84",
    }
    axes = [_axis(1, west, corner.a, width), _axis(2, north, corner.e, length)]
    _write_xml(target.with_name(f"{target.name}.xml"), E.imageFile(*_properties(image), *axes))
    band = E.VRTRasterBand(
        E.SourceFilename(target.name, relativeToVRT="1"),
        E.ByteOrder("LSB"),
        E.ImageOffset("0"),
        E.PixelOffset("4"),
        E.LineOffset(str(4 * width)),
        dataType="Float32",
        band="1",
        subClass="VRTRawRasterBand",
    )
    geotransform = E.GeoTransform(f"{west!r}, {corner.a!r}, 0.0, {north!r}, 0.0, {corner.e!r}")
    size = {"rasterXSize": str(width), "rasterYSize": str(length)}
    _write_xml(target.with_name(f"{target.name}.vrt"), E.VRTDataset(E.SRS("EPSG:4326"), geotransform, band, **size))
    return target


def _axis(number: int, start: float, step: float, size: int) -> etree._Element:
    values = {"name": f"coordinate{number}", "startingValue": start, "delta": step, "size": size}
    factory = E.factorymodule("isceobj.Image"), E.factoryname("createCoordinate")
    return E.component(*factory, *_properties(values), name=f"coordinate{number}")


def _properties(values: dict[str, object]) -> list[etree._Element]:
    return [E.property(E.value(str(value)), name=name) for name, value in values.items()]


def _write_xml(path: Path, root: etree._Element) -> None:
    path.write_bytes(etree.tostring(root, pretty_print=True))


def _read_products(merged: Path, log: str) -> Products:
    amplitude, phase = _bands(merged / "filt_topophase.unw")
    return Products(
        phase=np.where(amplitude > 0.0, phase, np.nan),
        coherence=_bands(merged / "topophase.cor")[1],
        incidence=_bands(merged / "los.rdr")[0],
        longitude=_cells(_bands(merged / "lon.rdr.full")[0], phase.shape),
        latitude=_cells(_bands(merged / "lat.rdr.full")[0], phase.shape),
        baselines=tuple(float(value) for value in _BASELINE.findall(log)),
    )


def _bands(path: Path) -> np.ndarray:
    with quietly(), rasterio.open(f"{path}.vrt") as dataset:
        return dataset.read()


def _cells(full: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mean of the look cells."""
    rows, columns = shape
    cut = full[: rows * AZIMUTH_LOOKS, : columns * RANGE_LOOKS]
    return cut.reshape(rows, AZIMUTH_LOOKS, columns, RANGE_LOOKS).mean(axis=(1, 3))
