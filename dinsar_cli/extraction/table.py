"""Tables of what was extracted, and the files that they become: CSV, GeoPackage, GeoJSON and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dinsar_cli.base.files import not_writable
from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.source import NONE

Array = NDArray[Any]

_GEOPACKAGE, _GEOJSON, _JSON, _CSV = ".gpkg", ".geojson", ".json", ".csv"
SUFFIXES: Final = (_CSV, _GEOPACKAGE, _GEOJSON, _JSON)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d*)?([eE][+-]?\d{1,3})?")


@dataclass(frozen=True)
class Table:
    """Rows of one kind of places.

    Attributes
    ----------
    kind : str
        ``points``, ``lines`` or ``areas``: also the name of the layer in a GeoPackage.
    columns : dict of str to ndarray
        All of one length: floating-point numbers (NaN: none), whole numbers (`NONE`: none), or objects (text or
        None).
    geometries : ndarray of shapely geometries
        Longitude and latitude in degrees.
    """

    kind: str
    columns: dict[str, Array]
    geometries: Array

    def __len__(self) -> int:
        return len(self.geometries)


def stacked(kind: str, tables: Sequence[Table]) -> Table:
    """Return the rows of tables below each other, with the columns of all."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {}
    for name in names:
        like = next(table.columns[name] for table in tables if name in table.columns)
        columns[name] = np.concatenate([table.columns.get(name, _nothing(like, len(table))) for table in tables])
    return Table(kind, columns, np.concatenate([table.geometries for table in tables]))


def _nothing(like: Array, count: int) -> Array:
    if like.dtype.kind == "f":
        return np.full(count, np.nan, like.dtype)
    return np.full(count, NONE if like.dtype.kind == "i" else None, like.dtype)


def texts_of(values: Array) -> list[str]:
    """Return the text of a column: of single precision nine digits, which are that number and no other."""
    if values.dtype.kind == "f":
        form = "%.9g" if values.dtype.itemsize <= 4 else "%.10g"
        texts = list(map(form.__mod__, (values + values.dtype.type(0)).tolist()))  # without -0
        for row in np.flatnonzero(~np.isfinite(values)).tolist():
            texts[row] = ""
        return texts
    if values.dtype.kind == "i":
        return ["" if value == NONE else str(value) for value in values.tolist()]
    return ["" if value is None or value != value else str(value) for value in values.tolist()]  # noqa: PLR0124 (NaN)


def values_of(values: Array) -> list[Any]:
    """Return a column as JSON has it."""
    if values.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values.tolist()]
    if values.dtype.kind == "i":
        return [None if value == NONE else value for value in values.tolist()]
    plain = (str, int, float, type(None))
    known = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values.tolist()]
    return [value if isinstance(value, plain) else str(value) for value in known]


def csv_text(tables: Sequence[Table]) -> str:
    """Return tables as CSV, below each other with the columns of all."""
    table = stacked("all", tables) if len(tables) > 1 else tables[0]
    columns = [_quoted(name, texts_of(values)) for name, values in table.columns.items()]
    return "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"


def _quoted(name: str, texts: list[str]) -> list[str]:
    """Return a column with its name, in quotes where a text needs them: few do, and there may be very many."""
    column = [name, *texts]
    together = "".join(column)
    if not any(mark in together for mark in '",\r\n'):
        return column
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\x00")
    # a row of one empty text would be written as two quotes
    writer.writerows([text] if text else ("", "") for text in column)
    return [text if text != "," else "" for text in buffer.getvalue().split("\x00")[:-1]]


def rows_of(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON has them."""
    columns = {name: values_of(values) for name, values in table.columns.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def json_text(tables: Sequence[Table], record: Mapping[str, Any]) -> str:
    """Return a JSON document of what was done and all rows."""
    body = dict(record) | {table.kind: rows_of(table) for table in tables}
    return json.dumps(body, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def check_output(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse a file that could not be written, before anything is read.

    Raises
    ------
    UsageError
        When its ending is unknown, its folder is not there, or it is one of the inputs.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"--output {path} has no known format.",
            f"The ending decides on it: {', '.join(SUFFIXES)}.",
            f"Give a name such as {path.with_suffix('').name or 'values'}.csv.",
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        cause = "It is a folder." if path.is_dir() else f"There is no folder {path.parent}."
        raise UsageError(
            f"--output {path} cannot be written.", cause, "Give the name of a file in a folder that is there."
        )
    if any(path.exists() and other.exists() and path.samefile(other) for other in inputs):
        raise UsageError(
            f"--output {path} is one of the files that are read.", "It would be replaced.", "Give another name."
        )


def write_tables(path: Path, tables: Sequence[Table], record: Mapping[str, Any]) -> None:
    """Write tables into a file, whose format its ending tells; it has its name only when it is complete.

    Raises
    ------
    UsageError
        When it cannot be written.
    """
    suffix = path.suffix.lower()
    makers: dict[str, Callable[[Path], None]] = {
        _CSV: lambda part: _write_text(part, csv_text(tables)),
        _JSON: lambda part: _write_text(part, json_text(tables, record)),
        _GEOJSON: lambda part: _write_layers(part, [_together(tables)], "GeoJSON", record),
        _GEOPACKAGE: lambda part: _write_layers(part, tables, "GPKG", record),
    }
    try:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=path.absolute().parent) as folder:
            part = Path(folder) / path.name
            makers[suffix](part)
            part.replace(path)
    except OSError as error:
        raise not_writable(path.absolute().parent, error) from error


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _together(tables: Sequence[Table]) -> Table:
    return stacked("values", tables) if len(tables) > 1 else tables[0]


def _write_layers(path: Path, tables: Sequence[Table], driver: str, record: Mapping[str, Any]) -> None:
    import pyogrio

    for number, table in enumerate(tables):
        # GDAL writes single precision into GeoJSON with fewer digits than it has
        wide = {name: v.astype(np.float64) if v.dtype.kind == "f" else v for name, v in table.columns.items()}
        own = wide if driver == "GeoJSON" else table.columns
        columns = {name: _typed(values) for name, values in _named_for_files(own).items()}
        shapes = table.geometries
        kinds = {shape.geom_type for shape in shapes}
        if kinds == {"Polygon", "MultiPolygon"}:
            shapes = np.array(
                [shapely.MultiPolygon([s]) if s.geom_type == "Polygon" else s for s in shapes], object
            )
            kinds = {"MultiPolygon"}
        options: dict[str, Any] = {"append": number > 0}
        if driver == "GPKG":
            options["dataset_options"] = {"VERSION": "1.2"}  # which all readers know
            options["layer_metadata"] = {"dinsar": json.dumps(record, ensure_ascii=False)}
        pyogrio.raw.write(
            str(path),
            shapely.to_wkb(shapes),
            [values for values, _ in columns.values()],
            list(columns),
            field_mask=[mask for _, mask in columns.values()],
            layer=table.kind,
            driver=driver,
            crs="EPSG:4326",
            geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
            **options,
        )


def _named_for_files(columns: Mapping[str, Array]) -> dict[str, Array]:
    """Return columns without names that the formats keep for themselves, or that differ by their case alone."""
    result: dict[str, Array] = {}
    seen = {"fid", "geom", "ogc_fid"}
    for name, values in columns.items():
        own = name
        while own.lower() in seen:
            own = f"{own}_1" if own != name else f"input_{own}"
        seen.add(own.lower())
        result[own] = values
    return result


def _typed(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return a column in the type of a file, and which of its values are none; text of numbers alone as numbers."""
    if values.dtype.kind == "f":
        return values, ~np.isfinite(values)
    if values.dtype.kind == "i":
        return values, values == NONE
    texts = [text or None for text in texts_of(values)]
    mask = np.array([text is None for text in texts], bool)
    known = [text for text in texts if text is not None]
    if known and all(_WHOLE.fullmatch(text) for text in known):
        return np.array([int(text or 0) for text in texts], np.int64), mask
    if known and all(_DECIMAL.fullmatch(text) for text in known):
        return np.array([float(text or 0) for text in texts], np.float64), mask
    return np.array(["" if text is None else text for text in texts], object), mask
