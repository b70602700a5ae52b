"""Kinds of files with polygons, by the ends of their names."""

JSON_SUFFIXES = {".json", ".geojson"}
VECTOR_SUFFIXES = {".shp", ".zip", ".gpkg", ".kml", ".kmz"}
FILE_SUFFIXES = JSON_SUFFIXES | VECTOR_SUFFIXES
