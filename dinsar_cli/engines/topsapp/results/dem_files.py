"""The DEM as ISCE2 reads it: samples, a header that counts positions at the samples, and a VRT for GDAL.

GDAL's own ISCE driver is no help: its header keeps six significant digits (shifts of up to 13 m) and does not name
the vertical reference, without which topsApp adds the geoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from lxml import etree
from lxml.etree import _Element
from rasterio import Affine
from rasterio.errors import RasterioIOError

from dinsar_cli.base.files import atomic_path
from dinsar_cli.base.user_files import read_xml
from dinsar_cli.engines.topsapp.results import half_turn as halfturn
from dinsar_cli.engines.topsapp.settings.file_names import DEM_NAME
from dinsar_cli.engines.topsapp.settings.properties import Scalar, isce_text
from dinsar_cli.errors import EngineError, NoDataError, ResourceError, UsageError
from dinsar_cli.geo.heights.dem_file import open_dem

_BLOCK_PIXELS = 4_000_000  # 16 MB
_TOLERANCE = 1e-12  # degrees


class IsceDemHeader(NamedTuple):
    """What ISCE2 knows of a DEM.

    Attributes
    ----------
    first_lon, first_lat : float
        Position of the first sample, the centre of GDAL's first pixel (degrees).
    delta_lon, delta_lat : float
        Steps from sample to sample; `delta_lat` is negative (degrees).
    width, length : int
        Number of samples.
    reference : str
        ``WGS84``: heights above the ellipsoid; ``EGM96``: topsApp adds the geoid.
    """

    first_lon: float
    first_lat: float
    delta_lon: float
    delta_lat: float
    width: int
    length: int
    reference: str


def write_isce_dem(dem: Path, folder: Path, *, turned: bool = False) -> Path:
    """Write a DEM for ISCE2.

    Parameters
    ----------
    dem : Path
        One band of heights above the WGS84 ellipsoid in metres, EPSG:4326, north up, without voids.
    folder : Path
        Existing folder for ``dem.wgs84``, ``dem.wgs84.xml`` and ``dem.wgs84.vrt``; older ones are replaced.
    turned : bool
        Whether it is for the turned Earth (`dinsar_cli.engines.topsapp.results.half_turn`).

    Returns
    -------
    Path
        ``dem.wgs84``, absolute: topsApp's ``demFilename``.

    Raises
    ------
    UsageError
        If `dem` is missing, not a raster, or has another layout or CRS.
    NoDataError
        If it has voids or cannot be read to its end.
    EngineError
        If the header that was written does not give the same numbers back.
    ResourceError
        If the files cannot be written.
    """
    target = folder.absolute() / DEM_NAME
    header_file = target.with_name(f"{DEM_NAME}.xml")
    try:
        # The header comes last and the old one goes first: with it, the other two are whole.
        header_file.unlink(missing_ok=True)
        with open_dem(dem) as dataset:
            _check(dataset, dem)
            west = dataset.transform.c
            place = dataset.transform.translation(halfturn.turned(west) - west if turned else 0.0, 0.0)
            corner = place * dataset.transform
            header = _header(dataset, corner)
            _write_heights(dataset, dem, target)
            _write_xml(target.with_name(f"{DEM_NAME}.vrt"), _vrt(dataset, corner))
        _write_xml(header_file, _image(header, target))
    except OSError as error:
        raise ResourceError(
            f"The DEM for ISCE2 cannot be written into {folder}.",
            f"{error}.",
            "Free some disk, or choose another --workdir, and run the command again.",
        ) from error
    _compare(header, read_isce_dem_header(header_file), header_file)
    return target


def read_isce_dem_header(xml: Path) -> IsceDemHeader:
    """Read the header of a DEM for ISCE2.

    Parameters
    ----------
    xml : Path
        The ``.xml`` beside the samples.

    Raises
    ------
    EngineError
        If it cannot be read or lacks a value.
    """
    try:
        root = read_xml(xml)
        longitude, latitude = (_values(root, f"component[@name='coordinate{axis}']/") for axis in (1, 2))
        return IsceDemHeader(
            first_lon=float(longitude["startingvalue"]),
            first_lat=float(latitude["startingvalue"]),
            delta_lon=float(longitude["delta"]),
            delta_lat=float(latitude["delta"]),
            width=int(longitude["size"]),
            length=int(latitude["size"]),
            # what ISCE2 takes when nothing is said
            reference=_values(root).get("reference", "EGM96").upper(),
        )
    except (OSError, KeyError, ValueError) as error:
        raise EngineError(
            f"The header {xml} of a DEM for ISCE2 cannot be read.",
            f"{type(error).__name__}: {error}.",
            "Remove the file, so that it is written again.",
        ) from error


def _check(dataset: Any, dem: Path) -> None:
    """Refuse what ISCE2's header cannot say."""
    transform = dataset.transform
    faults = {
        f"It has {dataset.count} bands, not one": dataset.count != 1,
        f"Its CRS is {dataset.crs}, not EPSG:4326": dataset.crs is None or dataset.crs.to_epsg() != 4326,
        "Its rows do not run from west to east and from north to south": (
            transform.b or transform.d or transform.a <= 0 or transform.e >= 0
        ),
    }
    if found := [fault for fault, wrong in faults.items() if wrong]:
        raise UsageError(
            f"The DEM {dem} cannot be given to ISCE2.",
            f"{'; '.join(found)}.",
            "Give a north-up DEM in EPSG:4326, for example from: gdalwarp -t_srs EPSG:4326.",
        )


def _header(dataset: Any, corner: Affine) -> IsceDemHeader:
    return IsceDemHeader(
        first_lon=corner.c + 0.5 * corner.a,
        first_lat=corner.f + 0.5 * corner.e,
        delta_lon=corner.a,
        delta_lat=corner.e,
        width=dataset.width,
        length=dataset.height,
        reference="WGS84",
    )


def _write_heights(dataset: Any, dem: Path, target: Path) -> None:
    """Write the samples as little-endian float32, row by row, a block of rows at a time."""
    rows = max(_BLOCK_PIXELS // dataset.width, 1)
    with atomic_path(target) as part, part.open("wb") as file:
        for row in range(0, dataset.height, rows):
            try:
                heights = dataset.read(
                    1, window=((row, min(row + rows, dataset.height)), (0, dataset.width)), out_dtype="float32"
                )
            except RasterioIOError as error:
                raise NoDataError(
                    f"The DEM {dem} cannot be read.", f"{error}.", "Remove it, so that it is made again."
                ) from error
            void = ~np.isfinite(heights)
            if dataset.nodata is not None:
                void |= heights == np.float32(dataset.nodata)
            if void.any():
                raise NoDataError(
                    f"The DEM {dem} cannot be given to ISCE2.",
                    f"{void.sum()} of its pixels in the rows from {row} on have no height, which ISCE2 would use "
                    "as a number.",
                    "Fill its voids first, or give another DEM.",
                )
            file.write(heights.astype("<f4", copy=False).tobytes())


def _image(header: IsceDemHeader, target: Path) -> _Element:
    """Describe the samples as ISCE2's ``imageFile``."""
    image: dict[str, Scalar] = {
        "WIDTH": header.width,
        "LENGTH": header.length,
        "NUMBER_BANDS": 1,
        "DATA_TYPE": "FLOAT",
        "SCHEME": "BIP",
        "BYTE_ORDER": "l",
        "ACCESS_MODE": "read",
        "IMAGE_TYPE": "dem",
        "REFERENCE": header.reference,
        # absolute: topo looks for a relative one in its own folder
        "FILE_NAME": target,
        "EXTRA_FILE_NAME": f"{target}.vrt",
    }
    return _node(
        "imageFile",
        *_properties(image),
        _coordinate(1, header.first_lon, header.delta_lon, header.width),
        _coordinate(2, header.first_lat, header.delta_lat, header.length),
    )


def _coordinate(number: int, start: float, step: float, size: int) -> _Element:
    name = f"coordinate{number}"
    values: dict[str, Scalar] = {
        "name": name,
        "family": "imagecoordinate",
        "size": size,
        "startingvalue": start,
        "delta": step,
        "endingvalue": start + (size - 1) * step,
    }
    factory = _node("factorymodule", "isceobj.Image"), _node("factoryname", "createCoordinate")
    return _node("component", *factory, *_properties(values), name=name)


def _properties(values: Mapping[str, Scalar]) -> list[_Element]:
    return [_node("property", _node("value", isce_text(value)), name=name) for name, value in values.items()]


def _vrt(dataset: Any, corner: Affine) -> _Element:
    """Describe the same samples for GDAL, with its corner transform."""
    numbers = (corner.c, corner.a, 0.0, corner.f, 0.0, corner.e)
    band = _node(
        "VRTRasterBand",
        _node("Description", "height above the WGS84 ellipsoid"),
        _node("UnitType", "m"),
        _node("SourceFilename", DEM_NAME, relativeToVRT="1"),
        _node("ImageOffset", "0"),
        _node("PixelOffset", "4"),
        _node("LineOffset", str(4 * dataset.width)),
        _node("ByteOrder", "LSB"),
        dataType="Float32",
        band="1",
        subClass="VRTRawRasterBand",
    )
    return _node(
        "VRTDataset",
        _node("SRS", "EPSG:4326", dataAxisToSRSAxisMapping="2,1"),
        _node("GeoTransform", ", ".join(repr(float(number)) for number in numbers)),
        band,
        rasterXSize=str(dataset.width),
        rasterYSize=str(dataset.height),
    )


def _node(tag: str, /, *content: str | _Element, **attributes: str) -> _Element:
    """Build an element from text and children."""
    element = etree.Element(tag, attributes)
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


def _write_xml(path: Path, root: _Element) -> None:
    with atomic_path(path) as part:
        part.write_bytes(etree.tostring(root, pretty_print=True, encoding="UTF-8", xml_declaration=True))


def _values(root: _Element, prefix: str = "") -> dict[str, str]:
    """Return the values of the properties of an element by name: ISCE2 does not heed the case of names."""
    return {
        str(node.get("name")).lower(): (node.findtext("value") or node.text or "").strip()
        for node in root.findall(f"{prefix}property")
    }


def _compare(wanted: IsceDemHeader, found: IsceDemHeader, file: Path) -> None:
    """Make sure that what is read back is what was meant.

    Raises
    ------
    EngineError
        If a coordinate differs by more than 1e-12 degrees, or anything else at all.
    """
    same = all(abs(one - other) <= _TOLERANCE for one, other in zip(wanted[:4], found[:4], strict=True))
    if not same or wanted[4:] != found[4:]:
        raise EngineError(
            f"The header {file} does not say where the DEM is.",
            f"It gives {found}, and {wanted} was written.",
            "Remove the file and run the command again; if that does not help, report it.",
        )
