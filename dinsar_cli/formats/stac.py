"""``item.json``: the products as an item of a SpatioTemporal Asset Catalog (STAC 1.1.0).

Extensions: projection, view geometry, and where the scenes are known SAR and satellite.
"""

from __future__ import annotations

import json
import math
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from pyproj import CRS

from dinsar_cli.formats.citation import copernicus_notice
from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.geo.crs import is_code
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, Layer

FILE = "item.json"

_SPEED_OF_LIGHT = 299_792_458.0  # m/s
_EXTENSIONS = "https://stac-extensions.github.io"
_PROJECTION = f"{_EXTENSIONS}/projection/v2.0.0/schema.json"
_VIEW = f"{_EXTENSIONS}/view/v1.0.0/schema.json"
_SAR = f"{_EXTENSIONS}/sar/v1.0.0/schema.json"
_SAT = f"{_EXTENSIONS}/sat/v1.0.0/schema.json"
_REPORT = "report.html"  # of a run it comes after the item
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_OTHERS = {
    "displacement.png": ("image/png", "Displacement beside coherence", ["overview"]),
    "overview.kmz": ("application/vnd.google-earth.kmz", "Displacement over a globe", ["overview"]),
    "citation.txt": ("text/plain", "What to cite", ["metadata"]),
    _REPORT: ("text/html", "Report: checks, pictures, provenance", ["metadata"]),
}


def write_item(facts: ProductFacts) -> Path:
    """Write the item; its assets are the GeoTIFFs, and the overviews beside it or beside them."""
    return put(facts.output / FILE, json.dumps(stac_item(facts), indent=2, ensure_ascii=False) + "\n")


def stac_item(facts: ProductFacts) -> dict[str, Any]:
    """Return the item as a dictionary for JSON; addresses are relative to the folder that it is written into."""
    ring = _outline(facts)
    longitudes, latitudes = zip(*ring, strict=True)
    extensions, properties = _properties(facts)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": extensions,
        "id": facts.name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": properties,
        "links": [],
        "assets": _assets(facts),
    }


def azimuth_of(east: float, north: float) -> float:
    """Return the direction clockwise from north, 0 to 360 degrees."""
    return math.degrees(math.atan2(east, north)) % 360


def heading_of(direction: tuple[float, float, float]) -> float:
    """Return the flight direction of a satellite that looks to the right, clockwise from north, 0 to 360 degrees.

    Parameters
    ----------
    direction : (float, float, float)
        Vector from the ground to the satellite: it comes from 90 degrees left of the flight direction.
    """
    return (azimuth_of(direction[0], direction[1]) + 90) % 360


def is_ascending(heading: float) -> bool:
    """Tell whether a flight direction, degrees clockwise from north, goes north."""
    return math.cos(math.radians(heading)) > 0


def _outline(facts: ProductFacts) -> list[list[float]]:
    """Return the corners of the grid in degrees, counterclockwise and closed."""
    west, south, east, north = facts.grid.bounds
    x, y = np.array([(west, south), (east, south), (east, north), (west, north), (west, south)]).T
    return [
        [round(float(value), 9) for value in corner] for corner in zip(*facts.grid.to_lonlat(x, y), strict=True)
    ]


def _properties(facts: ProductFacts) -> tuple[list[str], dict[str, Any]]:
    grid, (first, second) = facts.grid, facts.dates
    extensions = [_PROJECTION]
    properties: dict[str, Any] = {
        "title": f"{facts.name}: ground displacement along the line of sight of Sentinel-1",
        "description": f"Positive toward the satellite, later minus earlier. {copernicus_notice(facts)}",
        "datetime": None,
        "start_datetime": _stamp(first),
        "end_datetime": _stamp(second),
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        **_system(grid),
        "proj:shape": list(grid.shape),
        "proj:bbox": list(grid.bounds),
        "proj:transform": list(grid.transform)[:6],
    }
    if facts.platform:
        properties["platform"] = facts.platform
    direction = facts.mean_direction()
    if direction is not None:
        extensions.append(_VIEW)
        properties["view:incidence_angle"] = round(math.degrees(math.acos(direction[2])), 3)
        properties["view:azimuth"] = round(azimuth_of(-direction[0], -direction[1]), 3)
    if facts.polarization:
        extensions.append(_SAR)
        properties |= _radar(facts)
    orbit = _orbit(facts, direction)
    if orbit:
        extensions.append(_SAT)
        properties |= orbit
    return extensions, properties


def _system(grid: Grid) -> dict[str, Any]:
    """Return the code of the system, or its WKT where it has none."""
    if is_code(grid.crs):
        return {"proj:code": grid.crs}
    return {"proj:code": None, "proj:wkt2": CRS.from_user_input(grid.crs).to_wkt()}


def _radar(facts: ProductFacts) -> dict[str, Any]:
    looks = facts.looks
    return {
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:center_frequency": round(_SPEED_OF_LIGHT / facts.wavelength / 1e9, 6),
        "sar:polarizations": [facts.polarization],
        "sar:product_type": "INSAR",
        "sar:observation_direction": "right",
    } | ({} if looks is None else {"sar:looks_range": looks[0], "sar:looks_azimuth": looks[1]})


def _orbit(facts: ProductFacts, direction: tuple[float, float, float] | None) -> dict[str, Any]:
    orbit: dict[str, Any] = {}
    if direction is not None:
        orbit["sat:orbit_state"] = "ascending" if is_ascending(heading_of(direction)) else "descending"
    if facts.track is not None:
        orbit["sat:relative_orbit"] = facts.track
    return orbit


def _assets(facts: ProductFacts) -> dict[str, Any]:
    assets = {name: _raster(LAYERS[name], _address(facts, path)) for name, path in facts.rasters.items()}
    for name, (kind, title, roles) in _OTHERS.items():
        there = [folder / name for folder in (facts.output, facts.folder) if (folder / name).is_file()]
        if there or (name == _REPORT and facts.report_follows):
            assets[name.partition(".")[0] if name != "displacement.png" else "map"] = {
                "href": _address(facts, there[0] if there else facts.folder / name),
                "type": kind,
                "title": title,
                "roles": roles,
            }
    return assets


def _address(facts: ProductFacts, path: Path) -> str:
    """Return the address of a file from the folder of the item on, as a part of an URL."""
    if path.parent == facts.output:
        return f"./{path.name}"
    return quote(Path(os.path.relpath(path.resolve(), facts.output.resolve())).as_posix())


def _raster(layer: Layer, address: str) -> dict[str, Any]:
    nodata = "nan" if math.isnan(layer.nodata) else layer.nodata
    bands = [
        {"name": band, "data_type": layer.dtype, "nodata": nodata}
        | ({} if layer.unit == "1" else {"unit": layer.unit})
        for band in layer.bands
    ]
    text = f"{layer.description}; {layer.sign}" if layer.sign else layer.description
    return {"href": address, "type": _COG, "title": layer.name, "description": text, "roles": ["data"]} | {
        "bands": bands
    }


def _stamp(date: datetime) -> str:
    return date.isoformat(timespec="microseconds").replace("+00:00", "Z")
