"""Extract the values of maps at places: read the places, find the maps, take the values, say what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from dinsar_cli import __version__
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.extraction.cells import Around
from dinsar_cli.extraction.places import Group, Places, read_places, swapped
from dinsar_cli.extraction.points import NO_DATA, OK, OTHER_COMPONENT, OUTSIDE, values_at
from dinsar_cli.extraction.source import Source
from dinsar_cli.extraction.sources import Found, find_sources
from dinsar_cli.extraction.table import Table, stacked
from dinsar_cli.geo.along import along_line
from dinsar_cli.products.reader import Products

if TYPE_CHECKING:
    from dinsar_cli.extraction.noise import Noise

Array = NDArray[Any]

_NAMED = 8  # that a message names
_ASSUMING = {"vertical_displacement_m"}
_MOST_AROUND = 1_000_000  # cells around a place


@dataclass(frozen=True)
class Choices:
    """How values are taken.

    Attributes
    ----------
    crs : str or None
        Coordinate reference system of places that do not tell theirs.
    window : int or None
        Cells on a side, an odd number, of a square around each point.
    radius : float or None
        Metres around each point.
    step : float or None
        Metres between points along lines; the size of a cell by default.
    pairs : bool
        Whether pairs of a stack are taken although it has a series.
    columns : tuple of str
        Of the maps, that are wanted beside motion and component; empty for all but those that assume something.
    """

    crs: str | None = None
    window: int | None = None
    radius: float | None = None
    step: float | None = None
    pairs: bool = False
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.window is not None and self.radius is not None:
            raise UsageError(
                "--window and --radius exclude each other.", "Both say what is around a point.", "Give one of them."
            )
        if self.window is not None and (self.window < 1 or self.window % 2 == 0):
            raise UsageError(
                f"--window {self.window} has no cell in its middle.",
                "It is the cells on a side of a square around the cell of a point.",
                f"Give an odd number, such as {max(1, self.window) | 1}.",
            )

    def of(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """Return maps with the columns that are wanted.

        Raises
        ------
        UsageError
            When no map has one of them.
        """
        known = dict.fromkeys(name for source in sources for name in source.bands)
        unknown = [name for name in self.columns if name not in known]
        if unknown:
            raise UsageError(
                f"--columns {unknown[0]} is in no map.", f"They have {', '.join(known)}.", "Give one of these."
            )
        wanted = set(self.columns or known) - (set() if self.columns else _ASSUMING)
        result = []
        for source in sources:
            kept = wanted | set(source.motions) | {"component"}
            result.append(replace(source, bands={name: b for name, b in source.bands.items() if name in kept}))
        return tuple(result)

    def around(self, source: Source) -> Around | None:
        """Return the cells around a cell of a map; None where none are asked for."""
        found = None
        if self.window is not None:
            found = self.window**2
        if self.radius is not None:
            down, right = source.spacing
            found = round(4 * (self.radius / down + 1) * (self.radius / right + 1))
        if found is None:
            return None
        if found > _MOST_AROUND:
            raise UsageError(
                f"{found} cells around each point are too many.",
                f"At most {_MOST_AROUND} are taken; a cell has {source.spacing[0]:.0f} m.",
                "Give a smaller --window or --radius, or a polygon.",
            )
        return Around.square(self.window) if self.window else Around.circle(self.radius or 0.0, source.spacing)


@dataclass(frozen=True)
class Extracted:
    """What was extracted.

    Attributes
    ----------
    tables : tuple of Table
        Of points, lines and areas, those that there are: a row for each place and map.
    record : dict
        What was done, as JSON holds it: maps, noise, counts and what was left out.
    warnings : tuple of str
        What the user should know.
    summary : tuple of str
        Lines that count what was done.
    """

    tables: tuple[Table, ...]
    record: dict[str, Any]
    warnings: tuple[str, ...]
    summary: tuple[str, ...]

    @property
    def columns(self) -> dict[str, Array]:
        """All rows, by column: what `pandas.DataFrame` takes."""
        return stacked("all", self.tables).columns


def values_of_places(folders: Sequence[Path], places: str | Places, choices: Choices) -> Extracted:
    """Extract the values of maps at places.

    Parameters
    ----------
    folders : sequence of Path
        See `dinsar_cli.extraction.sources.find_sources`.
    places : str or Places
        See `dinsar_cli.extraction.places.read_places`.
    choices : Choices

    Raises
    ------
    UsageError
        When an input is wrong, or longitude and latitude seem swapped.
    NoDataError
        When there is no map, or no place lies on one.
    """
    with Products() as files, bounded_raster_cache():
        # what is asked for, and where
        found = find_sources(folders, files, pairs=choices.pairs)
        found = replace(found, sources=choices.of(found.sources))
        wanted = read_places(places, choices.crs) if isinstance(places, str) else places
        found = replace(found, notes=(*found.notes, *check_on_maps(wanted, found.sources)))
        # the values, map by map
        tables: dict[str, list[Table]] = {}
        noises: dict[str, Noise] = {}
        for source in found.sources:
            for kind, group in wanted.groups.items():
                if kind == "area":
                    noises |= _noises_of(source, group)
                table = _table(kind, group, source, choices, noises)
                tables.setdefault(table.kind, []).append(table)
        whole = tuple(_with_plain_names(stacked(kind, parts)) for kind, parts in tables.items())
    return _told(whole, wanted, found, noises, choices)


def check_on_maps(places: Places, sources: Sequence[Source]) -> list[str]:
    """Refuse places of which none is on a map, or most are if longitude and latitude are swapped.

    Returns
    -------
    list of str
        That some would lie on a map so, where the others do not.

    Raises
    ------
    UsageError
        When they seem swapped.
    NoDataError
        When none is on a map.
    """
    lonlat = np.concatenate([shapely.get_coordinates(group.geometries) for group in places.groups.values()])
    on, turned = (np.any([_on(source, given) for source in sources], axis=0) for given in (lonlat, lonlat[:, ::-1]))
    if turned.sum() > on.sum():
        lon, lat = lonlat[np.flatnonzero(turned)[0]]
        why = (
            f"{turned.sum()} of {len(lonlat)} positions lie on the map if the first number is the latitude, and "
            f"{on.sum()} if it is the longitude; the first of them is longitude {lon:.6g}, latitude {lat:.6g}"
        )
        raise swapped(places.source, why)
    if not on.any() and not _touches(places, sources):
        west, south, east, north = _lonlat_bounds(sources[0])
        lon, lat = lonlat[0]
        more = f" (that of {sources[0].name})" if len(sources) > 1 else ""
        raise NoDataError(
            f"No place of {places.source} lies on the map.",
            f"The map{more} covers longitude {west:.4f} to {east:.4f}, latitude {south:.4f} to {north:.4f}; the "
            f"first place is at longitude {lon:.6g}, latitude {lat:.6g}.",
            "Check coordinates and --crs, or give the folder of a map that covers them.",
        )
    doubtful = int((turned & ~on).sum())
    return [f"{doubtful} positions beside the map would lie on it with longitude and latitude swapped."] * bool(
        doubtful
    )


def _on(source: Source, lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which places lie on a map."""
    possible = np.abs(lonlat[:, 1]) <= 90
    on = np.zeros(len(lonlat), bool)
    on[possible] = source.cells(lonlat[possible])[2]
    return on


def _touches(places: Places, sources: Sequence[Source]) -> bool:
    """Tell whether an area or line meets a map although none of its corners lies on it."""
    boxes = shapely.union_all([shapely.box(*_lonlat_bounds(source)) for source in sources])
    return any(
        bool(shapely.intersects(group.geometries, boxes).any())
        for kind, group in places.groups.items()
        if kind != "point"
    )


def _lonlat_bounds(source: Source) -> tuple[float, float, float, float]:
    height, width = source.shape
    t = np.linspace(0, 1, 21)
    ends = np.zeros(21), np.ones(21)
    row = np.concatenate([ends[0], ends[1], t, t]) * height - 0.5
    column = np.concatenate([t, t, ends[0], ends[1]]) * width - 0.5
    longitude, latitude = source.to_lonlat(row, column)
    return float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())


def _table(kind: str, group: Group, source: Source, choices: Choices, noises: Mapping[str, Noise]) -> Table:
    if kind == "area":
        own = _kept(group, np.arange(len(group)))
        values = _area_values(source, group, noises)
        return Table("areas", own | _of_map(source, len(group)) | values, group.geometries)
    if kind == "line":
        return _line_table(group, source, choices)
    lonlat = group.lonlat
    own = _kept(group, np.arange(len(group))) | {"lon": lonlat[:, 0], "lat": lonlat[:, 1]}
    values = values_at(source, lonlat, choices.around(source))
    return Table("points", own | _of_map(source, len(group)) | values, group.geometries)


def _area_values(source: Source, group: Group, noises: Mapping[str, Noise]) -> dict[str, Array]:
    """Return the columns of areas for each motion of a map; of what two share the second has its name before."""
    from dinsar_cli.extraction.areas import area_table

    values: dict[str, Array] = {}
    for motion in source.motions:
        more = area_table(source.first(motion), group.geometries, noises[_noise_name(source, motion)])
        before = motion.removesuffix("_m")
        for name, column in more.items():
            own = name in values and name.startswith(("noise_", "min_", "max_"))
            values.setdefault(f"{before}_{name}" if own else name, column)
    return values


def _noises_of(source: Source, group: Group) -> dict[str, Noise]:
    """Return the noise of each motion of a map, outside of areas."""
    from dinsar_cli.extraction.noise import noise_of

    shapes = list(group.geometries)
    return {_noise_name(source, motion): noise_of(source.first(motion), shapes) for motion in source.motions}


def _noise_name(source: Source, motion: str) -> str:
    return source.name if len(source.motions) == 1 else f"{source.name}, {motion.removesuffix('_m')}"


def _line_table(group: Group, source: Source, choices: Choices) -> Table:
    """Return the values at points along lines."""
    step = choices.step or min(source.spacing)
    lines = [along_line(shape, step) for shape in group.geometries]
    sizes = [line.distance.size for line in lines]
    lonlat = np.concatenate([line.lonlat for line in lines])
    number = np.repeat(np.arange(len(lines)), sizes)
    own = _kept(group, number) | {
        "line": number + 1,
        "distance_m": np.concatenate([line.distance for line in lines]),
        "lon": lonlat[:, 0],
        "lat": lonlat[:, 1],
    }
    values = values_at(source, lonlat, choices.around(source))
    shapes: Any = shapely.points(lonlat)
    return Table("lines", own | _of_map(source, number.size) | values, shapes)


_GIVEN = "\0"  # before the names of columns of the file, until all others are known


def _kept(group: Group, rows: NDArray[np.int64]) -> dict[str, Array]:
    """Return what the file told of each place."""
    found: dict[str, Array] = {}
    for name, values in group.columns.items():
        column = np.empty(len(values), object)
        column[:] = values
        found[_GIVEN + name] = column[rows]
    return found


def _with_plain_names(table: Table) -> Table:
    """Return a table in which columns of the file have their names, after ``input_`` where values have the same."""
    taken = {name.lower() for name in table.columns if not name.startswith(_GIVEN)}
    columns = {}
    for name, values in table.columns.items():
        plain = name.removeprefix(_GIVEN)
        same = name.startswith(_GIVEN) and plain.lower() in taken
        columns[f"input_{plain}" if same else plain] = values
    return replace(table, columns=columns)


def _of_map(source: Source, count: int) -> dict[str, Array]:
    first, last = source.dates or (None, None)
    return {
        name: np.full(count, value, object)
        for name, value in (("map", source.name), ("first_date", first), ("last_date", last))
    }


def _told(
    tables: tuple[Table, ...], places: Places, found: Found, noises: Mapping[str, Noise], choices: Choices
) -> Extracted:
    """Count what was done, and say what should be known of it."""
    warnings = [*places.notes, *found.notes]
    if places.left_out:
        warnings.append(f"{len(places.left_out)} of {places.source} left out: {_listed(places.left_out)}.")
    counts: dict[str, dict[str, int]] = {}
    for table in tables:
        for name in dict.fromkeys(table.columns["map"].tolist()):
            mine = table.columns["map"] == name
            kinds = Counter(table.columns["status"][mine].tolist())
            counts.setdefault(name, {}).update({f"{table.kind}: {kind}": n for kind, n in kinds.items()})
            warnings += _doubts(name, table.kind, kinds)
    summary = _summary(counts, len(places.left_out), noises)
    record = {
        "dinsar": __version__,
        "places": places.source,
        "sign": "displacement in metres, positive toward the satellite, later minus earlier",
        "maps": {source.name: source.as_record() for source in found.sources},
        "noise": {name: noise.as_record() for name, noise in noises.items()},
        "counts": counts,
        "left_out": list(places.left_out),
        "warnings": warnings,
        "window": choices.window,
        "radius_m": choices.radius,
    }
    return Extracted(tables, record, tuple(warnings), tuple(summary))


def _summary(counts: Mapping[str, Mapping[str, int]], left_out: int, noises: Mapping[str, Noise]) -> list[str]:
    """Return lines that count what was done, and tell the noise: of many maps together."""
    if len(counts) <= _NAMED:
        lines = [_counted(name, kinds, left_out) for name, kinds in counts.items()]
        return lines + [noise.sentence(name) for name, noise in noises.items()]
    together: Counter[str] = Counter()
    for kinds in counts.values():
        together.update(kinds)
    told = ["The noise of each map is in the columns noise_model to noise_range_m."] if noises else []
    return [_counted(f"{len(counts)} maps", together, left_out), *told]


def _doubts(name: str, what: str, kinds: Mapping[str, int]) -> list[str]:
    """Warn of places without a value that can be relied on."""
    words = {
        OTHER_COMPONENT: "in another component than the reference: whole cycles of their displacement are unknown",
        OUTSIDE: "outside the map: they have no value",
        NO_DATA: "where the map has no data: they have no value",
    }
    return [f"{name}: {kinds[kind]} of the {what} are {text}." for kind, text in words.items() if kinds.get(kind)]


def _counted(name: str, kinds: Mapping[str, int], left_out: int) -> str:
    total = sum(kinds.values())
    good = sum(count for kind, count in kinds.items() if kind.endswith(f": {OK}"))
    rest = [f"{count} {kind.partition(': ')[2]}" for kind, count in kinds.items() if not kind.endswith(f": {OK}")]
    told = f"{name}: {total} row{'' if total == 1 else 's'}, {good} ok"
    return "; ".join([told, *rest, *([f"{left_out} left out"] if left_out else [])]) + "."


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more
