"""Points in a table of text: separators, decimal commas, names of columns and encodings as people have them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.user_files import MEGABYTE, OddFileError, kind_of, odd_encoding, read_bytes
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.vector_file import short

_MOST_BYTES = 256 * MEGABYTE
_LONGITUDE = ("lon", "longitude", "long", "lng", "lon_deg", "longitude_deg", "x_lon")
_LATITUDE = ("lat", "latitude", "lat_deg", "latitude_deg", "y_lat")
_X = ("x", "easting", "x_coord", "xcoord", "x_utm", "utm_x", "e_utm")
_Y = ("y", "northing", "y_coord", "ycoord", "y_utm", "utm_y", "n_utm")
_SHAPE = ("wkt", "geometry", "geom", "the_geom")
_SEPARATORS = ",;\t|"
_NOTHING = {"", "nan", "na", "n/a", "null", "none", "-", "--"}
REMEDY = "Give a table whose first line names its columns: name,lon,lat (degrees), or name,x,y with --crs EPSG:n."


@dataclass(frozen=True)
class PointTable:
    """What a table holds.

    Attributes
    ----------
    geometries : list of shapely geometry or None
        As they were written, in the coordinate reference system; None where there is none.
    columns : dict of str to list
        Text of the other columns.
    labels : sequence of str
        What each row is called in messages.
    reasons : dict of int to str
        Why a row, from 0, has no geometry.
    degrees : bool
        Whether its columns are those of longitude and latitude.
    notes : tuple of str
        How it was read, where that is not plain.
    """

    geometries: list[BaseGeometry | None]
    columns: dict[str, list[Any]]
    labels: Sequence[str]
    reasons: dict[int, str]
    degrees: bool
    notes: tuple[str, ...]


class RowLabels(Sequence[str]):
    """What rows are called in messages: made when they are asked for, since there may be very many."""

    def __init__(self, numbers: Sequence[int], names: Sequence[str] | None) -> None:
        self._numbers, self._names = numbers, names

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        """Return the label of a row, from 0, or those of several."""
        if isinstance(row, slice):
            return RowLabels(self._numbers[row], None if self._names is None else self._names[row])
        name = self._names[row] if self._names is not None else ""
        return f"line {self._numbers[row]}" + (f" ({short(name, 40)})" if name else "")


def read_point_table(path: Path) -> PointTable:
    """Read a table of points.

    Parameters
    ----------
    path : Path
        Text with a header; commas, semicolons, tabs, bars or blanks between the columns, decimal points or commas.
        Lines that start with ``#`` are passed over. It is UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    UsageError
        When it is not such a table; the message names the line.
    """
    text, notes = _text(path)
    numbers, lines = _lines(text)
    if not lines:
        raise _wrong(path, "It is empty.")
    separator = _separator(lines[0])
    (first,) = _rows(path, lines[:1], separator)
    header = [cell.strip() for cell in first]
    x, y, shape = _place_columns(path, header)
    numbers, lines = numbers[1:], lines[1:]
    if not lines:
        raise _wrong(path, "It has a header and no points.")
    cells = _columns(path, header, lines, numbers, separator)
    cells = [cell if k in {x, y} else list(map(str.strip, cell)) for k, cell in enumerate(cells)]
    kept = {name or f"column_{k + 1}": list(cells[k]) for k, name in enumerate(header) if k not in {x, y, shape}}
    named = next((kept[name] for name in kept if name.lower() in {"name", "id", "station", "site", "label"}), None)
    labels = RowLabels(numbers, named)
    if shape is not None:
        geometries, reasons = _shapes(cells[shape])
        return PointTable(geometries, kept, labels, reasons, True, tuple(notes))
    places, reasons, commas = _numbers(header, cells, x, y)
    if commas:
        notes.append(f"{path} has decimal commas: they were read as such.")
    points: list[BaseGeometry | None] = [None] * len(lines)
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    made: Any = shapely.points(places[known])
    for k, point in zip(known.tolist(), made, strict=True):
        points[k] = point
    return PointTable(points, kept, labels, reasons, header[x].lower() in _LONGITUDE, tuple(notes))


def _text(path: Path) -> tuple[str, list[str]]:
    try:
        content = read_bytes(path, _MOST_BYTES)
    except OddFileError as error:
        raise _wrong(path, error.cause) from error
    except OSError as error:
        raise _wrong(path, f"It cannot be read: {error.strerror or error}.") from error
    if not content:
        raise _wrong(path, "It is empty.")
    encoding = odd_encoding(content)
    if encoding:
        try:
            return content.decode(encoding.lower()), [f"{path} is {encoding} text: it was read as such."]
        except UnicodeDecodeError as error:
            raise _wrong(path, f"It looks like {encoding} text, and is not.") from error
    kind = kind_of(content[:1024])
    if kind and not kind.startswith("is JSON"):
        raise _wrong(path, f"It {kind}.")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        told = f"{path} is not UTF-8 (line {line}): its text was read as Windows-1252."
        return content.decode("cp1252", errors="replace"), [told]


def _lines(text: str) -> tuple[Sequence[int], list[str]]:
    """Return the lines that are neither empty nor a comment, and their numbers from 1."""
    lines = text.splitlines()
    if "#" not in text and all(map(str.strip, lines)):
        return range(1, len(lines) + 1), lines
    kept = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    return [k + 1 for k in kept], [lines[k] for k in kept]


def _separator(header: str) -> str:
    """Return what is between the columns; empty for blanks."""
    plain = re.sub(r'"[^"]*"', "", header)
    separator = max(_SEPARATORS, key=plain.count)
    return separator if plain.count(separator) else ""


def _rows(path: Path, lines: Sequence[str], separator: str) -> list[list[str]]:
    if not separator:
        return [line.split() for line in lines]
    try:
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise _wrong(path, f"It cannot be split into columns: {error}.") from error


def _columns(
    path: Path, header: Sequence[str], lines: Sequence[str], numbers: Sequence[int], separator: str
) -> list[list[str]]:
    """Return the columns of lines, of which some may be short."""
    count = len(header)
    together = separator.join(lines) if separator else '"'
    if '"' not in together and all(line.count(separator) == count - 1 for line in lines):
        cells = together.split(separator)  # no list for each of very many lines
        return [cells[k::count] for k in range(count)]
    rows = _rows(path, lines, separator)
    _check_width(path, header, rows, numbers)
    return [[row[k].strip() if k < len(row) else "" for row in rows] for k in range(count)]


def _place_columns(path: Path, header: Sequence[str]) -> tuple[int, int, int | None]:
    """Return the columns of x and y, or that of WKT."""
    lower = [name.lower().strip("\"' ") for name in header]
    for names in ((_LONGITUDE, _LATITUDE), (_X, _Y)):
        found = [next((lower.index(name) for name in kind if name in lower), None) for kind in names]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1], None
    shape = next((lower.index(name) for name in _SHAPE if name in lower), None)
    if shape is not None:
        return -1, -1, shape
    if all(_is_number(name) for name in header):
        cause = (
            f"Its first line has numbers ({short(' '.join(header), 60)}) where the names of the columns should be."
        )
        raise _wrong(path, cause)
    told = short(", ".join(header), 200)
    raise _wrong(path, f"Its columns are: {told}. Of longitude and latitude, or x and y, not both are there.")


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _check_width(path: Path, header: Sequence[str], body: Sequence[Sequence[str]], numbers: Sequence[int]) -> None:
    if max(map(len, body)) <= len(header):
        return
    wide = next((k for k, row in enumerate(body) if any(cell.strip() for cell in row[len(header) :])), None)
    if wide is None:
        return
    cause = f"Line {numbers[wide]} has {len(body[wide])} columns, and the header {len(header)}."
    if len(body[wide]) > len(header) and all(_is_number(cell) for cell in body[wide][-2:]):
        cause += " Decimal commas beside commas as separators cannot be told apart."
        raise UsageError(
            f"{path} is not a table of points.",
            cause,
            "Write decimals with a point, or separate columns by semicolons.",
        )
    raise _wrong(path, cause)


def _numbers(
    header: Sequence[str], cells: Sequence[Sequence[str]], x: int, y: int
) -> tuple[NDArray[np.float64], dict[int, str], bool]:
    """Return x and y of each row, shape (n, 2), why some have none, and whether they have decimal commas."""
    places = np.full((len(cells[x]), 2), np.nan)
    reasons: dict[int, str] = {}
    commas = False
    for axis, column in enumerate((x, y)):
        texts = cells[column]
        try:
            places[:, axis] = list(map(float, texts))
        except ValueError:
            for row, text in enumerate(texts):
                value, comma = _number(text)
                commas |= comma
                places[row, axis] = value
        for row in np.flatnonzero(~np.isfinite(places[:, axis])).tolist():
            told = "nothing" if texts[row].strip().lower() in _NOTHING else f"{short(texts[row].strip(), 20)!r}"
            reasons.setdefault(row, f"{told} in {header[column]}")
    return places, reasons, commas


def _number(text: str) -> tuple[float, bool]:
    """Read a number as people write it, and tell whether it had a decimal comma; NaN where it is none."""
    plain = re.sub(r"[\s\u00a0\u202f']", "", text).replace("\N{MINUS SIGN}", "-").rstrip("°")
    comma = "," in plain and plain.rfind(",") > plain.rfind(".")
    plain = plain.replace(".", "").replace(",", ".") if comma else plain.replace(",", "")
    try:
        return float(plain), comma
    except ValueError:
        return np.nan, False


def _shapes(texts: Sequence[str]) -> tuple[list[BaseGeometry | None], dict[int, str]]:
    found: list[BaseGeometry | None] = []
    reasons: dict[int, str] = {}
    for row, text in enumerate(texts):
        shape = None
        try:
            shape = shapely.from_wkt(text) if text else None
        except (shapely.errors.ShapelyError, NotImplementedError):
            reasons[row] = f"no WKT: {short(text, 30)!r}"
        if shape is None or shape.is_empty:
            reasons.setdefault(row, "no geometry")
            shape = None
        found.append(shape)
    return found, reasons


def _wrong(path: Path, cause: str) -> UsageError:
    return UsageError(f"{path} is not a table of points.", cause, REMEDY)
