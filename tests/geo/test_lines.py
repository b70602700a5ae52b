"""The trace of a fault in any container, and what is no line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.lines import read_lines

TRACE = shapely.LineString([(-8.9, 31.3), (-8.85, 31.33), (-8.8, 31.32)])


def written(folder: Path, suffix: str, shape: shapely.Geometry = TRACE, crs: str = "EPSG:4326") -> Path:
    path = folder / f"trace{suffix}"
    names = np.array(["fault"], object)
    driver = {"driver": "KML"} if suffix == ".kml" else {}
    geometry = np.array([shape.wkb], object)
    pyogrio.raw.write(path, geometry, [names], ["Name"], geometry_type=shape.geom_type, crs=crs, **driver)
    return path


@pytest.mark.parametrize("suffix", [".geojson", ".shp", ".gpkg", ".kml"])
def test_the_same_line_in_any_file(tmp_path: Path, suffix: str) -> None:
    (part,) = read_lines(str(written(tmp_path, suffix)), "unwrap.cut").parts
    np.testing.assert_allclose(shapely.get_coordinates(part), shapely.get_coordinates(TRACE), atol=1e-9)


def test_a_projected_line_and_typed_ones() -> None:
    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32629", always_xy=True)
    utm = shapely.transform(TRACE, lambda xy: np.column_stack(to_utm.transform(xy[:, 0], xy[:, 1])))
    for text in (f"SRID=32629;{utm.wkt}", TRACE.wkt, json.dumps(shapely.geometry.mapping(TRACE))):
        lines = read_lines(text, "unwrap.cut")
        assert shapely.hausdorff_distance(lines.parts[0], TRACE) < 1e-4
        assert lines.length == pytest.approx(10_692, rel=1e-3)  # 5827 m and 4889 m by Vincenty, less rounding
        halves = lines.within((-8.85, 31.0, -8.0, 32.0))
        assert halves.length == pytest.approx(4889, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("POLYGON ((0 0, 1 0, 1 1, 0 0))", "contains Polygon"),
        ("MULTIPOINT ((0 0), (1 1))", "no line of any length"),
        ("LINESTRING (3 3, 3 3)", "no line of any length"),
        ("LINESTRING (31 -98, 32 -97)", "may be swapped"),
        ("GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1), POLYGON ((0 0, 1 0, 1 1, 0 0)))", "contains Polygon"),
        ("nothere.geojson", "no such file"),
        ("LINESTRING (0 0, a b)", "WKT"),
    ],
)
def test_what_is_no_line_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_lines(text, "unwrap.cut")
    assert told in f"{caught.value.problem} {caught.value.cause}"
    assert "LINESTRING" in caught.value.remedy
