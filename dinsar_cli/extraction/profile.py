"""Profiles of maps along lines: values, and what a swath of ground across the line has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from dinsar_cli import __version__
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.extraction.cells import as_floats, read_cells
from dinsar_cli.extraction.extract import check_on_maps
from dinsar_cli.extraction.places import Places, read_places
from dinsar_cli.extraction.points import OTHER_COMPONENT, values_at
from dinsar_cli.extraction.source import NONE, Source
from dinsar_cli.extraction.sources import find_sources, unreadable
from dinsar_cli.extraction.table import Table, stacked
from dinsar_cli.geo.along import Along, across, along_line
from dinsar_cli.products.reader import Products

Array = NDArray[Any]
Floats = NDArray[np.float64]

PERCENTILES = (5, 16, 84, 95)
_MOST = 20_000_000  # cells of a swath


@dataclass(frozen=True)
class Profile:
    """A map along a line.

    Attributes
    ----------
    line : int
        Number of the line, from 1.
    name : str
        What it is called; empty where the file does not tell.
    source : Source
    along : Along
        Where its points are.
    values : dict of str to ndarray
        Columns, one value a point: those of `dinsar_cli.extraction.points.values_at`, and of the swath
        ``MOTION_swath_median``, ``MOTION_swath_p5`` to ``p95`` and ``swath_cells``.
    """

    line: int
    name: str
    source: Source
    along: Along
    values: dict[str, Array]

    def table(self) -> Table:
        """Return it as rows of a table."""
        size = self.along.distance.size
        first, last = self.source.dates or (None, None)
        own: dict[str, Array] = {
            "line": np.full(size, self.line, np.int64),
            "name": np.full(size, self.name or None, object),
            "distance_m": self.along.distance.round(3),
            "lon": self.along.lonlat[:, 0],
            "lat": self.along.lonlat[:, 1],
            "map": np.full(size, self.source.name, object),
            "first_date": np.full(size, first, object),
            "last_date": np.full(size, last, object),
        }
        if not self.name:
            del own["name"]
        shapes: Any = shapely.points(self.along.lonlat)
        return Table("profile", own | self.values, shapes)


@dataclass(frozen=True)
class Profiles:
    """All profiles, line by line, and what the user should know."""

    profiles: tuple[Profile, ...]
    warnings: tuple[str, ...]

    @property
    def table(self) -> Table:
        """All rows."""
        return stacked("profile", [profile.table() for profile in self.profiles])

    @property
    def record(self) -> dict[str, Any]:
        """What was done, as JSON holds it."""
        return {
            "dinsar": __version__,
            "maps": {one.source.name: one.source.as_record() for one in self.profiles},
            "warnings": list(self.warnings),
        }

    def of_line(self, line: int) -> list[Profile]:
        """Return those of a line."""
        return [profile for profile in self.profiles if profile.line == line]


def profiles_along(
    folders: Sequence[Path],
    line: str,
    *,
    crs: str | None = None,
    step: float | None = None,
    width: float | None = None,
    pairs: bool = False,
) -> Profiles:
    """Take the values of maps along lines.

    Parameters
    ----------
    folders : sequence of Path
        See `dinsar_cli.extraction.sources.find_sources`.
    line : str
        ``'lon lat lon lat ...'``, WKT, or a file with lines; points of a file, in their order, make one line.
    crs : str, optional
        Coordinate reference system of a file that does not tell its own.
    step : float, optional
        Metres between points; the size of a cell by default.
    width : float, optional
        Metres across of a swath.
    pairs : bool
        Whether pairs of a stack are taken although it has a series.

    Raises
    ------
    UsageError
        When an input is wrong.
    NoDataError
        When there is no map, or the line does not lie on one.
    """
    with Products() as files, bounded_raster_cache():
        found = find_sources(folders, files, pairs=pairs)
        places, names = _lines(read_places(line, crs))
        doubts = check_on_maps(places, found.sources)
        warnings = [*places.notes, *found.notes, *doubts, *(f"Left out: {text}." for text in places.left_out)]
        profiles = []
        for number, shape in enumerate(places.groups["line"].geometries, 1):
            for source in found.sources:
                along = along_line(shape, step or min(source.spacing))
                values = values_at(source, along.lonlat)
                if width is not None:
                    values |= _swath(source, along, width)
                profiles.append(Profile(number, names[number - 1], source, along, values))
    others = dict.fromkeys(one.source.name for one in profiles if (one.values["status"] == OTHER_COMPONENT).any())
    warnings += [
        f"{name}: parts of the line are in another component than the reference: whole cycles are unknown there."
        for name in others
    ]
    if not any(np.isfinite(one.values[motion]).any() for one in profiles for motion in one.source.motions):
        raise NoDataError(
            "The line crosses no values.",
            "No map has a displacement along it.",
            "Give a line over cells with values.",
        )
    return Profiles(tuple(profiles), tuple(warnings))


def _lines(places: Places) -> tuple[Places, list[str]]:
    """Return the lines of places, of which points make one; and their names."""
    group = places.groups.get("line")
    points = places.groups.get("point")
    if group is None and points is not None and len(points) > 1:
        shapes = np.empty(1, object)
        shapes[0] = shapely.LineString(points.lonlat)
        return Places(places.source, {"line": type(points)(shapes, {})}, places.left_out, places.notes), [""]
    if group is None:
        kinds = ", ".join(places.groups)
        raise UsageError(
            f"{places.source} has no line.",
            f"It has {kinds} only.",
            "Give 'lon lat lon lat ...', WKT (LINESTRING), or a file with lines or at least two points.",
        )
    named = next((group.columns[name] for name in group.columns if name.lower() in {"name", "id", "title"}), None)
    names = ["" if named is None or named[row] is None else str(named[row]) for row in range(len(group))]
    return Places(places.source, {"line": group}, places.left_out, places.notes), names


def _swath(source: Source, along: Along, width: float) -> dict[str, Array]:
    """Return median and percentiles of the cells across a line at each of its points."""
    lonlat, _ = across(along, width, min(source.spacing))
    size = lonlat.shape[:2]
    if size[0] * size[1] > _MOST:
        raise UsageError(
            f"A swath of {width:g} m has too many cells.",
            f"They are {size[0] * size[1]}; at most {_MOST} are taken.",
            "Give a smaller --width, or a larger --step.",
        )
    row, column, on = source.cells(lonlat.reshape(-1, 2))
    wanted = np.flatnonzero(on)
    result: dict[str, Array] = {}
    try:
        for motion in source.motions:
            band = source.bands[motion]
            values, nodata = read_cells(band.path, row[wanted], column[wanted])
            found = np.full(on.size, np.nan)
            found[wanted] = as_floats(values[band.band - 1], nodata) * band.scale
            labels = source.bands.get("component")
            if labels is not None and source.component is not None:
                same = read_cells(labels.path, row[wanted], column[wanted])[0][0] == source.component
                found[wanted[~same]] = np.nan
            result |= _statistics(motion, found.reshape(size))
    except RasterioError as error:
        raise unreadable(source.bands[source.main].path, error) from error
    return result


def _statistics(motion: str, values: Floats) -> dict[str, Array]:
    name, unit = motion.removesuffix("_m"), "_m" if motion.endswith("_m") else ""
    count = np.isfinite(values).sum(axis=1)
    known = count > 0
    table = np.full((len(PERCENTILES) + 1, len(values)), np.nan)
    if known.any():
        table[:, known] = np.nanpercentile(values[known], (50, *PERCENTILES), axis=1)
    words = ("median", *(f"p{percent}" for percent in PERCENTILES))
    found: dict[str, Array] = {f"{name}_swath_{word}{unit}": row for word, row in zip(words, table, strict=True)}
    found["swath_cells"] = np.where(known, count, NONE).astype(np.int64)
    return found
