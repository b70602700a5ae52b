"""Kinds of files with polygons or coordinate reference systems, by the ends of their names."""

from pathlib import Path

JSON_SUFFIXES = {".json", ".geojson"}
VECTOR_SUFFIXES = {".shp", ".zip", ".gpkg", ".kml", ".kmz"}
FILE_SUFFIXES = JSON_SUFFIXES | VECTOR_SUFFIXES
CRS_SUFFIXES = {".prj", ".wkt"}


def is_crs_file(value: object) -> bool:
    """Tell whether what was given for a coordinate reference system names a file."""
    return isinstance(value, str) and "[" not in value and Path(value).suffix.lower() in CRS_SUFFIXES
